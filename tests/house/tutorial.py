#!/usr/bin/env python3
"""tutorial.py - does a page hold the programs it explains?  tutorial.py PAGE FILE[:LINES]...

The ```c pieces of PAGE, in order, must be the FILEs, one after the other: all of them, but for empty
lines and the comment lines that separate parts. A FILE must have no more than LINES lines.
"""
import difflib
import re
import sys
from pathlib import Path

PIECE = re.compile(r"^```c\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lines(text):
    return [line for line in text.splitlines() if line and not line.startswith("/* ---")]


def read(file):
    """The text of FILE[:LINES], and what is wrong with its length."""
    name, _, limit = file.partition(":")
    text = Path(name).read_text(encoding="utf-8")
    n = len(text.splitlines())
    return text, f"{name} has {n} lines, more than {limit}" if limit and n > int(limit) else ""


def main(page, files):
    told = lines("".join(PIECE.findall(Path(page).read_text(encoding="utf-8"))))
    texts, faults = zip(*map(read, files))
    real = lines("".join(texts))
    differences = list(difflib.unified_diff(real, told, " ".join(files), page, lineterm="", n=1))
    print("\n".join(differences + [fault for fault in faults if fault]) or
          f"{page} holds the {len(real)} lines of {' and '.join(files)}")
    return 0 if real and told == real and not any(faults) else 1


sys.exit(main(sys.argv[1], sys.argv[2:]))
