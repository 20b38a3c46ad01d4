#!/usr/bin/env python3
"""function_sizes.py - how long are our C functions?  function_sizes.py FOLDER...

Counts the lines between the braces of every function definition, and fails if the median is above
10 or any is above 100. A definition, in our style, is a brace in column 1 after a line that ends
a parameter list; comments and strings are blanked first, so that their braces do not count.
"""
import re
import statistics
import sys
from pathlib import Path

MEDIAN, LONGEST, SHOWN = 10, 100, 10
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def functions(path):
    """(lines, place, name) of every function defined in the file."""
    lines = NOISE.sub(blank, path.read_text(encoding="utf-8")).split("\n")
    head, start = "", None
    for number, line in enumerate(lines):
        if start is None and line.startswith("{") and head.rstrip().endswith(")"):
            start, name = number, re.search(r"(\w+)\s*\(", head).group(1)
        elif start is not None and line.startswith("}"):
            yield number - start - 1, f"{path}:{start}", name
            start, head = None, ""
        elif not line.strip() or line.startswith("#") or re.search(r"[;}]\s*$", line):
            head = ""
        elif start is None:
            head += line + "\n"


def main(folders):
    files = [file for folder in folders for file in sorted(Path(folder).rglob("*.[ch]"))]
    found = sorted((item for file in files for item in functions(file)), reverse=True)
    if not found:
        sys.exit("no functions found")
    lengths = [length for length, _, _ in found]
    median = statistics.median(lengths)
    tenth = lengths[len(lengths) // 10]
    print(f"{len(found)} functions in {len(files)} files: median {median:g} lines, "
          f"one in ten above {tenth}, longest {lengths[0]}")
    for length, place, name in found[:SHOWN]:
        print(f"  {length:4d}  {place}  {name}")
    if median > MEDIAN or lengths[0] > LONGEST:
        sys.exit(f"too long: the house allows a median of {MEDIAN} and at most {LONGEST} lines")


main(sys.argv[1:])
