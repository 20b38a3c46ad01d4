"""What the conformance scripts share: arguments, running the program, counting, the last line.

Every script exits 1 on the first kind of failure it was written for, after printing all counts
and at most twenty failures. Nothing here knows what quire does."""
import argparse
import collections
import os
import subprocess
import sys
import tempfile
import time

SHOWN = int(os.environ.get("SHOWN", 20))


def arguments(doc, *extra):
    """The options that all scripts take; extra: (args, kwargs) of further ones."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--quire", required=True, help="the program under test")
    parser.add_argument("--models", help="folder of exported models (NAME.onnx, NAME.inputs.npz)")
    parser.add_argument("--work", help="scratch folder, kept; default: a temporary one, removed")
    parser.add_argument("--corpus", help="folder of corpus.py, kept; default: one in --work")
    parser.add_argument("--old-python", help="an interpreter with an old onnxruntime and numpy")
    parser.add_argument("--sample", action="store_true", help="a part that takes a minute or so")
    parser.add_argument("--jobs", type=int, default=2)
    for args, kwargs in extra:
        parser.add_argument(*args, **kwargs)
    options = parser.parse_args()
    options.quire = os.path.abspath(options.quire)
    if options.work is None:
        options.scratch = tempfile.TemporaryDirectory(prefix="quire-conformance-")
        options.work = options.scratch.name
    options.work = os.path.abspath(options.work)
    os.makedirs(options.work, exist_ok=True)
    options.corpus = os.path.abspath(options.corpus or os.path.join(options.work, "corpus"))
    return options


class Ran:
    """What one run of the program left behind."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def __str__(self):
        err = self.err.decode("utf-8", "replace").strip().replace("\n", " | ")[:300]
        return f"exit {self.code}: {' '.join(map(str, self.command))}: {err}"


def run(*command, stdin=None, cwd=None, timeout=60, stdout=subprocess.PIPE):
    """Runs a command to its end. A signal gives the negative code that subprocess reports."""
    feed = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    try:
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, cwd=cwd,
                              timeout=timeout, check=False, close_fds=False, **feed)
    except subprocess.TimeoutExpired:
        return Ran(command, -999, b"", b"still running at the time limit")
    return Ran(command, done.returncode, done.stdout or b"", done.stderr)


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Tally:
    """Counts by key, and failures as readable lines. merge() takes what a worker returned."""

    def __init__(self):
        self.counts, self.failures, self.start = collections.Counter(), [], time.monotonic()

    def count(self, key, number=1):
        self.counts[key] += number

    def fail(self, where, text):
        self.failures.append(f"{where}: {text}")

    def expect(self, truth, where, text):
        if not truth:
            self.fail(where, text)
        return bool(truth)

    def plain(self):
        return dict(self.counts), list(self.failures)

    def merge(self, plain):
        self.counts.update(plain[0])
        self.failures.extend(plain[1])

    def finish(self, title):
        """Prints everything and returns the exit code."""
        for key in sorted(self.counts):
            print(f"  {self.counts[key]:8d}  {key}")
        for line in self.failures[:SHOWN]:
            print(f"FAIL {line}")
        if len(self.failures) > SHOWN:
            print(f"... and {len(self.failures) - SHOWN} more failures")
        verdict = "FAILED" if self.failures else "ok"
        seconds = time.monotonic() - self.start
        print(f"{title}: {verdict}, {len(self.failures)} failures, {seconds:.0f} s", flush=True)
        return 1 if self.failures else 0


def fail_usage(text):
    print(text, file=sys.stderr)
    sys.exit(2)
