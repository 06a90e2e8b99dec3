"""TensorBoard's event files: records of length, data and their checksums, the data a protobuf message.

record    uint64 length, uint32 masked CRC-32C of it, data, uint32 masked CRC-32C of the data; little-endian
Event     1: wall_time double, 2: step int64, 3: file_version string, 5: summary
Summary   1: value, repeated; Value 1: tag string, 2: simple_value float
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

POLYNOMIAL = 0x82F63B78
"""Of CRC-32C, its bits reversed."""
VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5
"""Wire types of protobuf."""


def header(wall_time: float) -> bytes:
    """The record that an event file begins with."""
    return _record(_key(1, DOUBLE) + struct.pack("<d", wall_time) + _bytes(3, b"brain.Event:2"))


def scalars(values: Mapping[str, float], step: int, wall_time: float) -> bytes:
    """One record: numbers by tag at a step."""
    summary = b"".join(_bytes(1, _value(tag, value)) for tag, value in values.items())
    moment = _key(1, DOUBLE) + struct.pack("<d", wall_time) + _key(2, VARINT) + _varint(step)
    return _record(moment + _bytes(5, summary))


def masked_crc(data: bytes) -> int:
    """The checksum of the format: CRC-32C, turned and shifted, so that one of data with checksums in it is sound."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table() -> tuple[int, ...]:
    """What each value of a byte does to the checksum."""
    found = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
        found.append(crc)
    return tuple(found)


TABLE = _table()


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def _value(tag: str, value: float) -> bytes:
    return _bytes(1, tag.encode("utf-8")) + _key(2, FLOAT) + _float(value)


def _float(value: float) -> bytes:
    """A float32; what is too large for one is infinite."""
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def _bytes(field: int, content: bytes) -> bytes:
    return _key(field, BYTES) + _varint(len(content)) + content


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
