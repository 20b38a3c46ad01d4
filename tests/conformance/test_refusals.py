"""What quire refuses, and how: exit code, one error line, nothing on stdout, no file left.

Every refusal is run with text and with JSON output, once with nothing at the output path and once
with a file there, and the whole folder is compared before and after: names, kinds and bytes.
Also here: exit 1 for models without an eligible table, stdin, --dry-run."""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

import common

BAD_INPUT, USAGE, NOTHING, SYSTEM = 3, 2, 1, 4


def table(name, count=64, width=24, bad=None):
    x = np.random.default_rng(len(name)).standard_normal((count, width)).astype(np.float32)
    if bad is not None:
        x[bad[0], bad[1]] = bad[2]
    return numpy_helper.from_array(x, name)


def model(tensors, overridable=(), extra=()):
    """Looks every tensor up by the same ids."""
    info = h.make_tensor_value_info
    nodes = [h.make_node("Gather", [t.name, "ids"], [f"r{i}"]) for i, t in enumerate(tensors)]
    nodes += extra
    graph = h.make_graph(nodes, "g", [info("ids", T.INT64, ["n"])] + [
        info(t.name, t.data_type, list(t.dims)) for t in tensors if t.name in overridable],
        [info(node.output[0], T.FLOAT, None) for node in nodes], list(tensors))
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)])
    made.ir_version = 8
    made.ClearField("producer_name")
    return made


def external(tensor, location, offset=0):
    data = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = T.EXTERNAL
    for key, text in (("location", location), ("offset", offset), ("length", len(data))):
        tensor.external_data.add(key=key, value=str(text))
    return data


def snapshot(folder):
    """{relative name: what it is and holds}; links are not followed."""
    found = {}
    for top, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = os.path.join(top, name)
            if os.path.islink(path):
                what = "link to " + os.readlink(path)
            elif os.path.isdir(path):
                what = "folder"
            elif not os.path.isfile(path):
                what = "special"
            else:
                what = hashlib.sha256(common.read(path)).hexdigest()
            found[os.path.relpath(path, folder)] = what
    return found


class Tester:
    """A scratch folder with models in it, and the ways to ask for a refusal."""

    def __init__(self, options):
        self.quire, self.tally = options.quire, common.Tally()
        self.folder = os.path.join(options.work, "refusals")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.SerializeToString())
        return self.path(name)

    def refuse(self, what, code, *args, says=(), prefix=(), stdin=None, codes=()):
        """The command is refused with this exit code, in both formats."""
        formats = [[], ["--format", "json"]] if args[0] in ("quantize", "tables") else [[]]
        for form in formats:
            before = snapshot(self.folder)
            done = common.run(*prefix, self.quire, *args, *form, stdin=stdin, cwd=self.folder)
            where = f"{what} {' '.join(form)}"
            self.tally.expect(done.code == code or done.code in codes, where, f"not {code}: {done}")
            lines = done.err.decode("utf-8", "replace").split("\n")
            self.tally.expect(len(lines) == 2 and lines[0] and not lines[1], where,
                              f"not one error line: {done.err[:400]!r}")
            self.tally.expect(not done.out, where, f"stdout: {done.out[:200]!r}")
            for word in says:
                self.tally.expect(str(word) in lines[0], where, f"{word} not in {lines[0]!r}")
            after = snapshot(self.folder)
            changed = sorted(set(before.items()) ^ set(after.items()))
            self.tally.expect(not changed, where, f"files changed: {changed[:4]}")
            self.tally.count(f"refusals, exit {done.code}")

    def nothing(self, what, *args, reason=None):
        """Exit 1: one document on stdout that says why, no file."""
        before = snapshot(self.folder)
        text = common.run(self.quire, *args, cwd=self.folder)
        done = common.run(self.quire, *args, "--format", "json", cwd=self.folder)
        self.tally.expect(text.code == done.code == NOTHING, what, f"not 1: {done}")
        self.tally.expect(text.out, what, "no text report")
        self.tally.expect(before == snapshot(self.folder), what, "files changed")
        report = self.json(what, done)
        if report is not None:
            reasons = {entry["reason"] for entry in report["skipped"]}
            self.tally.expect(report["tables"] == [] and report["receipt"] is None, what,
                              "tables or a receipt under exit 1")
            self.tally.expect(reason is None or reason in reasons, what, f"reasons: {reasons}")
        self.tally.count("nothing to do, exit 1")

    def json(self, what, done):
        try:
            return json.loads(done.out)
        except ValueError as error:
            self.tally.fail(what, f"stdout is not one JSON document: {error}; {done}")
            return None

    def works(self, what, *args, stdin=None):
        done = common.run(self.quire, *args, stdin=stdin, cwd=self.folder)
        self.tally.expect(done.code == 0, what, str(done))
        return done


def nothing_eligible(t):
    relu = h.make_node("Relu", ["x"], ["y"])
    info = h.make_tensor_value_info
    plain = h.make_model(h.make_graph([relu], "g", [info("x", T.FLOAT, [1])], [
        info("y", T.FLOAT, [1])]), opset_imports=[h.make_opsetid("", 17)])
    t.write("plain.onnx", plain)
    t.nothing("no table", "quantize", "plain.onnx", "-o", "out.onnx")
    t.works("no table, --allow-empty", "quantize", "plain.onnx", "-o", "out.onnx", "--allow-empty")
    same = os.path.exists(t.path("out.onnx")) and common.read(t.path("out.onnx")) == common.read(
        t.path("plain.onnx"))
    t.tally.expect(same, "--allow-empty", "the file is not the input's bytes")
    if os.path.exists(t.path("out.onnx")):
        os.unlink(t.path("out.onnx"))
    over = table("over")
    t.write("over.onnx", model([over], overridable=["over"]))
    t.nothing("only overridable tables", "quantize", "over.onnx", "-o", "out.onnx",
              reason="overridable-initializer")
    t.write("two.onnx", model([table("good"), table("emb/small", 2, 4)]))
    t.nothing("--only matches ineligible ones", "quantize", "two.onnx", "-o", "out.onnx", "--only",
              "*small", reason="too-small")
    t.nothing("everything skipped", "quantize", "two.onnx", "-o", "out.onnx", "--skip", "*",
              reason="excluded")
    t.nothing("dry run of no table", "quantize", "plain.onnx", "--dry-run")


def usage(t):
    q = ("quantize", "two.onnx", "-o", "out.onnx")
    t.refuse("--only matches nothing", USAGE, *q, "--only", "goof", says=["goof", "good"])
    t.refuse("--skip matches nothing", USAGE, *q, "--skip", "goof*", says=["goof"])
    t.refuse("--bits-for matches nothing", USAGE, *q, "--bits-for", "goof=4", says=["goof"])
    t.refuse("one of two --only matches nothing", USAGE, *q, "--only", "good", "--only", "nix")
    for bad in (["--bits", "3"], ["--bits", "x"], ["--bits", ""], ["--block", "20"],
                ["--block", "0x20"], ["--zero-point", "half"], ["--scales", "f64"],
                ["--search", "best"], ["--target", "ort"], ["--target", "Quire"],
                ["--target", "nonsense"], ["--non-finite", "maybe"], ["--min-elements", "-1"],
                ["--min-elements", "many"], ["--bits-for", "good"], ["--bits-for", "good=5"],
                ["--bits-for", "good="], ["--nonsense"], ["--bits"], ["--format", "yaml"]):
        args = list(q) + bad
        if bad[0] == "--format":
            before = snapshot(t.folder)
            done = common.run(t.quire, *args, cwd=t.folder)
            fine = done.code == USAGE and not done.out and before == snapshot(t.folder)
            t.tally.expect(fine, "--format yaml", str(done))
        elif bad == ["--bits"]:
            done = common.run(t.quire, *args, cwd=t.folder)
            t.tally.expect(done.code == USAGE and not done.out, "--bits without value", str(done))
        else:
            t.refuse(" ".join(bad), USAGE, *args)
    t.refuse("no -o", USAGE, "quantize", "two.onnx")
    t.refuse("-o -", USAGE, "quantize", "two.onnx", "-o", "-")
    t.refuse("opt -o -", USAGE, "opt", "two.onnx", "-o", "-")
    t.refuse("no input", USAGE, "quantize", "-o", "out.onnx")
    t.refuse("two inputs", USAGE, "quantize", "two.onnx", "over.onnx", "-o", "out.onnx")
    t.refuse("unknown verb", USAGE, "quantise", "two.onnx")
    t.refuse("unknown pass", USAGE, "opt", "two.onnx", "-o", "out.onnx", "--passes", "nonsense")


def same_file(t):
    os.symlink("two.onnx", t.path("link.onnx"))
    os.link(t.path("two.onnx"), t.path("hard.onnx"))
    os.symlink(".", t.path("here"))
    for name in ("two.onnx", "./two.onnx", "link.onnx", "hard.onnx", "here/two.onnx",
                 t.path("two.onnx")):
        for verb in ("quantize", "opt"):
            t.refuse(f"{verb}: output is the input by {name}", USAGE, verb, "two.onnx", "-o", name)
    t.refuse("input by link, output the file", USAGE, "quantize", "link.onnx", "-o", "two.onnx")
    for name in ("link.onnx", "hard.onnx", "here"):
        os.unlink(t.path(name))


def bad_input(t, sample):
    small = model([table("good", 4, 4)])
    data = small.SerializeToString()
    for size in range(0, len(data), 7 if sample else 1):
        t.write("cut.onnx", data[:size])
        verb = ("quantize", "opt", "tables", "print")[size % 4]
        out = ["-o", "out.onnx"] if verb in ("quantize", "opt") else []
        t.refuse(f"{verb}: first {size} of {len(data)} bytes", BAD_INPUT, verb, "cut.onnx", *out,
                 says=["cut.onnx"])
    t.write("garbage.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    t.write("random.onnx", random.Random(3).randbytes(5000))
    t.write("html.onnx", b"<!DOCTYPE html><html></html>")
    for name in ("garbage.onnx", "random.onnx", "html.onnx", "missing.onnx", ".", "/dev/null"):
        t.refuse(f"input {name}", BAD_INPUT, "quantize", name, "-o", "out.onnx")
    os.mkfifo(t.path("fifo.onnx"))
    t.refuse("input is a pipe file", BAD_INPUT, "quantize", "fifo.onnx", "-o", "out.onnx")
    os.unlink(t.path("fifo.onnx"))
    twice = model([table("good")])
    twice.graph.node.append(twice.graph.node[0])
    t.write("twice.onnx", twice)
    for verb in ("quantize", "opt"):
        t.refuse(f"{verb}: not in SSA form", BAD_INPUT, verb, "twice.onnx", "-o", "out.onnx",
                 says=["r0"])
    short = model([table("good")])
    short.graph.initializer[0].raw_data = short.graph.initializer[0].raw_data[:-4]
    t.write("short.onnx", short)
    t.refuse("raw data too short", BAD_INPUT, "quantize", "short.onnx", "-o", "out.onnx",
             says=["good"])


def external_data(t):
    made = model([table("good"), table("more")])
    blob = external(made.graph.initializer[0], "sub/w.bin")
    t.write("ext.onnx", made)
    for verb in ("quantize", "opt"):
        t.refuse(f"{verb}: missing data file", BAD_INPUT, verb, "ext.onnx", "-o", "out.onnx",
                 says=["w.bin"])
    t.write("sub/w.bin", blob[:-1])
    t.refuse("data file too short", BAD_INPUT, "quantize", "ext.onnx", "-o", "out.onnx",
             says=["w.bin"])
    t.write("sub/w.bin", blob)
    for verb in ("quantize", "opt"):
        t.refuse(f"{verb}: output is the data file", USAGE, verb, "ext.onnx", "-o", "sub/w.bin")
    os.symlink("sub/w.bin", t.path("by.link"))
    t.refuse("output is the data file by a link", USAGE, "quantize", "ext.onnx", "-o", "by.link")
    os.unlink(t.path("by.link"))
    t.refuse("external data and stdin", BAD_INPUT, "quantize", "-", "-o", "out.onnx",
             stdin=common.read(t.path("ext.onnx")))
    for name, location in (("absolute", "/etc/passwd"), ("parent", "../w.bin"), ("empty", "")):
        bad = model([table("good")])
        external(bad.graph.initializer[0], location)
        t.write("loc.onnx", bad)
        t.refuse(f"data location {name}", BAD_INPUT, "quantize", "loc.onnx", "-o", "out.onnx")
    for name, offset in (("behind the end", 1 << 40), ("negative", -1), ("wraps", 2 ** 64 - 8)):
        bad = model([table("good")])
        external(bad.graph.initializer[0], "sub/w.bin", offset)
        t.write("loc.onnx", bad)
        t.refuse(f"data offset {name}", BAD_INPUT, "quantize", "loc.onnx", "-o", "out.onnx")


def not_finite(t):
    for name, bad in (("nan", float("nan")), ("inf", float("inf")), ("minus", float("-inf"))):
        t.write("bad.onnx", model([table("good"), table("the.bad", bad=(37, 11, bad))]))
        t.refuse(f"{name} in a table", BAD_INPUT, "quantize", "bad.onnx", "-o", "out.onnx",
                 says=["the.bad", 37, 11])
        t.works(f"{name}, --skip", "quantize", "bad.onnx", "-o", "out.onnx", "--skip", "the.bad")
        os.unlink(t.path("out.onnx"))
        done = t.works(f"{name}, keep-float", "quantize", "bad.onnx", "-o", "out.onnx",
                       "--non-finite", "keep-float", "--format", "json")
        report = t.json("keep-float", done)
        if report:
            got = [(e["table"], e["reason"]) for e in report["skipped"]]
            t.tally.expect(got == [("the.bad", "non-finite")], "keep-float", f"skipped: {got}")
        if os.path.exists(t.path("out.onnx")):
            os.unlink(t.path("out.onnx"))
    t.write("bad.onnx", model([table("the.bad", bad=(37, 11, float("nan")))]))
    t.nothing("only a non-finite table, keep-float", "quantize", "bad.onnx", "-o", "out.onnx",
              "--non-finite", "keep-float", reason="non-finite")


def places(t):
    """Where an output cannot be written: exit 4; root is not stopped by modes, so drop rights."""
    t.refuse("missing output folder", SYSTEM, "quantize", "two.onnx", "-o", "no/such/out.onnx")
    t.refuse("opt: missing output folder", SYSTEM, "opt", "two.onnx", "-o", "no/such/out.onnx")
    t.refuse("folder is a file", SYSTEM, "quantize", "two.onnx", "-o", "over.onnx/out.onnx")
    t.refuse("output in /proc", SYSTEM, "quantize", "two.onnx", "-o", "/proc/out.onnx")
    os.makedirs(t.path("folder.onnx"))
    t.refuse("output is a folder", SYSTEM, "quantize", "two.onnx", "-o", "folder.onnx",
             codes=(USAGE,))
    os.rmdir(t.path("folder.onnx"))
    os.makedirs(t.path("locked"))
    os.chmod(t.path("locked"), 0o555)
    prefix = ()
    if os.geteuid() == 0:
        prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        seen = shutil.which("setpriv") and subprocess.run(
            [*prefix, t.quire, "version"], cwd=t.folder, capture_output=True,
            check=False).returncode == 0 and subprocess.run(
                [*prefix, "cat", t.path("two.onnx")], capture_output=True,
                check=False).returncode == 0
        if not seen:
            t.tally.count("not run: unwritable folder (no setpriv, or paths closed to others)")
            return
    t.refuse("unwritable folder", SYSTEM, "quantize", "two.onnx", "-o", "locked/out.onnx",
             prefix=prefix)
    t.refuse("opt: unwritable folder", SYSTEM, "opt", "two.onnx", "-o", "locked/out.onnx",
             prefix=prefix)


def kept_output(t):
    """A refused run leaves an older file at the output path as it was; a good one replaces it."""
    t.write("old.onnx", b"precious")
    t.write("cut.onnx", common.read(t.path("two.onnx"))[:-3])
    t.refuse("older output stays", BAD_INPUT, "quantize", "cut.onnx", "-o", "old.onnx")
    t.write("bad.onnx", model([table("the.bad", bad=(3, 4, float("nan")))]))
    t.refuse("older output stays", BAD_INPUT, "quantize", "bad.onnx", "-o", "old.onnx")
    t.nothing("older output stays", "quantize", "plain.onnx", "-o", "old.onnx")
    t.works("older output is replaced", "quantize", "two.onnx", "-o", "old.onnx")
    t.tally.expect(common.read(t.path("old.onnx")) != b"precious", "replaced", "it was not")
    os.unlink(t.path("old.onnx"))


def stdin_and_dry_run(t):
    t.works("from a file", "quantize", "two.onnx", "-o", "a.onnx")
    t.works("from stdin", "quantize", "-", "-o", "b.onnx", stdin=common.read(t.path("two.onnx")))
    if os.path.exists(t.path("a.onnx")) and os.path.exists(t.path("b.onnx")):
        same = common.read(t.path("a.onnx")) == common.read(t.path("b.onnx"))
        t.tally.expect(same, "stdin", "other bytes than from the file")
    for name in ("a.onnx", "b.onnx"):
        if os.path.exists(t.path(name)):
            os.unlink(t.path(name))
    t.works("opt from stdin", "opt", "-", "-o", "b.onnx", stdin=common.read(t.path("two.onnx")))
    same = common.read(t.path("b.onnx")) == common.read(t.path("two.onnx"))
    t.tally.expect(same, "opt from stdin", "other bytes")
    os.unlink(t.path("b.onnx"))
    for source in ("two.onnx", "ext.onnx"):
        for options in ([], ["--bits", "4"], ["--bits", "2", "--block", "16"], ["--target",
                        "dequantized"], ["--zero-point", "float", "--scales", "f16"]):
            dry_run(t, source, options)
    t.refuse("dry run, --only matches nothing", USAGE, "quantize", "two.onnx", "--dry-run",
             "--only", "goof")
    t.refuse("dry run, truncated", BAD_INPUT, "quantize", "cut.onnx", "--dry-run")


def dry_run(t, source, options):
    """Its receipt and tables are the real run's, but for what needs the weights; -o is optional."""
    where = f"dry run {source} {' '.join(options)}"
    base = ["quantize", source, *options, "--format", "json"]
    before = snapshot(t.folder)
    dry = t.works(where, *base, "--dry-run", "-o", source.replace(".onnx", ".q.onnx"))
    bare = t.works(where, *base, "--dry-run")
    t.tally.expect(before == snapshot(t.folder), where, "files changed")
    t.tally.expect(dry.out == bare.out, where, "without -o another report")
    real = t.works(where, *base, "-o", source.replace(".onnx", ".q.onnx"))
    reports = [t.json(where, done) for done in (dry, real)]
    if None in reports:
        return
    t.tally.expect(reports[0].get("dry_run") is True, where, "dry_run is not true")
    t.tally.expect(reports[0]["receipt"] == reports[1]["receipt"], where,
                   f"receipt {reports[0]['receipt']}, real run {reports[1]['receipt']}")
    for a, b in zip(reports[0]["tables"], reports[1]["tables"]):
        t.tally.expect(a["sqnr_db"] is None and a["worst_row"] is None, where, "figures not null")
        for key in set(a) - {"sqnr_db", "worst_row"}:
            t.tally.expect(a[key] == b[key], where, f"{key}: {a[key]}, real run {b[key]}")
    t.tally.expect(reports[0]["skipped"] == reports[1]["skipped"], where, "skipped differs")
    t.tally.count("dry runs equal to the real run")
    for name in set(snapshot(t.folder)) - set(before):
        os.unlink(t.path(name))


def real_models(t, folder, sample):
    """The same on exported files: cut at random places; tables that may be overridden."""
    lstm = os.path.join(folder, "lstm_lm_tied_ts_op12.onnx")
    if os.path.exists(lstm):
        t.nothing("overridable in an exported model", "quantize", lstm, "-o", "out.onnx",
                  reason="overridable-initializer")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".onnx"))
    rng = random.Random(9)
    for name in names[::6] if sample else names:
        data = common.read(os.path.join(folder, name))
        for size in rng.sample(range(len(data)), 4):
            t.write("cut.onnx", data[:size])
            done = common.run(t.quire, "quantize", "cut.onnx", "-o", "out.onnx", cwd=t.folder)
            cut = onnx.ModelProto()
            try:
                cut.ParseFromString(data[:size])
                whole = cut.HasField("graph") and len(cut.opset_import) > 0
            except Exception:
                whole = False
            fine = whole or (done.code == BAD_INPUT and done.err.count(b"\n") == 1
                             and not done.out and not os.path.exists(t.path("out.onnx")))
            t.tally.expect(fine, f"first {size} bytes of {name}", str(done))
            t.tally.count("exported models cut")
            if os.path.exists(t.path("out.onnx")):
                os.unlink(t.path("out.onnx"))
    t.write("cut.onnx", common.read(t.path("two.onnx"))[:-3])


def main():
    options = common.arguments(__doc__)
    tester = Tester(options)
    nothing_eligible(tester)
    usage(tester)
    same_file(tester)
    bad_input(tester, options.sample)
    external_data(tester)
    not_finite(tester)
    kept_output(tester)
    if options.models:
        real_models(tester, options.models, options.sample)
    places(tester)
    stdin_and_dry_run(tester)
    return tester.tally.finish("refusals")


if __name__ == "__main__":
    sys.exit(main())
