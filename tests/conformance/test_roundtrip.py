"""Lossless import and export, over the corpus, the exported models and the fixtures.

For every model: `opt IN -o OUT` gives the same bytes, `opt --reencode` too, data files are left
alone or copied whole, two imports print the same text, and the text parses back to the same
model. What is excepted is listed below and counted; an exception that does not occur is a
failure as well, so that the lists cannot rot."""
import collections
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import onnx

import common
import corpus
import fixtures

# Not in SSA form: refused with exit code 3 by every verb.
INVALID = {"invalid_duplicate_name_dynamo_op18.onnx"}
# Fields that the text form does not carry, as `Message.field`; nothing else may differ.
LOST_IN_TEXT = set()


class Case:
    """One model and what the checks found; made in worker threads, read in the main one."""

    def __init__(self, path, out):
        self.path, self.out, self.tally = path, out, common.Tally()
        self.name = os.path.basename(path)
        self.data = common.read(path)
        self.lost = collections.Counter()

    def expect(self, truth, text):
        return self.tally.expect(truth, self.path, text)


def same_file(path, data):
    return os.path.exists(path) and common.read(path) == data


def check_opt(case, quire, flags, key):
    """One run of opt; the output is removed again."""
    done = common.run(quire, "opt", *flags, case.path, "-o", case.out)
    if case.expect(done.code == 0, str(done)):
        if case.expect(same_file(case.out, case.data), f"{key}: other bytes"):
            case.tally.count(key)
        check_copies(case, key)
    if os.path.exists(case.out):
        os.unlink(case.out)


def data_files(data):
    """Relative names of data files, from the bytes that name them."""
    if b"location" not in data:
        return []
    model, names = onnx.ModelProto(), set()
    model.ParseFromString(data)
    for tensor in onnx.external_data_helper._get_all_tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            names.update(e.value for e in tensor.external_data if e.key == "location")
    return sorted(names)


def check_copies(case, key):
    """An output in another folder has each data file beside it, whole, under its own name."""
    for name in data_files(case.data):
        source = common.read(os.path.join(os.path.dirname(case.path), name))
        target = os.path.join(os.path.dirname(case.out), name)
        if case.expect(same_file(target, source), f"{key}: data file {name} missing or changed"):
            case.tally.count(f"{key}: data files copied whole")
            os.unlink(target)


def difference(old, new, where, found):
    """Counts the paths `Message.field` at which two messages differ."""
    for field in old.DESCRIPTOR.fields:
        if field.is_repeated:
            a, b = list(getattr(old, field.name)), list(getattr(new, field.name))
        else:
            a = [getattr(old, field.name)] if old.HasField(field.name) else []
            b = [getattr(new, field.name)] if new.HasField(field.name) else []
        if field.message_type is not None and len(a) == len(b):
            for x, y in zip(a, b):
                if x.SerializeToString() != y.SerializeToString():
                    difference(x, y, field.message_type.name, found)
        elif a != b:
            found[f"{where}.{field.name}"] += 1


def check_text(case, quire):
    """print twice gives the same; print, parse, export gives the model but for LOST_IN_TEXT."""
    texts = [common.run(quire, "print", case.path) for _ in range(2)]
    if not case.expect(all(text.code == 0 for text in texts), str(texts[0])):
        return
    if case.expect(texts[0].out == texts[1].out, "print: two imports print different texts"):
        case.tally.count("print: same text twice")
    # Beside the model: the text refers to its weights by relative names.
    text_path = case.path + "txt"
    with open(text_path, "wb") as file:
        file.write(texts[0].out)
    done = common.run(quire, "opt", text_path, "-o", case.out)
    os.unlink(text_path)
    if not case.expect(done.code == 0, f"text: {done}"):
        return
    made = common.read(case.out)
    os.unlink(case.out)
    check_copies(case, "text")
    if made == case.data:
        case.tally.count("text: parsed back to the same bytes")
        return
    old, new = onnx.ModelProto(), onnx.ModelProto()
    old.ParseFromString(case.data)
    new.ParseFromString(made)
    difference(old, new, "ModelProto", case.lost)
    if not case.lost:
        case.lost["unknown fields or encoding"] += 1
    lost = set(case.lost) - LOST_IN_TEXT
    if case.expect(not lost, f"text: lost or changed {sorted(lost)}"):
        case.tally.count("text: same but for the listed fields")


def check_refused(case, quire):
    for flags in ([], ["--reencode"]):
        done = common.run(quire, "opt", *flags, case.path, "-o", case.out)
        lines = done.err.strip().split(b"\n")
        if case.expect(done.code == 3 and len(lines) == 1 and not done.out, str(done)):
            case.tally.count("excepted: invalid model, exit 3")
        case.expect(not os.path.exists(case.out), "a refused model left an output")


def check(job):
    path, out, quire, reencodes, text = job
    os.makedirs(os.path.dirname(out), exist_ok=True)
    case = Case(path, out)
    if case.name in INVALID:
        check_refused(case, quire)
        return case
    check_opt(case, quire, [], "opt: same bytes")
    if reencodes:
        check_opt(case, quire, ["--reencode"], "opt --reencode: same bytes")
    else:
        done = common.run(quire, "opt", "--reencode", path, "-o", out)
        case.expect(done.code == 0, str(done))
        case.tally.count("excepted: protobuf does not give the file back, --reencode not compared")
        if os.path.exists(out):
            os.unlink(out)
        for name in data_files(case.data):
            if os.path.exists(os.path.join(os.path.dirname(out), name)):
                os.unlink(os.path.join(os.path.dirname(out), name))
    if text:
        check_text(case, quire)
    return case


def check_shared_data(tally, quire, folder):
    """In the input's own folder the data file is shared: not written, not even touched."""
    path = os.path.join(folder, "external_shared_extent", "model.onnx")
    data = os.path.join(folder, "external_shared_extent", "weights.bin")
    before = os.stat(data)
    out = os.path.join(folder, "external_shared_extent", "again.onnx")
    done = common.run(quire, "opt", path, "-o", out)
    tally.expect(done.code == 0 and same_file(out, common.read(path)), out, str(done))
    after = os.stat(data)
    tally.expect((before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino), data,
                 "the shared data file was written")
    if os.path.exists(out):
        os.unlink(out)
    other = os.path.join(folder, "elsewhere")
    os.makedirs(other, exist_ok=True)
    with open(os.path.join(other, "weights.bin"), "wb") as file:
        file.write(b"another file")
    done = common.run(quire, "opt", path, "-o", os.path.join(other, "model.onnx"))
    tally.expect(done.code == 2 and sorted(os.listdir(other)) == ["weights.bin"], other,
                 f"a different data file of the same name must be exit 2: {done}")
    shutil.rmtree(other)
    tally.count("data file shared in the same folder; a different one elsewhere refused")


def jobs_of(options, tally):
    """(path, output, quire, whether --reencode must give the bytes back, whether to test text)"""
    top, made = options.corpus, os.path.join(options.work, "fixtures")
    parts = corpus.make(top, options.models)
    for part, number in parts.items():
        tally.count(f"corpus: {part}", number)
    tally.expect(sum(parts.values()) >= corpus.MINIMUM, "corpus", "fewer than 2,900 models")
    manifest = {os.path.join(made, entry["file"]): entry for entry in fixtures.make(made)}
    tally.count("fixtures", len(manifest))
    models = corpus.paths(top)
    if options.sample:
        models = models[::20] + [path for path in models if os.path.basename(path) in INVALID]
    jobs = []
    for index, path in enumerate([*dict.fromkeys(models), *manifest]):
        if path in manifest:
            reencodes = manifest[path]["reencode"] is True
        else:
            reencodes = fixtures.gives_back(common.read(path)) is True
        out = os.path.join(options.work, "out", str(index), os.path.basename(path))
        jobs.append((path, out, options.quire, reencodes, not options.no_text))
    return jobs, made


def main():
    options = common.arguments(__doc__, (["--no-text"], {"action": "store_true"}),
                               (["folders"], {"nargs": "*", "help": "more folders of models"}))
    tally = common.Tally()
    jobs, made = jobs_of(options, tally)
    for folder in options.folders:
        for path in corpus.paths(folder):
            out = os.path.join(options.work, "out", str(len(jobs)), os.path.basename(path))
            back = fixtures.gives_back(common.read(path)) is True
            jobs.append((path, out, options.quire, back, False))
    lost = collections.Counter()
    with ThreadPoolExecutor(options.jobs) as pool:
        for case in pool.map(check, jobs):
            tally.merge(case.tally.plain())
            lost.update(case.lost)
            if os.path.isdir(os.path.dirname(case.out)):
                shutil.rmtree(os.path.dirname(case.out))
    check_shared_data(tally, options.quire, made)
    for field, number in lost.items():
        tally.count(f"text: lost {field}", number)
    if not options.sample and not options.no_text:
        unused = LOST_IN_TEXT - set(lost)
        tally.expect(not unused, "LOST_IN_TEXT", f"listed but never lost: {sorted(unused)}")
    print(json.dumps({"models": len(jobs), "lost_in_text": lost}))
    return tally.finish("round trip")


if __name__ == "__main__":
    sys.exit(main())
