"""Annotation texts: what goes in comes out, in the one canonical spelling.

Models are generated with nested If and Loop bodies, omitted operands and results, captured values
and hostile names; their slots are listed and annotation sets made up here: all five kinds of spec,
sponsors, losers, reasons, priorities, noshare. The canonical text is written by this script from
docs/text-form.md; nothing of quire is used. For every set:

    requests, shuffled and oddly spelled  -> import -> export   is the canonical text
    the canonical text                    -> import             is the same file, byte for byte
    onnx.checker accepts the file; its one metadata entry is the text; the rest is unchanged

and for some sets of every model: ONNX Runtime's own optimised-model save carries the entry byte
for byte, and the outputs are those of the model without it."""
import concurrent.futures
import os
import random
import re

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import common

KEY = "ai.quire.annotations"
PLAIN = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")
WHO_PLAIN = PLAIN | set(b"/@+")
WORD_PLAIN = PLAIN - set(b":")

HOSTILE = ["a<-0", "->0", "<-1", "by", "#", "# lost: float by x", "a b", "x/y", "/", "//", "\"", "\\",
           "\\x41", "float", "=", "= x", "!1", "noshare", "\t", "\n", "\r\n", "\x01", "\x7f", "é", "名前",
           "\U0001f600", "\u202e", "$", "$<-0", "quire-annotations 1", "quire-annotations", "a,b", "-",
           "--", ".", ":", "0", "a;b", "(", ")", "()", "u8 tensor", "training[0].algorithm",
           "function d:n:o", "body[1]", "'", "%s", "%n", " lead", "trail ", "n" * 300]

# --- generating models -------------------------------------------------------------------------


def quoted(data):
    if isinstance(data, str):
        data = data.encode()
    inner = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in data)
    return f'"{inner}"'


def spelled(data, plain=None):
    """A name as the canonical text has it."""
    if isinstance(data, str):
        data = data.encode()
    plain = PLAIN if plain is None else plain
    return data.decode() if data and all(b in plain for b in data) else quoted(data)


class Maker:
    """One random model. All tensors are float[2,2] but conditions and counters."""

    def __init__(self, rng):
        self.rng, self.n, self.used = rng, 0, set()
        self.slots = []

    def name(self, stem="v"):
        self.n += 1
        name = f"{stem}{self.n}"
        if self.rng.random() < 0.35:
            name = self.rng.choice(HOSTILE)
            if self.rng.random() < 0.3:
                name += "".join(chr(self.rng.randrange(1, 256)) for _ in range(3))
            if name in self.used:
                name += f"~{self.n}"
        self.used.add(name)
        return name

    def info(self, name, dtype=TensorProto.FLOAT, dims=(2, 2)):
        return helper.make_tensor_value_info(name, dtype, dims)

    def weight(self, name):
        data = np.array([[self.rng.uniform(-1, 1) for _ in range(2)] for _ in range(2)], np.float32)
        return numpy_helper.from_array(data, name)

    def step(self, graph, path, values, depth):
        """One node behind the others; appends its slots."""
        rng = self.rng
        kind = rng.choice(["Add", "Mul", "MatMul", "Relu", "Neg", "Sum", "Clip", "Split", "LSTM", "If",
                           "Loop"] if depth < 3 else ["Add", "Relu", "Clip"])
        pick = lambda: rng.choice(values)
        if kind in ("If", "Loop"):
            return getattr(self, "step_" + kind.lower())(graph, path, values, depth)
        if kind == "Split":
            parts, out = [self.name(), self.name()], self.name()
            self.emit(graph, path, helper.make_node("Split", [pick()], parts, axis=0), values, [])
            return self.emit(graph, path, helper.make_node("Concat", parts, [out], axis=0), values,
                             [out])
        if kind == "LSTM":  # all results are optional: the node is named by the second
            out = self.name()
            inputs = ["quire.X", "quire.W", "quire.R", "", "", ""][:rng.choice([3, 4, 6])]
            node = helper.make_node("LSTM", inputs, ["", out], hidden_size=2)
            return self.emit(graph, path, node, values, [])
        inputs = {"Relu": 1, "Neg": 1, "Sum": 3}.get(kind, 2)
        node = helper.make_node(kind, [pick() for _ in range(inputs)], [self.name()])
        if kind == "Clip":
            node.input[1:] = ["", "quire.max"]
        return self.emit(graph, path, node, values, [node.output[0]])

    def emit(self, graph, path, node, values, more):
        graph.append(node)
        first = spelled(next(name for name in node.output if name))
        for k, name in enumerate(node.input):
            if name:
                self.slots.append(f"{path}{first}<-{k}")
        for name in node.output:
            if name:
                self.slots.append(path + spelled(name))
        values.extend(more)

    def body(self, path, outer, depth, inputs, extra):
        """A graph in the scope of `outer`; extra: names of outputs before the last, which is its own."""
        weight = self.name()
        for item in inputs:
            self.slots.append(path + spelled(item.name))
        self.slots.append(path + spelled(weight))
        nodes, values = [], [weight] + [i.name for i in inputs
                                        if i.type.tensor_type.elem_type == TensorProto.FLOAT
                                        and len(i.type.tensor_type.shape.dim) == 2]
        seen = values + outer
        for _ in range(self.rng.randrange(1, 4)):
            before = len(seen)
            self.step(nodes, path, seen, depth + 1)
            values.extend(seen[before:])
        result = self.name()
        node = helper.make_node("Add", [self.rng.choice(seen), weight], [result])
        self.emit(nodes, path, node, values, [])
        outputs = [self.info(name, TensorProto.BOOL, ()) for name in extra] + [self.info(result)]
        if extra:
            condition = helper.make_node("Identity", [inputs[1].name], [extra[0]])
            self.emit(nodes, path, condition, values, [])
        for k in range(len(outputs)):
            self.slots.append(f"{path}->{k}")
        return helper.make_graph(nodes, "b", inputs, outputs, [self.weight(weight)])

    def step_if(self, graph, path, values, depth):
        out = self.name()
        self.slots += [f"{path}{spelled(out)}<-0", path + spelled(out)]
        node = helper.make_node("If", ["quire.c"], [out])
        for name in ("then_branch", "else_branch"):
            inner = f"{path}{spelled(out)}/{name}/"
            node.attribute.append(helper.make_attribute(name, self.body(inner, values[:], depth, [], [])))
        graph.append(node)
        values.append(out)

    def step_loop(self, graph, path, values, depth):
        out = self.name()
        condition = self.rng.choice(["", "quire.c"])
        node = helper.make_node("Loop", ["quire.trip", condition, self.rng.choice(values)], [out])
        for k, name in enumerate(node.input):
            if name:
                self.slots.append(f"{path}{spelled(out)}<-{k}")
        self.slots.append(path + spelled(out))
        inputs = [self.info(self.name(), TensorProto.INT64, ()),
                  self.info(self.name(), TensorProto.BOOL, ()), self.info(self.name())]
        extra = [self.name()]
        inner = f"{path}{spelled(out)}/body/"
        graph_proto = self.body(inner, values[:], depth, inputs, extra)
        node.attribute.append(helper.make_attribute("body", graph_proto))
        graph.append(node)
        values.append(out)

    def model(self):
        inputs = [self.info(self.name("in")) for _ in range(2)]
        weights = [self.name("w") for _ in range(2)]
        fixed = [helper.make_tensor("quire.c", TensorProto.BOOL, (), [True]),
                 helper.make_tensor("quire.trip", TensorProto.INT64, (), [2]),
                 helper.make_tensor("quire.max", TensorProto.FLOAT, (), [3.0]),
                 numpy_helper.from_array(np.ones((1, 1, 2), np.float32), "quire.X"),
                 numpy_helper.from_array(np.ones((1, 8, 2), np.float32), "quire.W"),
                 numpy_helper.from_array(np.ones((1, 8, 2), np.float32), "quire.R")]
        values = [i.name for i in inputs] + weights
        self.slots += [spelled(name) for name in values] + [spelled(t.name) for t in fixed]
        nodes = []
        for _ in range(self.rng.randrange(3, 9)):
            self.step(nodes, "", values, 0)
        last = self.name("out")
        self.emit(nodes, "", helper.make_node("Add", [values[-1], values[-2]], [last]), values, [last])
        outputs = [last] + ([values[-2]] if values[-2] not in values[:4] else [])
        self.slots += [f"->{k}" for k in range(len(outputs))]
        graph = helper.make_graph(nodes, "g", inputs, [self.info(name) for name in outputs],
                                  [self.weight(name) for name in weights] + fixed)
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
        return model, self.slots


# --- annotation sets -----------------------------------------------------------------------------


def real(x):
    """A decimal of at most six characters, else hexadecimal."""
    for digits in range(1, 7):
        text = "%.*g" % (digits, x)
        if len(text) <= 6 and float(text) == x:
            return text
    text = x.hex()
    mantissa, exponent = text.split("p")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}p{exponent}" if fraction else f"{whole}p{exponent}"


def spaces(rng, least=1):
    return "".join(rng.choice(" \t") for _ in range(rng.choice([least, least, 1, 2, 3])))


INTEGERS = [f"{sign}{bits}" for sign in "ui" for bits in list(range(1, 17)) + [32]]
FLOATS = ["f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "f4e2m1", "f6e2m3", "f6e3m2", "f16", "bf16"]
SCALES = ["f16", "bf16", "f64", "f8e8m0", "f8e4m3fn"]


def bounds(dtype):
    bits = int(dtype[1:])
    return (0, 2**bits - 1) if dtype[0] == "u" else (-(2**(bits - 1)), 2**(bits - 1) - 1)


def random_bytes(rng):
    if rng.random() < 0.5:
        return rng.choice(HOSTILE).encode()
    return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))


def bare_options(data):
    depth = 0
    for byte in data:
        depth += (byte == 40) - (byte == 41)
        if not 32 <= byte < 127 or depth < 0:
            return False
    return depth == 0 and not data.startswith(b'"')


class Spec:
    """Canonical text, an odd spelling of it, and what other slots may do with it."""

    def __init__(self, canonical, odd, kind):
        self.canonical, self.odd, self.kind = canonical, odd, kind


TOKEN = re.compile(r'->\d+$|<-\d+$|/|"[^"]*"|[A-Za-z0-9_.:-]+')


def odd_slot(rng, text):
    """The same slot: some plain names quoted, some of their bytes as \\xNN, zeros before numbers."""
    out = []
    for token in TOKEN.findall(text):
        if token[:2] in ("->", "<-") and rng.random() < 0.2:
            token = token[:2] + "00" + token[2:]
        elif token[0] not in '"/-<' and rng.random() < 0.3:
            token = '"' + "".join(f"\\x{ord(c):02X}" if rng.random() < 0.3 else c for c in token) + '"'
        out.append(token)
    return "".join(out)


def quantized(rng, sources, kind):
    """A random spec with fields; kind: quantized, fixed or derived. The odd text has the defaults said."""
    dtype = rng.choice(INTEGERS if rng.random() < 0.8 else FLOATS)
    integer = dtype[0] in "ui"
    low, high = bounds(dtype) if integer else (0, 0)
    words, odd = [dtype], [dtype]
    shape = rng.choice(["tensor", "axis", "block"])
    if shape == "tensor":
        words.append("tensor")
    else:
        words.append(f"axis={rng.randrange(4)}")
        if shape == "block":
            words.append(f"block={rng.choice([1, 16, 32, 4294967295])}")
    zp = rng.choice(["none", "int", "float"] if integer else ["none", "float"])
    words += ["symmetric" if zp == "none" else "affine", f"zp={zp}"]
    odd += words[1:]
    if integer and high - low > 2 and rng.random() < 0.4:
        low, high = sorted(rng.sample(range(max(low, -10**6), min(high, 10**6)), 2))
        words.append(f"range={low}..{high}")
        odd.append(words[-1])
    elif integer and rng.random() < 0.3:
        odd.append(f"range={low}..{high}")
    if (low, high) == (0, 0) and integer:
        return quantized(rng, sources, kind)
    if rng.random() < 0.3:
        words.append("scale=" + rng.choice(SCALES))
        odd.append(words[-1])
    elif rng.random() < 0.3:
        odd.append("scale=f32")
    if rng.random() < 0.2:
        words.append("dynamic")
        odd.append("dynamic")
    if kind == "quantized" and rng.random() < 0.7:
        name = rng.choice(["minmax", "histogram", "mse"]) if rng.random() < 0.7 else random_bytes(rng)
        name = name if isinstance(name, bytes) else name.encode()
        text = other = "observer=" + spelled(name, WORD_PLAIN)
        options = rng.choice([None, b"", b"eps=0x1p-12", b"a(b), c(\\)", b" # by x ", None])
        if rng.random() < 0.3:
            options = random_bytes(rng)
        if options is not None:
            raw = options.decode() if bare_options(options) else quoted(options)
            other += f"({raw})"
            text += f"({raw})" if options else ""
        words.append(text)
        odd.append(other)
    if kind == "fixed":
        scale = rng.choice([1.0, 0.1, 2.0**-8, 1e-05, rng.uniform(1e-6, 9), 5e-324, 1e300])
        point = {"none": "0", "int": str(rng.randint(low, high)),
                 "float": real(rng.choice([0.0, 1.5, rng.uniform(-9, 9)]))}[zp]
        words.append(f"fixed({real(scale)}, {point})")
        odd.append(f"fixed{spaces(rng, 0)}({spaces(rng, 0)}{scale!r}{spaces(rng, 0)},{point}"
                   f"{spaces(rng, 0)})")
    if kind == "derived":
        formula = spelled(random_bytes(rng) if rng.random() < 0.3 else b"bias", WORD_PLAIN)
        chosen = [rng.choice(sources) for _ in range(rng.randrange(1, 9))]
        words.append(f"derived {formula}({', '.join(chosen)})")
        odd.append(f"derived  {formula}({' ,'.join(odd_slot(rng, s) for s in chosen)} )")
    return Spec(" ".join(words), spaces(rng).join(odd), kind)


def random_spec(rng, sources):
    """sources: slots that may be shared with or derived from."""
    kind = rng.choice(["quantized", "quantized", "fixed", "float"]
                      + (["shared", "shared", "derived"] if sources else []))
    if kind == "float":
        return Spec("float", "float", kind)
    if kind == "shared":
        slot = rng.choice(sources)
        return Spec("= " + slot, "=" + spaces(rng, 0) + odd_slot(rng, slot), kind)
    return quantized(rng, sources, kind)


def pad(text, column):
    """Up to the column, at least one blank."""
    return text + " " * max(1, column - 1 - len(text))


def sponsors(names, priority, noshare):
    text = "by " + ",".join(spelled(name, WHO_PLAIN) for name in sorted(names))
    return text + (f" !{priority}" if priority else "") + (" noshare" if noshare else "")


def annotate(rng, slots):
    """One set: the canonical text, and the same as requests in any order and spelling."""
    chosen = rng.sample(slots, min(len(slots), rng.randrange(1, 25)))
    result, requests, sources = {}, [], []
    for slot in chosen:
        spec = random_spec(rng, sources)
        if spec.kind != "float":
            sources.append(slot)
        names = {random_bytes(rng) if rng.random() < 0.3 else
                 rng.choice([b"static-int8", b"rules.json:14", b"a/b@c+d", b"embedding"])
                 for _ in range(rng.choice([1, 1, 1, 2, 4]))}
        priority = rng.choice([0, 0, 0, 1, -3, 2147483647])
        flags = {name: rng.random() < 0.15 for name in names}
        line = pad(pad(slot, 26) + spec.canonical, 85) + sponsors(names, priority, any(flags.values()))
        # claimants of one line share its flag: those that have it, and those that have not
        for flag in (False, True):
            group = [name for name in names if flags[name] == flag]
            rng.shuffle(group)
            while group:
                part = [group.pop() for _ in range(rng.randint(1, len(group)))]
                requests.append((slot, spec.odd, part, priority, flag))
        items = []
        losers = {b"loser%d" % k: rng.choice([-5, -9, -2147483648])
                  for k in range(rng.choice([0, 0, 0, 1, 3]))}
        for name, weight in sorted(losers.items(), key=lambda row: (-row[1], row[0])):
            lost, flag = random_spec(rng, slots), rng.random() < 0.2
            items.append(f"lost: {lost.canonical} {sponsors([name], weight, flag)}")
            requests.append((slot, lost.odd, [name], weight, flag))
        result[slot] = pad(line, 110) + "# " + "; ".join(items) if items else line
    canonical = "\n".join(["quire-annotations 1"] + [result[s] for s in slots if s in result]) + "\n"
    return canonical, requests_text(rng, requests)


def requests_text(rng, requests):
    rng.shuffle(requests)
    end = rng.choice(["\n", "\n", "\r\n"])
    lines = ["quire-annotations 1" + spaces(rng, 0)]
    for slot, spec, names, priority, noshare in requests:
        line = spaces(rng, 0) + odd_slot(rng, slot) + spaces(rng) + spec + spaces(rng) + "by" + spaces(rng)
        line += ",".join(quoted(n) if rng.random() < 0.2 else spelled(n, WHO_PLAIN) for n in names)
        if priority or rng.random() < 0.1:
            line += spaces(rng) + f"!{priority}"
        if noshare:
            line += spaces(rng) + "noshare"
        lines.append(line + rng.choice(["", "", spaces(rng), " # free text; by é"]))
        if rng.random() < 0.1:
            lines.append(rng.choice(["", " ", "# a comment", "\t#"]))
    return end.join(lines) + rng.choice(["", end])


# --- checks -----------------------------------------------------------------------------------------


def with_reasons(rng, canonical):
    """Some lines get reasons, as only results have them: also of single claimants of several."""
    lines = canonical.splitlines()
    for k in range(1, len(lines)):
        if "# " in lines[k] or '"' in lines[k] or rng.random() < 0.5:
            continue
        names = lines[k].rsplit(" by ", 1)[1].split(" ")[0].split(",")
        texts = {name: quoted(random_bytes(rng)) for name in names}
        if len(names) == 1 or rng.random() < 0.5:
            item = "reason: " + texts[names[0]]
        else:
            item = "; ".join(f"reason {name}: {texts[name]}" for name in names[1:])
        lines[k] = pad(lines[k], 110) + "# " + item
    return "\n".join(lines) + "\n"


def entry_of(model):
    return [p.value for p in model.metadata_props if p.key == KEY]


def check_ort(tally, where, base, data, text, folder, seed):
    """The entry survives ONNX Runtime's save; what is computed stays."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = os.path.join(folder, "optimised.onnx")
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(base, options, ["CPUExecutionProvider"])
    except Exception as why:  # pylint: disable=broad-except
        return tally.fail(where, f"ONNX Runtime does not load the generated model: {why}"[:400])
    inputs = {i.name: np.random.default_rng(seed).normal(size=(2, 2)).astype(np.float32)
              for i in session.get_inputs()}
    before = session.run(None, inputs)
    session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    after = session.run(None, inputs)
    tally.expect(all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after)), where,
                 "the annotated model computes something else")
    saved = onnx.load(options.optimized_model_filepath)
    tally.expect(entry_of(saved) == [text], where, "ONNX Runtime's save changed the entry")
    tally.count("sets through ONNX Runtime's save")
    return None


def check_set(tally, where, options, base, source, texts, folder):
    """texts: canonical, requests. Returns the annotated file's bytes, or None."""
    canonical, requests = texts
    files = {name: os.path.join(folder, name) for name in ("in.txt", "a.onnx", "b.onnx")}
    data = []
    for name, text in (("a.onnx", requests), ("b.onnx", canonical)):
        with open(files["in.txt"], "w", encoding="utf-8", newline="") as file:
            file.write(text)
        done = common.run(options.quire, "annotations", "import", source, files["in.txt"], "-o",
                          files[name])
        if not tally.expect(done.code == 0, where, str(done)):
            return None
        data.append(common.read(files[name]))
    done = common.run(options.quire, "annotations", "export", files["a.onnx"])
    tally.expect(done.code == 0 and done.out == canonical.encode(), where,
                 f"{done}: export gives\n{done.out.decode('utf-8', 'replace')}instead of\n{canonical}")
    tally.expect(data[0] == data[1], where, "the canonical text gives another file than the requests")
    model = onnx.load_model_from_string(data[0])
    onnx.checker.check_model(model)
    tally.expect(entry_of(model) == [canonical], where, "the metadata entry is not the text")
    del model.metadata_props[:]
    tally.expect(model.SerializeToString() == base, where, "something else in the model changed")
    tally.count("sets")
    tally.count("lines", canonical.count("\n") - 1)
    return data[0]


def check_reasons(tally, where, options, source, canonical, folder):
    """Reasons in comments are results' alone: they come back as they went in."""
    files = [os.path.join(folder, name) for name in ("in.txt", "a.onnx")]
    with open(files[0], "w", encoding="utf-8", newline="") as file:
        file.write(canonical)
    done = common.run(options.quire, "annotations", "import", source, *files[:1], "-o", files[1])
    if tally.expect(done.code == 0, where, str(done)):
        done = common.run(options.quire, "annotations", "export", files[1])
        tally.expect(done.out == canonical.encode(), where,
                     f"reasons: {done}: export gives\n{done.out.decode()}instead of\n{canonical}")
        tally.count("sets with reasons")


def check_model(options, seed, n_sets):
    rng = random.Random(seed)
    tally = common.Tally()
    model, slots = Maker(rng).model()
    base = model.SerializeToString()
    folder = os.path.join(options.work, f"m{seed}")
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "model.onnx")
    with open(source, "wb") as file:
        file.write(base)
    onnx.checker.check_model(model)
    tally.count("models")
    tally.count("slots", len(slots))
    for k in range(n_sets):
        where = f"model {seed}, set {k}"
        texts = annotate(rng, slots)
        data = check_set(tally, where, options, base, source, texts, folder)
        if data is not None and k < 2:
            check_ort(tally, where, base, data, texts[0], folder, seed)
            check_reasons(tally, where, options, source, with_reasons(rng, texts[0]), folder)
    return tally.plain()


def main():
    options = common.arguments(__doc__)
    n_models, n_sets = (12, 8) if options.sample else (84, 12)
    onnxruntime.set_default_logger_severity(4)
    tally = common.Tally()
    options_plain = type("Options", (), {"quire": options.quire, "work": options.work})
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for plain in pool.map(lambda seed: check_model(options_plain, seed, n_sets), range(n_models)):
            tally.merge(plain)
    if not options.sample:
        tally.expect(tally.counts["sets"] + len(tally.failures) >= 1000, "all", "fewer than 1,000 sets")
    return tally.finish("annotation text")


if __name__ == "__main__":
    raise SystemExit(main())
