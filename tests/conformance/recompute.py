"""Recomputes what `quire quantize` wrote, from the original file and the specification.

check(before, after, report, want) returns a Tally: every table's names, shapes, codes, scales and
zero points, the report's figures, and proof that everything else is byte-equal. `want` holds the
options as the program was given them. The main program quantizes models given as arguments."""
import json
import os
import re
import sys
import traceback

import numpy as np
import onnx
from onnx import TensorProto as T

import common
import graphs as gr
import lookups as lk
import receipt
import rows
import wire

RENAMES = {"float32": "f32", "float": "f32", "float16": "f16", "bfloat16": "bf16"}
DECIBELS = 1e-6
PARTS = ("codes", "scales", "zero_points")


class Side:
    """One of the two models."""

    def __init__(self, path):
        self.path, self.folder = path, os.path.dirname(os.path.abspath(path))
        self.data = common.read(path)
        self.model = onnx.ModelProto()
        self.model.ParseFromString(self.data)
        self.graphs = gr.all_graphs(self.model)
        self.by_key = {graph.key: graph for graph in self.graphs}
        self.uses = lk.users(self.graphs)

    def locations(self):
        found = {}
        for tensor in onnx.external_data_helper._get_all_tensors(self.model):
            if tensor.data_location == T.EXTERNAL:
                where = {entry.key: entry.value for entry in tensor.external_data}
                found.setdefault(where["location"], []).append((tensor, where))
        return found


class Check:
    """One comparison: the two sides (after: None if nothing was written), report and options."""

    def __init__(self, before, after, report, want):
        self.a, self.b = Side(before), Side(after) if after else None
        self.report, self.want, self.tally = report, want, common.Tally()
        self.where = os.path.basename(after or before)
        self.lookups = lk.judge(self.a.model, want, self.a.folder)
        self.by_spelling = {s: l for l in self.lookups for s in l.spellings()}
        self.old_names = gr.names_used(self.a.graphs)
        self.tables = []

    def expect(self, truth, text):
        return self.tally.expect(truth, self.where, text)

    def count(self, key, number=1):
        self.tally.count(key, number)


# ---- tables -------------------------------------------------------------------------------------


class Table:
    """A table of the report, found in the original and in the output."""

    def __init__(self, check, entry):
        self.entry, self.name = entry, entry["name"]
        spelled = {s: graph for graph in check.a.graphs for s in graph.spellings()}
        self.home = spelled[entry["graph"]]
        node = self.home.producer.get(self.name)
        self.tensor = gr.constant_tensor(node) if node is not None else self.home.dense[self.name]
        self.dtype = gr.DTYPES[self.tensor.data_type]
        self.rows, self.width = self.tensor.dims
        self.bits, _ = lk.bits_for(self.name, check.want)
        block = check.want.get("block")
        self.block = block if block and self.width > block else None
        self.out = check.b.by_key[self.home.key]
        self.kept = self.home.key in check.b.by_key and (
            self.name in self.out.dense or self.name in self.out.producer)
        self.x = rows.widen(gr.table_bits(self.tensor, check.a.folder), self.dtype)


def check_name(check, given, base, made):
    """base, or base.K where base and base.1 to base.K-1 are taken."""
    taken = check.old_names | (made - {given})
    if given == base:
        return check.expect(base not in check.old_names, f"{given}: the name was taken")
    match = re.fullmatch(re.escape(base) + r"\.([1-9][0-9]*)", given)
    if not check.expect(match, f"{given}: not {base} or {base}.N"):
        return False
    need = [base, *(f"{base}.{number}" for number in range(1, int(match[1])))]
    return check.expect(all(name in taken for name in need) and given not in check.old_names,
                        f"{given}: not the first free name after {base}")


def check_entry(check, table):
    """The fields of a report's table that follow from the model and the options."""
    entry, want = table.entry, check.want
    search = want.get("search") or ("minmax" if table.bits == 8 else "mse")
    expected = {"rows": table.rows, "width": table.width, "bits": table.bits, "block": table.block,
                "zero_point": want.get("zero_point", "int"),
                "scale_type": want.get("scales", "f32"), "search": search}
    for key, value in expected.items():
        check.expect(entry[key] == value, f"{table.name}: {key} {entry[key]}, not {value}")
    dtype = RENAMES.get(str(entry["dtype"]).lower(), entry["dtype"])
    check.expect(dtype == table.dtype, f"{table.name}: dtype {entry['dtype']}, not {table.dtype}")
    return search


def new_tensor(check, table, name, dtype, dims):
    """An initializer of the output that must have this type and these dimensions: its bytes."""
    tensor = table.out.dense.get(name)
    if not check.expect(tensor is not None, f"{name}: no such initializer in the output"):
        return None
    made = (tensor.data_type, list(tensor.dims))
    if not check.expect(made == (dtype, list(dims)), f"{name}: {made}, not {(dtype, dims)}"):
        return None
    check_place(check, table, tensor)
    data = gr.payload(tensor, check.b.folder)
    if not check.expect(len(data) == gr.size_of(tensor), f"{name}: {len(data)} bytes of data"):
        return None
    return data


def check_place(check, table, tensor):
    """Parameters go where the table was; below 1 KiB always into the model file."""
    outside = table.tensor.data_location == T.EXTERNAL and gr.size_of(tensor) >= 1024
    check.expect((tensor.data_location == T.EXTERNAL) == outside,
                 f"{tensor.name}: {'embedded' if outside else 'external'}, its table was not")


def stored_arrays(check, table):
    """(packed codes, scales [V, S], zero points [V, S]) of target onnx as float32; None if wrong"""
    entry, want = table.entry, check.want
    codes, parameters = rows.shapes(table.rows, table.width, table.bits, table.block)
    half, floating = want.get("scales") == "f16", want.get("zero_point") == "float"
    kinds = (T.UINT8, T.FLOAT16 if half else T.FLOAT, T.FLOAT if floating else T.UINT8)
    made = {e[part] for e in check.report["tables"] for part in PARTS if e[part]}
    data = []
    for part, kind, dims in zip(PARTS, kinds, (codes, parameters, parameters)):
        if not check.expect(entry[part], f"{table.name}: no {part} in the report"):
            return None
        check_name(check, entry[part], f"{table.name}.{part}", made)
        data.append(new_tensor(check, table, entry[part], kind, dims))
    if any(part is None for part in data):
        return None
    flat = (table.rows, parameters[1])
    scales = np.frombuffer(data[1], np.float16 if half else np.float32).astype(np.float32)
    zeros = np.frombuffer(data[2], np.float32 if floating else np.uint8).astype(np.float32)
    return (np.frombuffer(data[0], np.uint8).reshape(codes), scales.reshape(flat),
            zeros.reshape(flat))


def first_difference(a, b):
    place = np.argwhere(a != b)[0]
    return f"first at {place.tolist()}: {a[tuple(place)]!r}, not {b[tuple(place)]!r}"


def check_arrays(check, table, search, stored):
    """Codes, scales and zero points against their recomputation; returns the decoded values."""
    want = check.want
    floating, half = want.get("zero_point", "int"), want.get("scales") == "f16"
    form = (table.bits, table.block, floating, half, table.dtype)
    best = rows.quantize(table.x, *form)
    got = best if search == "minmax" else rows.quantize(table.x, *form, given=stored[1:])
    for part, made, expected in zip(PARTS, stored, got):
        same = made.shape == expected.shape and bool((made == expected).all())
        check.expect(same, f"{table.name}: {part} {first_difference(made, expected)}"
                     if not same and made.shape == expected.shape else f"{table.name}: {part}")
    if floating == "int" and search != "minmax":
        check.expect((stored[1] > 0).all() and np.isfinite(stored[1]).all(), "a scale is not > 0")
    worse = got[4] > best[4]
    check.expect(not worse.any(), f"{table.name}: {search} is worse than minmax in "
                 f"{int(worse.sum())} groups, first {np.argwhere(worse)[:1].tolist()}")
    ties = (got[4] == best[4]) & ((got[1] != best[1]) | (got[2] != best[2]))
    check.expect(not ties.any(), f"{table.name}: minmax does not win {int(ties.sum())} ties, "
                 f"first {np.argwhere(ties)[:1].tolist()}")
    check.count(f"tables recomputed: {search}, {floating} zero point, "
                f"{'blocks' if table.block else 'rows'}")
    check.count("groups better than minmax", int((got[4] < best[4]).sum()))
    check.count("codes", int(table.x.size))
    return got[3]


def row_figures(x, value):
    signal, noise = rows.squares(x.astype(np.float64)), rows.errors(x, value)
    total = [float(np.add.accumulate(np.concatenate(([0.0], part)))[-1])
             for part in (signal, noise)]
    return signal, noise, total


def close(a, b):
    return (a is None) == (b is None) and (a is None or abs(a - b) <= DECIBELS)


def check_figures(check, table, value):
    """sqnr_db, worst_row, bytes_before, bytes_after."""
    entry = table.entry
    signal, noise, total = row_figures(table.x, value)
    expected = rows.sqnr(*total[:2])
    check.expect(close(entry["sqnr_db"], expected),
                 f"{table.name}: sqnr_db {entry['sqnr_db']}, not {expected}")
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(noise > 0, 10 * np.log10(signal / noise), np.inf)
    if not (noise > 0).any():
        check.expect(entry["worst_row"] is None, f"{table.name}: a worst row without an error")
    elif check.expect(entry["worst_row"], f"{table.name}: no worst row"):
        row, said = entry["worst_row"]["row"], entry["worst_row"]["sqnr_db"]
        least = int(each.argmin())
        check.expect(row == least or abs(each[row] - each[least]) < 1e-9,
                     f"{table.name}: worst row {row}, not {least}")
        check.expect(close(said, float(each[row])), f"{table.name}: worst row has {each[row]} dB")
    before, after = lk.sizes(table.tensor, table.bits, check.want)
    if check.want.get("target") == "dequantized":
        after = before
    after += before if table.kept else 0
    said = entry["bytes_before"], entry["bytes_after"]
    check.expect(said == (before, after), f"{table.name}: bytes {said}, not {(before, after)}")


def check_table(check, table):
    search = check_entry(check, table)
    entry, floating = table.entry, check.want.get("zero_point", "int")
    if check.want.get("target") == "dequantized":
        check.expect(entry["scales"] is None and entry["zero_points"] is None, "parts not null")
        made = {e["codes"] for e in check.report["tables"]}
        check_name(check, entry["codes"], f"{table.name}.dequantized", made)
        data = new_tensor(check, table, entry["codes"], table.tensor.data_type, table.tensor.dims)
        if data is None:
            return
        kind = np.uint32 if table.dtype == "f32" else np.uint16
        value = rows.widen(np.frombuffer(data, kind).reshape(table.x.shape), table.dtype)
        if search == "minmax":
            best = rows.quantize(table.x, table.bits, table.block, floating,
                                 check.want.get("scales") == "f16", table.dtype)[3]
            same = (rows.narrow(best, table.dtype) == rows.narrow(value, table.dtype)).all()
            check.expect(same, f"{table.name}: dequantized values differ")
        check.count("tables dequantized")
    else:
        stored = stored_arrays(check, table)
        if stored is None:
            return
        value = check_arrays(check, table, search, stored)
    check_figures(check, table, value)


def check_tables(check):
    """Every table of the report, and that the report has every table that was to be done."""
    listed = {}
    for entry in check.report["tables"]:
        table = Table(check, entry)
        check.tables.append(table)
        key = (table.home.key, table.name)
        check.expect(key not in listed, f"{table.name}: two entries")
        listed[key] = table
        check_table(check, table)
        lowered = [check.by_spelling.get(name) for name in entry["consumers"]]
        if check.expect(all(lowered), f"{table.name}: unknown consumer in {entry['consumers']}"):
            wanted = {id(l.node) for l in check.lookups if l.table and l.reason is None
                      and lk.table_key(l.table) == key}
            check.expect({id(l.node) for l in lowered} == wanted and len(lowered) == len(wanted),
                         f"{table.name}: consumers {entry['consumers']}, expected {len(wanted)}")
        check.expect(bool(entry["other_uses"]) == table.kept,
                     f"{table.name}: other uses {entry['other_uses']}, float copy {table.kept}")
    wanted = {lk.table_key(l.table) for l in check.lookups if l.reason is None}
    check.expect(wanted == set(listed), f"tables in the report but not expected: "
                 f"{sorted(set(listed) - wanted)}; expected: {sorted(wanted - set(listed))}")
    check.count("tables", len(listed))


def check_skipped(check):
    """Each lookup that stays has exactly one entry, with the right reason where that is crisp."""
    seen = {}
    for entry in check.report["skipped"]:
        check.expect(entry["reason"] in lk.REASONS, f"unknown reason {entry['reason']}")
        check.expect(entry["message"], f"{entry['node']}: no message")
        lookup = (check.by_spelling.get(entry["graph"] + entry["node"])
                  or check.by_spelling.get(entry["node"]))
        if lookup is None:
            check.count(f"skipped entries for other nodes: {entry['reason']}")
            continue
        check.expect(id(lookup.node) not in seen, f"{entry['node']}: two entries")
        seen[id(lookup.node)] = entry
        if not check.expect(lookup.reason is not None, f"{entry['node']}: skipped as "
                            f"{entry['reason']}, but it can be lowered"):
            continue
        vague = {entry["reason"], lookup.reason} <= lk.VAGUE or entry["reason"] in (
            "shape", "already-quantized")
        check.expect(vague or entry["reason"] == lookup.reason,
                     f"{entry['node']}: reason {entry['reason']}, not {lookup.reason}")
        if lookup.table is not None:
            check.expect(entry["table"] == lookup.table[1],
                         f"{entry['node']}: table {entry['table']}, not {lookup.table[1]}")
        check.count(f"skipped: {entry['reason']}")
    for lookup in check.lookups:
        if lookup.reason is not None:
            check.expect(id(lookup.node) in seen,
                         f"{lookup.result}: neither lowered nor skipped ({lookup.reason})")


# ---- everything else is byte-equal --------------------------------------------------------------


class Bytes:
    """Comparison of two graphs field by field on the wire; check.tables say what may differ."""

    def __init__(self, check):
        self.check = check
        self.lowered = {id(l.node) for l in check.lookups if l.reason is None}
        self.lookup_at = {(l.graph.key, l.result): l for l in check.lookups if l.reason is None}
        self.new = {}
        for table in check.tables:
            names = [table.entry[part] for part in PARTS if table.entry[part]]
            self.new.setdefault(table.home.key, []).extend(names)
        self.gone = self.vanished()

    def vanished(self):
        """{graph: names that may be gone}: tables without other use, wrappers nobody reads."""
        gone = {}
        for lookup in self.check.lookups:
            if lookup.reason is not None:
                continue
            chain = [lookup.table[:2], *((graph, name) for graph, node in lookup.wrappers
                                         for name in node.output)]
            for graph, name in chain:
                if not self.check.b.uses.get((graph.key, name)):
                    gone.setdefault(graph.key, set()).add(name)
        return gone

    def model(self):
        a, b = (wire.split(side.data) for side in (self.check.a, self.check.b))
        self.same(a, b, {7}, "model")
        graph_a, graph_b = ([f[2] for f in part if f[0] == 7] for part in (a, b))
        if self.check.expect(len(graph_a) == len(graph_b) == 1, "not one graph"):
            self.graph(graph_a[0], graph_b[0], ())

    def same(self, a, b, but, what):
        """All fields but those numbers are the same bytes in the same order, number by number."""
        for number in {f[0] for f in [*a, *b]} - set(but):
            x, y = ([f[3] for f in part if f[0] == number] for part in (a, b))
            if not self.check.expect(x == y, f"{what}: field {number} differs"):
                return False
            self.check.count("byte-equal: other fields", len(x))
        return True

    def graph(self, a, b, key):
        what = "/".join(key) or "graph"
        fields_a, fields_b = wire.split(a), wire.split(b)
        self.same(fields_a, fields_b, {1, 5, 11, 13, 14}, what)
        pick = lambda fields, number: [f[2] for f in fields if f[0] == number]
        self.nodes(pick(fields_a, 1), pick(fields_b, 1), key)
        for number, kind, label, name in (
                (5, T, "initializers", "name"), (11, onnx.ValueInfoProto, "inputs", "name"),
                (13, onnx.ValueInfoProto, "value infos", "name"),
                (14, onnx.TensorAnnotation, "annotations", "tensor_name")):
            self.named(pick(fields_a, number), pick(fields_b, number), key, (kind, label, name))

    def named(self, a, b, key, of):
        """What vanished is allowed to, what came is ours, the rest is the same in order."""
        kind, label, name_field = of
        names_a, names_b = ([getattr(kind.FromString(part), name_field) for part in side]
                            for side in (a, b))
        gone, new = self.gone.get(key, set()), set(self.new.get(key, ()))
        kept = [(n, part) for n, part in zip(names_a, a) if n not in gone]
        still = [n for n in names_b if n in gone]
        self.check.expect(not still or label != "initializers",
                          f"{label}: {still} are read by nothing, but still there")
        came = [n for n in names_b if n not in names_a]
        allowed = {"initializers": lambda n: n in new or self.ours(n, key),
                   "inputs": lambda n: n in new and self.check.a.model.ir_version < 4,
                   "value infos": lambda n: n in new or self.ours(n, key),
                   "annotations": lambda n: False}[label]
        self.check.expect(all(map(allowed, came)), f"{label}: new ones {came}")
        if label == "initializers":
            self.check.expect(new <= set(came), f"initializers: missing {sorted(new - set(came))}")
        if label == "inputs" and self.check.a.model.ir_version < 4 and not key:
            self.check.expect(set(came) == new & set(self.check.b.by_key[key].dense),
                              f"inputs: IR 3 needs every new initializer, has {came}")
            self.check.expect(names_b == [n for n, _ in kept] + came, "inputs: order changed")
        rest = [(n, part) for n, part in zip(names_b, b) if n in names_a and n not in gone]
        if not self.check.expect([n for n, _ in kept] == [n for n, _ in rest],
                                 f"{label} of {'/'.join(key) or 'graph'}: others or another order"):
            return
        for (name, x), (_, y) in zip(kept, rest):
            same = x == y or (label == "initializers" and self.same_tensor(x, y))
            if self.check.expect(same, f"{label}: {name} changed"):
                self.check.count(f"byte-equal: {label}")

    def ours(self, name, key):
        """Whether a name is one that a lowered lookup of this graph or its table may bring in."""
        return any(name.startswith(result + ".") for at, result in self.lookup_at if at == key) or (
            any(name.startswith(t.name + ".") for t in self.check.tables if t.home.key == key))

    def plain_tensor(self, tensor, folder):
        """External data replaced by the bytes it stands for."""
        if tensor.data_location == T.EXTERNAL:
            data = gr.payload(tensor, folder) if tensor.data_type in (
                1, 2, 6, 7, 10, 16) else self.raw_extent(tensor, folder)
            del tensor.external_data[:]
            tensor.raw_data = data

    @staticmethod
    def raw_extent(tensor, folder):
        where = {entry.key: entry.value for entry in tensor.external_data}
        data = common.read(os.path.join(folder, where["location"]))
        start = int(where.get("offset", 0))
        return data[start:start + int(where["length"])] if "length" in where else data[start:]

    def same_tensor(self, x, y):
        a, b = T.FromString(x), T.FromString(y)
        self.plain_tensor(a, self.check.a.folder)
        self.plain_tensor(b, self.check.b.folder)
        return a.SerializeToString() == b.SerializeToString()

    def nodes(self, a, b, key):
        nodes_a, nodes_b = ([onnx.NodeProto.FromString(part) for part in side] for side in (a, b))
        at_b = {gr.first_result(n): i for i, n in enumerate(nodes_b) if gr.first_result(n)}
        self.check.expect(len(at_b) == sum(bool(gr.first_result(n)) for n in nodes_b),
                          "two nodes of the output define one name")
        used, last, silent = set(), -1, [i for i, n in enumerate(nodes_b) if not gr.first_result(n)]
        for part, node in zip(a, nodes_a):
            name = gr.first_result(node)
            place = at_b.get(name) if name else (silent.pop(0) if silent else None)
            if place is None:
                self.check.expect(set(node.output) <= self.gone.get(key, set()) | {""},
                                  f"node {name} is gone")
                continue
            used.add(place)
            if (key, name) in self.lookup_at:
                self.lowered_node(self.lookup_at[key, name], nodes_b[place], nodes_b, at_b)
                continue
            self.check.expect(place > last, f"node {name}: order changed")
            last = place
            if part == b[place]:
                self.check.count("byte-equal: nodes")
            else:
                self.changed_node(part, b[place], (key, name), (node, nodes_b[place]))
        for place, node in enumerate(nodes_b):
            if place not in used:
                names = [name for name in node.output if name]
                fine = all(self.ours(name, key) and name not in self.check.old_names
                           for name in names)
                self.check.expect(fine and not node.name, f"new node {node.op_type} {node.name!r} "
                                  f"makes {names}")
                self.check.count("new nodes")

    def lowered_node(self, lookup, node, nodes_b, at_b):
        """Ends the form: the lookup's names; reads the new initializers and the same indices."""
        self.check.expect(node.name == lookup.node.name,
                          f"{lookup.result}: node name {node.name!r}")
        entry = next((t.entry for t in self.check.tables if (t.home.key, t.name) == lk.table_key(
            lookup.table)), None)
        if entry is None:
            return
        front, read, seen = [node], set(), set()
        while front:
            at = front.pop()
            for name in at.input:
                read.add(name)
                place = at_b.get(name)
                if place is not None and name not in self.check.old_names and place not in seen:
                    seen.add(place)
                    front.append(nodes_b[place])
        need = {entry[part] for part in PARTS if entry[part]} | {lookup.node.input[1]}
        self.check.expect(need <= read, f"{lookup.result}: does not read {sorted(need - read)}")
        self.check.expect(lookup.table[1] not in read or lookup.table[0].resolve(
            lookup.table[1]) is None, f"{lookup.result}: still reads the float table")
        self.check.count("lowered lookups")

    def changed_node(self, x, y, place, nodes):
        """A node may change inside its bodies, in where data lies, in sharding of a gone table."""
        key, name = place
        a, b = wire.split(x), wire.split(y)
        items_a, items_b = ([f[2] for f in part if f[0] == 5] for part in (a, b))
        same = len(items_a) == len(items_b) and self.same(a, b, {5, 10}, f"node {name}")
        if not self.check.expect(same, f"node {name}: changed"):
            return
        if [f[3] for f in a if f[0] == 10] != [f[3] for f in b if f[0] == 10]:
            self.sharding(nodes, key)
        for item_a, item_b in zip(items_a, items_b):
            if item_a != item_b:
                self.attribute(item_a, item_b, place)
        self.check.count("nodes equal but for their bodies, data places or sharding")

    def sharding(self, nodes, key):
        """The original's device configurations without entries of vanished tables."""
        gone = set().union(*self.gone.values()) if self.gone else set()
        del key
        for device in nodes[0].device_configurations:
            kept = [s for s in device.sharding_spec if s.tensor_name not in gone]
            del device.sharding_spec[:]
            device.sharding_spec.extend(kept)
        x, y = ([d.SerializeToString() for d in n.device_configurations] for n in nodes)
        self.check.expect(x == y, f"node {nodes[0].name}: device configurations changed")

    def attribute(self, x, y, place):
        key, name = place
        a, b = wire.split(x), wire.split(y)
        what = f"attribute of {name}"
        self.same(a, b, {5, 6, 11}, what)
        label = onnx.AttributeProto.FromString(x).name
        for number in (6, 11):
            bodies_a, bodies_b = ([f[2] for f in part if f[0] == number] for part in (a, b))
            if self.check.expect(len(bodies_a) == len(bodies_b), f"{what}: bodies"):
                for body_a, body_b in zip(bodies_a, bodies_b):
                    self.graph(body_a, body_b, (*key, name or "", label))
        tensors_a, tensors_b = ([f[2] for f in part if f[0] == 5] for part in (a, b))
        same = len(tensors_a) == len(tensors_b) and all(map(self.same_tensor, tensors_a, tensors_b))
        self.check.expect(same, f"{what}: tensor changed")


# ---- files --------------------------------------------------------------------------------------


def check_kept_locations(check):
    """No payload changed: every location stays, data files are shared or copied whole."""
    for location, tensors in check.b.locations().items():
        files = [common.read(os.path.join(side.folder, location)) for side in (check.a, check.b)]
        check.expect(files[0] == files[1], f"data file {location} is not a copy")
        old = check.a.locations().get(location, ())
        check.expect([t.SerializeToString() for t, _ in tensors] == [
            t.SerializeToString() for t, _ in old], f"data file {location}: tensors moved")
    check.count("outputs with external data, left where it was")


def check_external(check):
    """All external data in one new file: its name, order, alignment, gaps."""
    locations = check.b.locations()
    if not locations:
        return
    if not check.tables:
        check_kept_locations(check)
        return
    name = os.path.basename(check.b.path)
    check.expect(len(locations) == 1, f"data in {sorted(locations)}")
    for location, tensors in locations.items():
        check.expect(re.fullmatch(re.escape(name) + r"\.[0-9a-f]{8}\.data", location),
                     f"data file is called {location}")
        size, ends = os.path.getsize(os.path.join(check.b.folder, location)), [0]
        spans = []
        for tensor, where in tensors:
            offset, length = int(where.get("offset", 0)), int(where["length"])
            check.expect(offset % 4096 == 0, f"{tensor.name}: at {offset}")
            check.expect("checksum" not in where, f"{tensor.name}: has a checksum")
            spans.append((offset, offset + length))
        check.expect([s for s in spans if s[0] >= ends[-1]] and spans == sorted(spans),
                     "data is not in file order")
        check.expect(max(end for _, end in spans) == size, "data file has bytes after the last")
        data, at = common.read(os.path.join(check.b.folder, location)), 0
        for start, end in sorted(set(spans)):
            check.expect(not any(data[at:start]), f"gap at {at} is not zero")
            at = max(at, end)
    check.count("outputs with external data in a new file")


def check_receipt(check, quire):
    """The pieces of `diff --bytes` tile both files, and the report's receipt sums."""
    done = common.run(quire, "diff", "--bytes", "--format", "json", check.a.path, check.b.path)
    if not check.expect(done.code in (0, 1), str(done)):
        return
    pieces = json.loads(done.out)["pieces"]
    for problem in receipt.problems(pieces, os.path.abspath(check.a.path),
                                    os.path.abspath(check.b.path), check.report["receipt"]):
        check.expect(False, problem)
    r = check.report["receipt"]
    check.expect(r["input_bytes"] == r["kept"] + r["removed"] + r["rewritten"]["in"]
                 + r["framing"]["in"], "receipt: input bytes do not add up")
    check.expect(r["output_bytes"] == r["kept"] + r["added"] + r["rewritten"]["out"]
                 + r["framing"]["out"], "receipt: output bytes do not add up")
    for side, name in ((check.a, "in"), (check.b, "out")):
        told = {piece[name]["file"] for piece in pieces if piece[name]}
        told -= {os.path.basename(side.path)}
        check.expect(told == set(side.locations()), f"receipt: data files {sorted(told)}")
    check.count("receipts")
    check.count("receipt pieces", len(pieces))


def check(before, after, report, want, quire=None):
    """Everything; quire: the program, for `diff --bytes` (left out if None)."""
    made = Check(before, after, report, want)
    check_tables(made)
    check_skipped(made)
    Bytes(made).model()
    check_external(made)
    if quire is not None:
        check_receipt(made, quire)
    return made.tally


# ---- running the program ------------------------------------------------------------------------

SINGLE = {"bits": "--bits", "block": "--block", "zero_point": "--zero-point", "scales": "--scales",
          "search": "--search", "target": "--target", "min_elements": "--min-elements",
          "non_finite": "--non-finite"}


def arguments(want):
    """The command line that stands for a set of options."""
    out = []
    for key, flag in SINGLE.items():
        if want.get(key) is not None:
            out += [flag, str(want[key])]
    for key, flag in (("only", "--only"), ("skip", "--skip")):
        for glob in want.get(key, ()):
            out += [flag, glob]
    for glob, bits in want.get("bits_for", ()):
        out += ["--bits-for", f"{glob}={bits}"]
    return out


def quantize(quire, before, after, want):
    """(run, report); the report is None unless the exit code is 0 or 1."""
    done = common.run(quire, "quantize", before, "-o", after, "--format", "json",
                      *arguments(want))
    return done, json.loads(done.out) if done.code in (0, 1) else None


def check_unchanged(tally, where, done, report, before, want, after):
    """Exit 1: nothing eligible; nothing written; every lookup has its reason."""
    made = Check(before, None, report, want)
    eligible = [lookup.result for lookup in made.lookups if lookup.reason is None]
    tally.expect(not eligible, where, f"exit 1, but {eligible} can be lowered: {done}")
    tally.expect(not os.path.exists(after), where, "exit 1 and an output")
    tally.expect(report["tables"] == [] and report["receipt"] is None, where, "exit 1: not empty")
    check_skipped(made)
    tally.merge((made.tally.counts, [f"{where}: {line}" for line in made.tally.failures]))
    tally.count("models without an eligible table")


def run_and_check(quire, before, after, want):
    """Quantizes one model and checks all of it: (tally, whether there is an output)."""
    done, report = quantize(quire, before, after, want)
    tally, where = common.Tally(), f"{os.path.basename(before)} {' '.join(arguments(want))}"
    if not tally.expect(done.code in (0, 1), where, str(done)):
        return tally, False
    try:
        if done.code == 1:
            check_unchanged(tally, where, done, report, before, want, after)
        else:
            inner = check(before, after, report, want, quire)
            tally.merge((inner.counts, [f"{where}: {line}" for line in inner.failures]))
    except Exception as error:
        trace = traceback.extract_tb(error.__traceback__)[-1]
        tally.fail(where, f"the check itself failed: {error!r} at {trace.name}:{trace.lineno}")
    return tally, done.code == 0


def main():
    options = common.arguments(__doc__, (["files"], {"nargs": "+"}))
    tally = common.Tally()
    for path in options.files:
        for bits in (8, 4, 2):
            after = os.path.join(options.work, os.path.basename(path))
            made, _ = run_and_check(options.quire, path, after, {"bits": bits})
            tally.merge(made.plain())
    return tally.finish("recompute")


if __name__ == "__main__":
    sys.exit(main())
