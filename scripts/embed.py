#!/usr/bin/env python3
"""Writes text files as C constants, without comments and empty lines: embed.py OUT.h NAME=FILE...

A line that includes a file in quotes becomes the text of that file, looked for beside the one that
includes it. NAME[] instead of NAME makes an array of pieces: each function of a file like scalar.h,
that is one called HB_NAME(...), with its name; and what lies between them, without one."""
import os
import re
import sys


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
    for line in filter(None, map(str.rstrip, text.splitlines())):
        included = re.fullmatch(r'#include "(.*)"', line)
        if included:
            yield from lines_of(os.path.join(os.path.dirname(path), included[1]))
        else:
            yield line


def pieces_of(lines):
    """Pairs of a function's name, or None, and its lines."""
    name, piece, depth = None, [], 0
    for line in lines:
        begins = name is None and re.match(r"HB_INLINE .*?HB_NAME *\( *(\w+) *\)", line)
        if begins:
            yield None, piece
            name, piece, depth = begins[1], [], 0
        piece.append(line)
        depth += line.count("{") - line.count("}")
        if name is not None and depth == 0 and line.endswith("}"):
            yield name, piece
            name, piece = None, []
    assert name is None, f"{name} does not end"
    yield None, piece


def quoted(lines):
    escaped = [line.replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return "\n".join(f'    "{line}\\n"' for line in escaped)


def array(name, lines):
    rows = []
    for function, piece in pieces_of(lines):
        called = "NULL" if function is None else f'"{function}"'
        if piece:
            rows.append(f"    {{{called},\n{quoted(piece)}}}")
    return "static const struct {\n    const char *function, *text;\n} " + \
        f"{name} = {{\n" + ",\n".join(rows) + "};\n"


def main(out, *pairs):
    with open(out, "w", encoding="utf-8") as header:
        header.write("/* Made by scripts/embed.py. */\n#include <stddef.h>\n")
        for pair in pairs:
            name, path = pair.split("=", 1)
            if name.endswith("[]"):
                header.write(array(name, lines_of(path)))
            else:
                header.write(f"static const char {name}[] =\n{quoted(lines_of(path))};\n")


main(*sys.argv[1:])
