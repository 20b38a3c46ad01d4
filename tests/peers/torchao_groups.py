"""What torchao itself makes of a case: its own functions on a torch.fx graph with annotations."""
import types

import torch
from torchao.quantization.pt2e import observer, prepare
from torchao.quantization.pt2e.quantizer import (DerivedQuantizationSpec,
                                                 FixedQParamsQuantizationSpec,
                                                 QuantizationAnnotation, QuantizationSpec,
                                                 SharedQuantizationSpec)

from pt2e_cases import SPECS, keys

ANNOTATION = "quantization_annotation"


def op(*args):
    """Stands for any operator: grouping asks only who reads whom."""
    return args[0]


def formula(observers):
    return torch.tensor([1.0]), torch.tensor([0], dtype=torch.int32)


def is_float(spec):
    """No spec, or the observer that stands for keeping a bias as it is."""
    return spec is None or getattr(spec, "dtype", None) == torch.float32


class Fx:
    """A torch.fx graph of a case, its nodes by name."""

    def __init__(self, case):
        self.case, self.graph, self.nodes = case, torch.fx.Graph(), {}
        for name in case["inputs"]:
            self.nodes[name] = self.graph.placeholder(name)
        for name, inputs in case["nodes"]:
            self.nodes[name] = self.graph.call_function(op, tuple(map(self.nodes.get, inputs)))
        self.nodes["output"] = self.graph.output(tuple(map(self.nodes.get, case["outputs"])))
        for name, note in case["notes"].items():
            self.nodes[name].meta[ANNOTATION] = QuantizationAnnotation(
                input_qspec_map={self.nodes[producer]: self.spec(spec)
                                 for producer, spec in note.get("in", {}).items()},
                output_qspec=self.spec(note.get("out")),
                allow_implicit_sharing=note.get("flag", True))

    def key(self, key):
        if ">" not in key:
            return self.nodes[key]
        return tuple(self.nodes[name] for name in key.split(">"))

    def spec(self, spec):
        if spec is None:
            return None
        if spec[0] == "shared":
            return SharedQuantizationSpec(self.key(spec[1]))
        fields = SPECS[spec if isinstance(spec, str) else spec[1]][1]
        dtype, low, high = getattr(torch, fields[0]), *fields[1:3]
        if spec[0] == "derived":
            return DerivedQuantizationSpec([self.key(k) for k in spec[2]], formula, dtype, low,
                                           high, getattr(torch, fields[3]), *fields[4:6])
        if len(fields) == 5:
            return FixedQParamsQuantizationSpec(dtype, *fields[3:], low, high,
                                                torch.per_tensor_affine)
        return QuantizationSpec(dtype, getattr(observer, fields[6]), low, high,
                                fields[3] and getattr(torch, fields[3]), *fields[4:6])


class Answer:
    """groups: a sorted partition of the keys that are not float, or None; raised: stage and type;
    chosen: the class of each key's observer."""

    def __init__(self, case, qat=False):
        fx, self.groups, self.raised, self.chosen = Fx(case), None, None, {}
        names = {fx.key(key): key for key in keys(case)}
        specs = prepare._get_edge_or_node_to_qspec(types.SimpleNamespace(graph=fx.graph))
        assert [names[k] for k in specs] == list(keys(case))
        try:
            ids = prepare._get_edge_or_node_to_group_id(specs)
        except (RecursionError, KeyError, AttributeError) as error:
            self.raised = f"{type(error).__name__} while grouping"
            return
        parts = {}
        for key in specs:
            if not is_float(specs[key]):
                parts.setdefault(ids[key], []).append(names[key])
        self.groups = sorted(map(sorted, parts.values()))
        try:
            objects = prepare._get_obs_or_fq_map(ids, specs, qat)
        except (AssertionError, KeyError, AttributeError) as error:
            self.raised = f"{type(error).__name__} while creating observers"
            return
        self.chosen = {names[k]: type(o).__name__ for k, o in objects.items() if o is not None}
        self.check_instances(specs, objects, names)

    def check_instances(self, specs, objects, names):
        """One group is one observer: what prepare inserts is what the ids say."""
        parts = {}
        if any(objects[key] is None for key in specs if not is_float(specs[key])):
            return  # shared with an edge without a spec
        for key, made in objects.items():
            if not is_float(specs[key]):
                parts.setdefault(id(made), []).append(names[key])
        assert sorted(map(sorted, parts.values())) == self.groups
