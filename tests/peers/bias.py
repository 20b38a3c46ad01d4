"""bias.py [--table] - the formula "bias" against PT2E: a convolution whose bias has a derived spec,
per tensor and per channel (rows 31 and 32 of the behaviour table: test_derived_qspec and
test_derived_qspec_per_channel), is prepared, calibrated and converted by torchao; the scales of its
input, weight and bias are read from the converted graph.

With --table it prints the rows of tests/unit/test_formula.c; else it compares those rows with what
torchao says now.
"""

import re
import sys
from pathlib import Path

import torch
from torchao.quantization.pt2e import MinMaxObserver, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import (
    DerivedQuantizationSpec,
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
)

CHANNELS = 5


def derive(observers):
    """What PT2E's tests derive: product of the scales, zero point 0."""
    act_scale, _ = observers[0].calculate_qparams()
    weight_scale, weight_zero = observers[1].calculate_qparams()
    return act_scale * weight_scale, torch.zeros_like(weight_zero)


class Derived(Quantizer):
    def __init__(self, per_channel):
        super().__init__()
        self.per_channel = per_channel

    def annotate(self, model):
        for node in model.graph.nodes:
            if node.target == torch.ops.aten.conv2d.default:
                self.annotate_conv(node)
        return model

    def annotate_conv(self, node):
        act, weight, bias = node.args[:3]
        scheme = torch.per_channel_symmetric if self.per_channel else torch.per_tensor_symmetric
        observer = PerChannelMinMaxObserver if self.per_channel else MinMaxObserver
        specs = {
            act: QuantizationSpec(torch.uint8, MinMaxObserver, 0, 255, torch.per_tensor_affine),
            weight: QuantizationSpec(torch.int8, observer, -127, 127, scheme, 0),
            bias: DerivedQuantizationSpec(
                [(act, node), (weight, node)], derive, torch.int32, -(2**31), 2**31 - 1, scheme, 0
            ),
        }
        node.meta["quantization_annotation"] = QuantizationAnnotation(specs, None, _annotated=True)

    def validate(self, model):
        pass


def scales(seed, per_channel):
    """Of input, weight and bias: lists of floats."""
    torch.manual_seed(seed)
    module = torch.nn.Conv2d(2, CHANNELS, 3)
    example = (torch.randn(1, 2, 6, 6) * 10 ** (seed % 5 - 2),)
    exported = torch.export.export(module.eval(), example).module()
    prepared = prepare_pt2e(exported, Derived(per_channel))
    prepared(*example)
    converted = convert_pt2e(prepared, fold_quantize=True)
    conv = next(n for n in converted.graph.nodes if n.target == torch.ops.aten.conv2d.default)
    return [scale_of(converted, operand) for operand in conv.args[:3]]


def scale_of(module, dequantize):
    """The second operand of a dequantize node: a number, or a tensor of the module."""
    scale = dequantize.args[1]
    if isinstance(scale, torch.fx.Node):
        value = module
        for part in scale.target.split("."):
            value = getattr(value, part)
        scale = value
    return torch.as_tensor(scale, dtype=torch.float32).reshape(-1).tolist()


def short(x):
    """Hexadecimal, without the zeros at its end."""
    return re.sub(r"\.?0*p", "p", x.hex())


def rows():
    for seed in range(6):
        for per_channel in (False, True):
            act, weight, bias = scales(seed, per_channel)
            numbers = ", ".join(short(x) for x in act + weight + bias)
            yield f"    {{{len(bias)}, {{{numbers}}}}},"


def main():
    found = list(rows())
    if sys.argv[1:] == ["--table"]:
        print("\n".join(found))
        return 0
    source = Path(__file__).parents[1] / "unit" / "test_formula.c"
    text = re.sub(r"\s+", "", source.read_text())
    missing = [row for row in found if re.sub(r"\s+", "", row) not in text]
    print("\n".join(missing) or f"{len(found)} biases as torchao has them")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
