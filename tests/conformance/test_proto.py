#!/usr/bin/env python3
"""test_proto.py - is proto/onnx.proto the schema that onnx itself uses?

    test_proto.py PROTO [--compiler PROGRAM]

The schema compiler that also makes our C code (protoc-c, else protoc) turns PROTO into descriptors;
the installed onnx package carries its own. Both become lists of facts, one per message, field,
oneof, enum and enum value, and the lists must be equal. Comments, declaration order and the options
of the file (they choose code generators) are free.

Needs the Python package onnx, of the release named in PROTO, and protobuf-c-compiler.
Exit: 0 equal, 1 different or not compilable, 2 usage, 77 no onnx package here.
"""
import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import onnx
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
    from onnx import onnx_ml_pb2
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def compiled(proto, compiler):
    """The FileDescriptorProto of the file `proto`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "descriptors")
        command = [compiler, f"--proto_path={proto.parent}", f"--descriptor_set_out={out}", proto]
        if subprocess.run(command).returncode != 0:
            sys.exit(f"{proto}: {compiler} refuses it")
        return FileDescriptorSet.FromString(out.read_bytes()).file[0]


def installed():
    """The FileDescriptorProto of the onnx package, as it was compiled in."""
    return FileDescriptorProto.FromString(onnx_ml_pb2.DESCRIPTOR.serialized_pb)


def option_text(options):
    return " ".join(str(options).split()) or "none"


def reserved_text(descriptor, past_end):
    """Reserved numbers, neighbouring ranges joined ("3, 4" is "3 to 4"), and reserved names.

    The end of a range is exclusive in a message, inclusive in an enum: past_end is 0 or 1.
    """
    ranges = []
    for start, end in sorted((r.start, r.end + past_end) for r in descriptor.reserved_range):
        if ranges and ranges[-1][1] == start - 1:
            ranges[-1][1] = end - 1
        else:
            ranges.append([start, end - 1])
    return f"{ranges} {sorted(descriptor.reserved_name)}"


def field_facts(message, path):
    for field in message.field:
        in_oneof = field.HasField("oneof_index")
        kind = field.Type.Name(field.type).removeprefix("TYPE_").lower()
        yield f"field {path}.{field.name}", {
            "number": field.number, "type": f"{kind} {field.type_name}".strip(),
            "label": field.Label.Name(field.label).removeprefix("LABEL_").lower(),
            "oneof": message.oneof_decl[field.oneof_index].name if in_oneof else "none",
            "default": repr(field.default_value) if field.HasField("default_value") else "none",
            "options": option_text(field.options)}


def enum_facts(enum, path):
    yield f"enum {path}", {
        "value when absent": enum.value[0].name, "reserved": reserved_text(enum, 1),
        "options": option_text(enum.options)}
    for value in enum.value:
        yield f"value {path}.{value.name}", {
            "number": value.number, "options": option_text(value.options)}


def message_facts(message, scope):
    path = f"{scope}.{message.name}"
    yield f"message {path}", {
        "reserved": reserved_text(message, 0), "options": option_text(message.options),
        "extension ranges": [(r.start, r.end) for r in message.extension_range],
        "extensions": [e.name for e in message.extension]}
    for oneof in message.oneof_decl:
        yield f"oneof {path}.{oneof.name}", {"options": option_text(oneof.options)}
    yield from field_facts(message, path)
    for enum in message.enum_type:
        yield from enum_facts(enum, f"{path}.{enum.name}")
    for nested in message.nested_type:
        yield from message_facts(nested, path)


def file_facts(file):
    yield "file", {
        "package": file.package, "syntax": file.syntax or "proto2",
        "imports": list(file.dependency), "services": [s.name for s in file.service],
        "extensions": [e.name for e in file.extension]}
    for enum in file.enum_type:
        yield from enum_facts(enum, f"{file.package}.{enum.name}")
    for message in file.message_type:
        yield from message_facts(message, file.package)


def differences(ours, theirs):
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours:
            yield f"{name}: missing here"
        elif name not in theirs:
            yield f"{name}: not in onnx"
        else:
            for key, value in theirs[name].items():
                if ours[name][key] != value:
                    yield f"{name}: {key} is {ours[name][key]}, onnx has {value}"


def main():
    parser = argparse.ArgumentParser(description="compare a schema with the installed onnx package")
    parser.add_argument("proto", type=Path)
    parser.add_argument("--compiler", default="protoc-c" if shutil.which("protoc-c") else "protoc")
    arguments = parser.parse_args()
    if shutil.which(arguments.compiler) is None:
        parser.error(f"no program {arguments.compiler}: install protobuf-c-compiler")
    ours = dict(file_facts(compiled(arguments.proto, arguments.compiler)))
    theirs = dict(file_facts(installed()))
    found = list(differences(ours, theirs))
    for line in found:
        print(f"{arguments.proto}: {line}", file=sys.stderr)
    if found:
        print(f"differences from onnx {onnx.__version__}: {len(found)}", file=sys.stderr)
        return 1
    n = {kind: sum(name.startswith(kind + " ") for name in theirs)
         for kind in ("message", "field", "oneof", "enum", "value")}
    print(f"{n['message']} messages, {n['field']} fields, {n['value']} enum values equal"
          f" ({n['enum']} enums, {n['oneof']} oneofs) to onnx {onnx.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
