#!/usr/bin/env python3
"""Writes text files as C string constants: embed.py OUT.h NAME=FILE..."""
import sys


def quoted(line):
    escaped = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'    "{escaped}\\n"'


def main(out, *pairs):
    with open(out, "w", encoding="utf-8") as header:
        header.write("/* Made by scripts/embed.py. */\n")
        for pair in pairs:
            name, path = pair.split("=", 1)
            with open(path, encoding="utf-8") as file:
                lines = [quoted(line) for line in file.read().splitlines()]
            header.write(f"static const char {name}[] =\n" + "\n".join(lines) + ";\n")


main(*sys.argv[1:])
