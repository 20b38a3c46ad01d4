"""pt2e-embedding against PyTorch itself: what it computes, and what it annotates.

Tables: random and adversarial ones; scale, zero point and codes equal those of
torch.quantize_per_channel (quint8) fed by PerChannelMinMaxObserver with float qparams and eps 2^-12.
Models: the weights that PT2E's EmbeddingQuantizer annotates are those whose lookups quire annotates
in the same module, exported to ONNX. Needs torch and torchao, which the other tests do not.
--update writes the part of the tables that tests/conformance/golden holds."""
import json
import os
import sys
import warnings

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "conformance"))
import common  # noqa: E402
import pt2e_tables  # noqa: E402
from pt2e_tables import Table  # noqa: E402

EPS = 2.0 ** -12
NARROW = np.float32(255 * EPS)


def ask_torch(table):
    observer = torch.ao.quantization.PerChannelMinMaxObserver(
        dtype=torch.quint8, qscheme=torch.per_channel_affine_float_qparams, ch_axis=0, eps=EPS)
    x = torch.from_numpy(table.x.copy())
    observer(x)
    scale, zero_point = observer.calculate_qparams()
    codes = torch.quantize_per_channel(x, scale, zero_point, 0, torch.quint8).int_repr()
    table.scale, table.zero_point = scale.numpy(), zero_point.numpy()
    table.codes = codes.numpy()
    widths = table.x.max(axis=1) - table.x.min(axis=1)
    raw = widths / np.float32(255)
    table.flat = int(np.count_nonzero((widths > 0) & ~(raw > np.float32(EPS))))


# --- tables ----------------------------------------------------------------------------------------

def random_tables(rng, count):
    """Widths and spreads of all sizes, most of them about the border of 255 x 2^-12."""
    for k in range(count):
        rows, width = int(rng.integers(1, 40)), int(rng.choice([1, 2, 3, 7, 8, 16, 17, 31, 64, 129]))
        spread = 2.0 ** rng.uniform(-12, 6, (rows, 1))
        offset = rng.choice([0, 0, 1, -3, 1000], (rows, 1))
        yield f"random_{k:03d}", (rng.standard_normal((rows, width)) * spread + offset)


def narrow_tables():
    """Rows whose width is on the border, and one step to either side of it."""
    around = [NARROW, np.nextafter(NARROW, np.float32(0)), np.nextafter(NARROW, np.float32(1)),
              np.float32(0.0622), np.float32(0.0623), np.float32(2.0 ** -20), np.float32(1e-38)]
    for k, low in enumerate([0.0, -1.0, 1.0, -0.03125, 100.0]):
        rows = [np.linspace(np.float32(low), np.float32(low) + w, 9, dtype=np.float32)
                for w in around]
        yield f"narrow_{k}", np.array(rows, np.float32)


def constant_tables():
    values = [0.0, -0.0, 1.0, -1.0, 4.0, -0.3, 255.0, 1e-30, -1e-30, 1e30, -1e30, 3.4e38, 1e-45]
    yield "constant", np.repeat(np.array(values, np.float32)[:, None], 5, axis=1)
    yield "one_column", np.array(values, np.float32)[:, None]
    zeros = np.zeros((3, 6), np.float32)
    zeros[1, ::2] = -0.0
    zeros[2, 0] = -0.0
    yield "zeros", zeros


def tie_tables():
    """Elements half-way between codes, where the scale is a power of two."""
    steps = np.arange(0, 511, dtype=np.float32) / 2
    for k, scale in enumerate([1.0, 2.0 ** -11, 0.5, 2.0 ** 20]):
        row = np.append(steps, np.float32(255)) * np.float32(scale)
        yield f"ties_{k}", np.stack([row, row - row.max(), row - row.max() / 2, -row])


def extreme_tables():
    yield "wide", np.array([[-1.7e38, 1.7e38, 0, 1], [0, 3.4e38, 1, 2], [-3.4e38, -1, 0, 0],
                            [1e38, 1.1e38, 1.05e38, 1e38]], np.float32)
    yield "far", np.array([[1e6, 1e6 + 1, 1e6 + 0.5, 1e6 + 0.25], [1e30, 1.0000001e30, 1e30, 1e30],
                           [-1e9, -1e9 + 64, -1e9 + 128, -1e9]], np.float32)
    yield "subnormal", np.array([[1e-45, 3e-45, 0, 1e-40], [-1e-40, 1e-40, 0, 1]], np.float32)
    yield "outlier", np.array([[0, 0, 0, 1e10], [1e-3, 2e-3, 3e-3, 1e4]], np.float32)


def half_tables(rng):
    for k in range(12):
        x = (rng.standard_normal((7, 12)) * 2.0 ** rng.uniform(-8, 3, (7, 1))).astype(np.float32)
        yield f"half_{k}", "float16", x.astype(np.float16).astype(np.float32)
        top = (x.view(np.uint32) & np.uint32(0xffff0000)).view(np.float32)
        yield f"bfloat_{k}", "bfloat16", top


def all_tables():
    rng = np.random.default_rng(20)
    plain = [narrow_tables(), constant_tables(), tie_tables(), extreme_tables(),
             random_tables(rng, 200)]
    made = [Table(name, x) for tables in plain for name, x in tables]
    made += [Table(name, x, dtype) for name, dtype, x in half_tables(rng)]
    for table in made:
        ask_torch(table)
    return made


def write_golden(tables):
    """The adversarial tables and the smallest random ones; ties only of one scale."""
    small = [t for t in tables if not t.name.startswith(("ties_1", "ties_2", "ties_3"))
             and (not t.name.startswith("random") or t.x.size <= 14)]
    os.makedirs(os.path.dirname(pt2e_tables.GOLDEN), exist_ok=True)
    with open(pt2e_tables.GOLDEN, "w", encoding="ascii") as file:
        file.write('{"torch": "%s", "tables": [\n' % torch.__version__)
        file.write(",\n".join(json.dumps(t.to_json()) for t in small))
        file.write("\n]}\n")


# --- models ----------------------------------------------------------------------------------------

class Words(torch.nn.Module):
    """Lookups of all sizes, with computed and constant indices, beside what is no lookup."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(50, 16, padding_idx=0)
        self.types = torch.nn.Embedding(2, 16)
        self.places = torch.nn.Embedding(12, 16)
        self.head = torch.nn.Linear(16, 4)
        self.register_buffer("ids", torch.arange(12))

    def forward(self, tokens, kinds):
        x = self.words(tokens) + self.types(kinds) + self.places(self.ids[: tokens.shape[1]])
        return self.head(torch.relu(x))


class Tied(torch.nn.Module):
    """One table that two lookups and a product read."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(30, 8)

    def forward(self, tokens, kinds):
        x = self.table(tokens) + self.table(kinds)
        return x @ self.table.weight.T


class Bag(torch.nn.Module):
    """PT2E knows no bags: only the lookup beside it counts."""

    def __init__(self):
        super().__init__()
        self.item = torch.nn.Embedding(40, 8)
        self.dense = torch.nn.Linear(8, 8)

    def forward(self, tokens, kinds):
        return self.dense(self.item(tokens)).sum(dim=1) + kinds.sum()


def peer_annotations(module, inputs):
    """Names of the weights of the annotated edges, one for each lookup."""
    from torchao.quantization.pt2e.quantizer.embedding_quantizer import EmbeddingQuantizer
    program = torch.export.export(module, inputs)
    names = program.graph_signature.inputs_to_parameters
    graph = program.graph_module
    quantizer = EmbeddingQuantizer()
    quantizer.annotate(quantizer.transform_for_annotation(graph))
    found = []
    for node in graph.graph.nodes:
        annotation = next((value for key, value in node.meta.items()
                           if "quantization_annotation" in str(key)), None)
        if annotation is not None:
            found += [names[edge.name] for edge in annotation.input_qspec_map]
    return sorted(found)


def our_annotations(tally, options, name, module, inputs):
    import onnx
    path = os.path.join(options.work, name + ".onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, path, dynamo=False, opset_version=17,
                          do_constant_folding=False)
    ran = common.run(options.quire, "annotate", path, "--quantizer", "pt2e-embedding", "-o",
                     os.path.join(options.work, name + ".a.onnx"), "--format", "json")
    if not tally.expect(ran.code == 0, name, f"{ran}"):
        return None
    producer = {output: node for node in onnx.load(path).graph.node for output in node.output}
    found = []
    for request in json.loads(ran.out)["requests"]:
        data = producer[request["slot"].replace('"', "").removesuffix("<-0")].input[0]
        while data in producer:
            data = producer[data].input[0]
        found.append(data)
    return sorted(found)


def check_models(tally, options):
    tokens, kinds = torch.arange(10).reshape(2, 5), torch.zeros((2, 5), dtype=torch.int64)
    for module in (Words(), Tied(), Bag()):
        name = type(module).__name__
        module.eval()
        theirs = peer_annotations(module, (tokens, kinds))
        ours = our_annotations(tally, options, name, module, (tokens, kinds))
        tally.expect(theirs and ours == theirs, name, f"annotated {ours}, PT2E {theirs}")
        tally.count("models")
        tally.count("annotated lookups", len(theirs))


def main():
    options = common.arguments(__doc__, (["--update"], {"action": "store_true"}))
    warnings.simplefilter("ignore")
    tally = common.Tally()
    tables = all_tables()
    if options.update:
        write_golden(tables)
    pt2e_tables.check(tally, options.quire, options.work, tables)
    tally.expect(tally.counts["tables"] >= 200, "tables", "fewer than 200 were compared")
    tally.expect(sum(t.flat > 0 for t in tables) >= 20, "tables", "hardly any narrow rows")
    check_models(tally, options)
    return tally.finish("PyTorch: embedding")


if __name__ == "__main__":
    sys.exit(main())
