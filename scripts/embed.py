#!/usr/bin/env python3
"""Writes text files as C string constants: embed.py OUT.h NAME=FILE...

A line that includes a file in quotes becomes the text of that file, looked for beside the one that
includes it."""
import os
import re
import sys


def quoted(line):
    escaped = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'    "{escaped}\\n"'


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            included = re.fullmatch(r'#include "(.*)"', line)
            if included:
                yield from lines_of(os.path.join(os.path.dirname(path), included[1]))
            else:
                yield line


def main(out, *pairs):
    with open(out, "w", encoding="utf-8") as header:
        header.write("/* Made by scripts/embed.py. */\n")
        for pair in pairs:
            name, path = pair.split("=", 1)
            lines = [quoted(line) for line in lines_of(path)]
            header.write(f"static const char {name}[] =\n" + "\n".join(lines) + ";\n")


main(*sys.argv[1:])
