"""adjust against torchao: its own test of prepare_obs_or_fq_callback, and the same through quire.

torchao exports, annotates, prepares and converts; its callback replaces the observer of the whole
group of the output's value. A quantizer of ours fixes that group in the same model as ONNX. What is
in the group, and the parameters of every q and dq, must be the same. Needs torch and torchao."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings

import torch
from torchao.quantization.pt2e import FixedQParamsObserver, HistogramObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import (QuantizationAnnotation, QuantizationSpec,
                                                 Quantizer, SharedQuantizationSpec)

SCALE, ZERO_POINT = 0.125, 42
ONNX = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,4,4,4] x) => (float[1,4,4,1] t) {
  x2 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (x)
  x3 = DepthToSpace <blocksize = 2> (x2)
  t = Transpose <perm = [0, 2, 3, 1]> (x3)
}
"""
NAMES = ("x2", "x3", "t")  # of the operators, in order
RULES = {"format_version": 1, "rules": [
    {"select": "operand:0", "spec": "u8 tensor affine zp=int observer=histogram"},
    {"select": "result", "spec": "= $<-0"}]}


class Module(torch.nn.Module):
    def forward(self, x):
        x = torch.nn.functional.max_pool2d(x, 2, 2)
        return torch.nn.functional.pixel_shuffle(x, 2).permute(0, 2, 3, 1)


def operators(model):
    return [n for n in model.graph.nodes if n.op == "call_function" and "quantized" not in str(n)
            and any(w in str(n.target) for w in ("max_pool2d", "pixel_shuffle", "permute"))]


class Sharing(Quantizer):
    """Every operator shares; the callback fixes the group of the output's value."""

    def annotate(self, model):
        spec = QuantizationSpec(torch.uint8, HistogramObserver, 0, 255, torch.per_tensor_affine)
        for node in operators(model):
            node.meta["quantization_annotation"] = QuantizationAnnotation(
                {node.args[0]: spec}, SharedQuantizationSpec((node.args[0], node)), _annotated=True)
        return model

    def validate(self, model):
        pass

    def prepare_obs_or_fq_callback(self, model, edge_or_node_to_obs_or_fq):
        ours = operators(model)
        old = edge_or_node_to_obs_or_fq[ours[-1]]
        self.group = [key for key, made in edge_or_node_to_obs_or_fq.items() if made is old]
        fixed = FixedQParamsObserver(SCALE, ZERO_POINT, torch.uint8, torch.per_tensor_affine, 0, 255)
        for key in self.group:
            edge_or_node_to_obs_or_fq[key] = fixed
        self.slots = {f"{NAMES[ours.index(key[1])]}<-0" if isinstance(key, tuple)
                      else NAMES[ours.index(key)] for key in self.group}


def ask_torchao():
    """The slots of the group, and the parameters of every q and dq."""
    quantizer, inputs = Sharing(), (torch.rand(1, 4, 4, 4),)
    prepared = prepare_pt2e(torch.export.export(Module(), inputs).module(), quantizer)
    prepared(*inputs)
    converted = convert_pt2e(prepared)
    marks = [n for n in converted.graph.nodes if "quantize_per_tensor" in str(n.target)]
    return quantizer.slots, {tuple(n.args[1:3]) for n in marks}, len(marks)


def ask_quire(quire, plugin):
    with tempfile.TemporaryDirectory() as folder:
        model, rules, out = (os.path.join(folder, n) for n in ("m.txt", "r.json", "m.onnx"))
        with open(model, "w", encoding="ascii") as file:
            file.write(ONNX)
        with open(rules, "w", encoding="ascii") as file:
            json.dump(RULES, file)
        subprocess.run([quire, "annotate", model, "--plugin", plugin, "--rules", rules,
                        "--quantizer", f"adjuster:steps=fixed:t:{SCALE}:{ZERO_POINT}", "-o", out],
                       check=True, stdout=subprocess.DEVNULL)
        text = subprocess.run([quire, "annotations", "export", out], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        document = subprocess.run([quire, "annotations", "resolve", out, "-", "--format", "json"],
                                  check=True, input=text, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(document)["groups"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quire", required=True)
    parser.add_argument("--plugin", required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    slots, parameters, count = ask_torchao()
    groups = ask_quire(options.quire, options.plugin)
    fixed = {tuple(map(float, found)) for group in groups
             for found in re.findall(r"fixed\((.*), (.*)\)", group["spec"])}
    good = len(groups) == 1 and set(groups[0]["slots"]) == slots and fixed == parameters
    if not good or count < 6:
        print(f"callback: torchao has {sorted(slots)} {parameters}, {count} marks; quire {groups}")
        return 1
    print(f"callback: {len(slots)} slots, {count} q and dq with {parameters.pop()}: the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
