#!/usr/bin/env python3
"""coverage.py - which lines and branches did the tests reach?  coverage.py SOURCE BUILD

Reads the counters of a `coverage` build (gcc) with gcov, adds up what several programs counted for
the same line, and prints each file of src and tools, the least covered first.
"""
import collections
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def reports(build):
    """gcov's report on every object that ran, parsed."""
    data = [str(path) for path in sorted(build.rglob("*.gcda"))]
    with tempfile.TemporaryDirectory() as work:
        for path in data:
            subprocess.run(["gcov", "--json-format", "--branch-probabilities", path], cwd=work, check=True,
                           stdout=subprocess.DEVNULL)
            for name in os.listdir(work):
                with gzip.open(Path(work, name)) as file:
                    yield json.load(file)
                os.unlink(Path(work, name))


def main(source, build):
    lines = collections.defaultdict(lambda: collections.defaultdict(int))
    branches = collections.defaultdict(lambda: collections.defaultdict(int))
    for report in reports(build):
        for file in report["files"]:
            path = Path(report["current_working_directory"], file["file"]).resolve()
            if not path.is_relative_to(source / "src") and not path.is_relative_to(source / "tools"):
                continue
            for line in file["lines"]:
                lines[path][line["line_number"]] += line["count"]
                for index, branch in enumerate(line["branches"]):
                    branches[path][line["line_number"], index] += branch["count"]
    if not lines:
        sys.exit(f"{build}: no counters; build and test with the preset `coverage` first")

    def row(paths, name):
        counts = [[n for path in paths for n in table[path].values()] for table in (lines, branches)]
        shares = [100 * sum(map(bool, c)) / len(c) if c else 100.0 for c in counts]
        return *shares, f"{shares[0]:6.1f} {shares[1]:6.1f} {len(counts[0]):6d}  {name}"

    print(" lines branch  count")
    for *_, text in sorted(row([path], path.relative_to(source)) for path in lines):
        print(text)
    print(row(list(lines), "all")[-1])


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
