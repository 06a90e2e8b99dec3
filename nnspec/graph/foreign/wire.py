"""The bytes of a model file, before a protobuf parser sees them.

Parsers make an object of every message: a file of 100 MB that holds nothing but empty nodes takes 10 GB. So fields are
counted here, and the skeleton of the file is walked through: every length must end inside of what holds it. The content
of tensors is passed over, so that this takes 0.6 us per field and nothing per weight.

Wire format: https://protobuf.dev/programming-guides/encoding. Fields: onnx.proto of ONNX 1.21.
"""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.diagnostics.errors import Fault

MAX_BYTES = 2**31 - 1
"""Where protobuf ends."""
MAX_FIELDS = 3_000_000
"""A model of 100 000 nodes has a million."""
MAX_DEPTH = 64
"""Messages inside of each other; a subgraph takes three."""

MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 8: "leaf", 14: "leaf", 20: "training", 25: "function", 26: "leaf"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 14: "quantization", 15: "sparse",
              16: "leaf"},
    "node": {5: "attribute", 9: "leaf", 10: "device"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 14: "type", 15: "type", 22: "sparse",
                  23: "sparse"},
    "tensor": {3: "leaf", 13: "leaf", 16: "leaf"},
    "sparse": {1: "tensor", 2: "tensor"},
    "value": {2: "type", 4: "leaf"},
    "type": {1: "tensor type", 4: "type holder", 5: "map", 7: "leaf", 8: "tensor type", 9: "type holder"},
    "tensor type": {2: "shape"},
    "type holder": {1: "type"},
    "map": {2: "type"},
    "shape": {1: "leaf"},
    "function": {7: "node", 9: "leaf", 11: "attribute", 12: "value", 14: "leaf"},
    "training": {1: "graph", 2: "graph", 3: "leaf", 4: "leaf"},
    "quantization": {2: "leaf"},
    "device": {2: "leaf"},
    "leaf": {},
}  # fmt: skip
"""The messages inside of a message, by field number. What is no message, or unknown, is passed over."""


def scan(data: bytes, source: str) -> None:
    """Raise E731 unless `data` is the skeleton of a model: whole, not too deep, and with no more fields than any model
    has."""
    if not data:
        raise Fault("E731", f"{source} is empty")
    if len(data) > MAX_BYTES:
        raise Fault("E731", f"{source} has more than 2 GiB, where protobuf ends", help="weights go to a file beside it")
    fields = graphs = 0
    at, end, kind = 0, len(data), "model"
    above: list[tuple[int, int, str]] = []  # where to go on in the messages around this one
    while True:
        while at >= end and above:
            at, end, kind = above.pop()
        if at >= end:
            break
        fields += 1
        if fields > MAX_FIELDS:
            raise Fault("E731", f"{source} has more than {MAX_FIELDS:,} fields, which no model has")
        tag, at = _varint(data, at, end, source)
        wire = tag & 7
        if not tag >> 3:
            raise _damaged(source, at, "there is no field 0")
        if wire == 2:
            length, at = _varint(data, at, end, source)
            if length > end - at:
                raise _damaged(source, at, f"{length} bytes are announced and {end - at} follow")
            known = MESSAGES[kind].get(tag >> 3)
            if known is None:
                at += length
                continue
            graphs += kind == "model" and known == "graph"
            above.append((at + length, end, kind))
            end, kind = at + length, known
            if len(above) > MAX_DEPTH:
                raise Fault("E731", f"{source} is nested more than {MAX_DEPTH} deep")
        elif wire == 0:
            _, at = _varint(data, at, end, source)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
            if at > end:
                raise _damaged(source, at, "a number is cut off")
        else:
            raise _damaged(source, at, f"there is no wire type {wire}")
    if graphs != 1:
        raise Fault("E731", f"{source} is no model: it has {graphs or 'no'} graph{'s' if graphs > 1 else ''}")


def _varint(data: bytes, at: int, end: int, source: str) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    if at < end and data[at] < 0x80:
        return data[at], at + 1
    result = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise _damaged(source, at, "a number is cut off")
        byte = data[at]
        result |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return result & (2**64 - 1), at
    raise _damaged(source, at, "a number has more than ten bytes")


def _damaged(source: str, at: int, why: str) -> Fault:
    return Fault("E731", f"{source} is no model, or a damaged one: at byte {at}, {why}")
