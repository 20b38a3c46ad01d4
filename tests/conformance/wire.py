"""Protobuf's wire format, read and written by hand, a field at a time.

The point is that bytes stay what they were: comparing messages through a protobuf library would
hide differences that it normalises, and some fixtures cannot be written through one at all."""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def split(data):
    """[(field, wire, payload, whole field)]; the payload of a varint is its value."""
    fields, at = [], 0
    while at < len(data):
        start = at
        key, at = read_varint(data, at)
        wire = key & 7
        if wire == VARINT:
            payload, at = read_varint(data, at)
        elif wire == LENGTH:
            size, at = read_varint(data, at)
            payload, at = data[at:at + size], at + size
        else:
            size = {FIXED64: 8, FIXED32: 4}[wire]
            payload, at = data[at:at + size], at + size
        if at > len(data):
            raise ValueError("a field ends outside its message")
        fields.append((key >> 3, wire, payload, data[start:at]))
    return fields


def varint(value, wide=0):
    """Its bytes; wide: that many more than needed (over-long but valid)."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(wide):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def number(field, value, wide=0):
    return varint(field << 3 | VARINT) + varint(value, wide)


def block(field, payload, wide=0):
    return varint(field << 3 | LENGTH) + varint(len(payload), wide) + payload


def fixed(field, payload):
    wire = {8: FIXED64, 4: FIXED32}[len(payload)]
    return varint(field << 3 | wire) + payload
