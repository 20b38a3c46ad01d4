#!/usr/bin/env python3
"""Makes the exported models of this folder again: python make_models.py [-o DIR]

Needs torch==2.13.0 (the CPU build will do), onnx==1.23.2 and numpy; nothing is downloaded. Same
versions, same bytes. The tests do not run this, and do not need torch.

query_encoder_ts_op17.onnx turns a search query into a unit vector, as a shop or a help desk would:
words and their positions through one attention layer, plus a bag of hashed letter groups for words
that the vocabulary lacks, plus the language. NAME.inputs.npz holds two input sets; the array
`0.words` is input `words` of set 0. Weights are random, but tables look like trained
ones (row norms vary, a few columns are large); names, nodes and metadata are the exporter's.
"""
import argparse
import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn


def look_trained(module):
    """Uneven row norms and two large columns in every table wide enough to have them."""
    with torch.no_grad():
        for table in module.modules():
            if not isinstance(table, (nn.Embedding, nn.EmbeddingBag)):
                continue
            rows, width = table.weight.shape
            table.weight.normal_(0, 0.08).mul_(torch.exp(0.5 * torch.randn(rows, 1)))
            table.weight[:, torch.randperm(width)[:2]] *= 4


class QueryEncoder(nn.Module):
    def __init__(self, words=1600, groups=1200, languages=6, length=40, width=32):
        super().__init__()
        self.word = nn.Embedding(words, width, padding_idx=0)
        self.position = nn.Embedding(length, width)
        self.letters = nn.EmbeddingBag(groups, width, mode="sum", include_last_offset=True)
        self.language = nn.Embedding(languages, width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        look_trained(self)

    def attend(self, x, mask):
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / x.shape[-1] ** 0.5
        return x + self.out(torch.softmax(scores.masked_fill(~mask, -1e4), -1) @ v)

    def forward(self, words, groups, group_offsets, language):
        known = words != 0
        positions = torch.arange(words.shape[1]).unsqueeze(0)
        x = self.attend(self.word(words) + self.position(positions), known.unsqueeze(1))
        weight = known.unsqueeze(-1).to(x.dtype)
        pooled = (x * weight).sum(1) / weight.sum(1).clamp(min=1)
        return F.normalize(pooled + self.letters(groups, group_offsets) + self.language(language), dim=1)


def input_sets():
    """Two sets; an offset closes each query's letter groups, so a query may have none."""
    yield {"words": [[4, 19, 230, 0], [7, 1501, 88, 12]], "groups": [3, 77, 540, 1100, 9],
           "group_offsets": [0, 2, 5], "language": [1, 4]}
    yield {"words": [[15, 2], [1599, 640], [33, 0]], "groups": [1199, 0],
           "group_offsets": [0, 1, 1, 2], "language": [5, 0, 2]}


def query_encoder_ts_op17():
    """The TorchScript exporter: lookups are Gather; the bag is a Loop whose body captures its table."""
    torch.manual_seed(17)
    sets = [{name: np.array(value) for name, value in values.items()} for values in input_sets()]
    file = io.BytesIO()
    torch.onnx.export(
        QueryEncoder().eval(), tuple(torch.from_numpy(value) for value in sets[0].values()), file,
        dynamo=False, opset_version=17, input_names=list(sets[0]), output_names=["vector"],
        dynamic_axes={"words": {0: "batch", 1: "length"}, "groups": {0: "group"},
                      "group_offsets": {0: "offset"}, "language": {0: "batch"},
                      "vector": {0: "batch"}})
    return onnx.load_from_string(file.getvalue()), sets


MODELS = [query_encoder_ts_op17]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).resolve().parent)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for make in MODELS:
        path = options.out / f"{make.__name__}.onnx"
        proto, sets = make()
        path.write_bytes(proto.SerializeToString(deterministic=True))
        np.savez(path.with_suffix(".inputs.npz"), **{f"{i}.{name}": value for i, values in enumerate(sets)
                                                     for name, value in values.items()})
        onnx.checker.check_model(str(path), full_check=True)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
