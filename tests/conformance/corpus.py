"""Collects the corpus that round trips are tested on into one folder.

Usage: corpus.py DIR [--models DIR]. The parts: every model of Debian's libonnx-testdata, every
model inside the installed onnx wheel, every node test case that onnx makes in code, and the
exported models. Nothing is deduplicated; names are the same in every run. Fewer than MINIMUM
models is a failure. A folder that was finished from the same files is left as it is."""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import warnings

import onnx

MINIMUM = 2900


def debian_models():
    """Paths of the package's models; the package list, not a search, says what it holds."""
    listing = subprocess.run(["dpkg", "-L", "libonnx-testdata"], capture_output=True, text=True,
                             check=False).stdout.split("\n")
    return sorted(path for path in listing if path.endswith(".onnx"))


def wheel_models():
    top = os.path.dirname(onnx.__file__)
    found = [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names]
    return sorted(path for path in found if path.endswith(".onnx"))


def referenced_files(path):
    """Relative names of the data files that a model refers to."""
    model, names = onnx.load(path, load_external_data=False), set()
    for tensor in onnx.external_data_helper._get_all_tensors(model):
        for entry in tensor.external_data:
            if entry.key == "location":
                names.add(entry.value)
    return sorted(names)


def flat_name(path, top):
    return os.path.relpath(path, top).replace(os.sep, "__")


def copy_model(path, target):
    """The model, and its data files beside it under their own relative names."""
    shutil.copyfile(path, target)
    if b"location" not in open(path, "rb").read():
        return
    for name in referenced_files(path):
        into = os.path.join(os.path.dirname(target), name)
        os.makedirs(os.path.dirname(into), exist_ok=True)
        shutil.copyfile(os.path.join(os.path.dirname(path), name), into)


def copy_part(folder, paths, top):
    os.makedirs(folder)
    for path in paths:
        copy_model(path, os.path.join(folder, flat_name(path, top)))
    return len(paths)


def write_node_cases(folder):
    """onnx.backend.test's cases exist only as code; they warn about overflows on purpose."""
    from onnx.backend.test.case.node import collect_testcases
    os.makedirs(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    for index, case in enumerate(sorted(cases, key=lambda case: case.name)):
        with open(os.path.join(folder, f"{index:04d}_{case.name}.onnx"), "wb") as file:
            file.write(case.model.SerializeToString(deterministic=True))
    return len(cases)


def digest(paths):
    """Of names, sizes and times: what changes when any of the files does."""
    stats = [(path, os.stat(path)) for path in paths]
    text = repr([(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats])
    return hashlib.sha256(text.encode()).hexdigest()


def make(folder, models=None):
    """Makes the corpus unless it is there; returns {part: number of models}."""
    stamp = os.path.join(folder, "stamp.json")
    debian, wheel = debian_models(), wheel_models()
    given, exported = [], []
    if models:
        given = sorted(os.path.join(models, name) for name in os.listdir(models))
        exported = [path for path in given if path.endswith(".onnx")]
    key = [onnx.__version__, models, digest([os.path.realpath(__file__), *debian, *wheel, *given])]
    if os.path.exists(stamp):
        made = json.load(open(stamp, encoding="utf-8"))
        if made["key"] == key:
            return made["parts"]
    if os.path.isdir(folder) and os.listdir(folder):
        for name in ("debian", "wheel", "cases", "exported"):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    os.makedirs(folder, exist_ok=True)
    parts = {
        "debian": copy_part(os.path.join(folder, "debian"), debian, "/usr/share/libonnx-testdata"),
        "wheel": copy_part(os.path.join(folder, "wheel"), wheel, os.path.dirname(onnx.__file__)),
        "cases": write_node_cases(os.path.join(folder, "cases")),
        "exported": copy_part(os.path.join(folder, "exported"), exported, models or "/"),
    }
    with open(stamp, "w", encoding="utf-8") as file:
        json.dump({"key": key, "parts": parts}, file)
    return parts


def paths(folder):
    """Every model of a made corpus, in a fixed order."""
    found = [os.path.join(top, name) for top, _, names in os.walk(folder) for name in names]
    return sorted(path for path in found if path.endswith(".onnx"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--models")
    options = parser.parse_args()
    parts = make(options.folder, options.models)
    total = sum(parts.values())
    print(", ".join(f"{number} {part}" for part, number in parts.items()) + f": {total} models")
    if total < MINIMUM:
        print(f"fewer than {MINIMUM} models", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
