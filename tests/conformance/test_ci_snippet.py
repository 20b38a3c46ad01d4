"""The shell parts of docs/annotations-ci.md do what the page says: pass, drift, missing file.

The text between `run: |` (or `- |`) and the end of its block is run as the CI services run it
(`bash -e`, `sh -e`), in a folder with an annotated model and its committed text."""
import os
import shutil
import sys

import common

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "..", "docs", "annotations-ci.md")
MODEL = os.path.join(HERE, "..", "models", "query_encoder_ts_op17.onnx")
RULES = """{"format_version": 1, "rules": [
  {"select": "tensor:word.weight", "spec": "u8 axis=0 affine zp=int observer=minmax"},
  {"select": "tensor:position.weight", "spec": "float", "reason": "small"}]}
"""


def blocks(page):
    """The literal blocks of the page's YAML, each as (line that opens it, text)."""
    lines = page.split("\n")
    for number, line in enumerate(lines):
        if not line.rstrip().endswith(("run: |", "- |")):
            continue
        indent = len(line) - len(line.lstrip()) + 2
        body = []
        for inner in lines[number + 1:]:
            if inner.strip() and len(inner) - len(inner.lstrip()) < indent:
                break
            if inner.startswith("```"):
                break
            body.append(inner[indent:])
        yield line.strip(), "\n".join(body).rstrip() + "\n"


def prepare(options, folder):
    """models/m.onnx, annotated, and models/m.annotations, as exported; `quire` for the path."""
    models, program = os.path.join(folder, "models"), os.path.join(folder, "bin")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(models)
    os.makedirs(program)
    os.symlink(options.quire, os.path.join(program, "quire"))
    with open(os.path.join(folder, "rules.json"), "w", encoding="utf-8") as file:
        file.write(RULES)
    model, text = os.path.join(models, "m.onnx"), os.path.join(models, "m.annotations")
    for command in (["annotate", MODEL, "--rules", os.path.join(folder, "rules.json"), "-o", model],
                    ["annotations", "export", model, "-o", text]):
        ran = common.run(options.quire, *command)
        if ran.code != 0:
            raise SystemExit(str(ran))
    return model, text


def run_block(shell, block, folder):
    path = os.path.join(folder, "bin") + ":" + os.environ["PATH"]
    return common.run("env", f"PATH={path}", shell, "-e", "-c", block, cwd=folder)


def drift(text):
    """One committed line says another type; returns the changed line."""
    with open(text, encoding="utf-8") as file:
        lines = file.read().split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("word.weight"))
    lines[at] = lines[at].replace(" u8 ", " u4 ")
    with open(text, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def try_block(options, tally, opening, shell, block):
    folder = os.path.join(options.work, "snippet")
    model, text = prepare(options, folder)
    ran = run_block(shell, block, folder)
    tally.expect(ran.code == 0, opening, f"as committed: {ran}")
    drift(text)
    ran = run_block(shell, block, folder)
    tally.expect(ran.code == 1, opening, f"drift: {ran}")
    out = ran.out.decode("utf-8", "replace")
    tally.expect("word.weight" in out and "rules.json:2" in out, opening,
                 f"drift does not name the slot and who is behind it: {out!r}")
    os.remove(model)
    tally.expect(run_block(shell, block, folder).code == 3, opening, "a missing model is not 3")
    os.remove(text)
    tally.expect(run_block(shell, block, folder).code == 3, opening, "a missing text is not 3")
    tally.count("snippets")


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    with open(PAGE, encoding="utf-8") as file:
        found = list(blocks(file.read()))
    for opening, block in found:
        for shell in ("bash", "sh"):
            try_block(options, tally, f"{opening} ({shell})", shell, block)
    tally.expect(tally.counts["snippets"] == 4, PAGE, f"{len(found)} blocks found, 2 expected")
    return tally.finish("the CI page's shell")


if __name__ == "__main__":
    sys.exit(main())
