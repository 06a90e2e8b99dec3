"""Sealed files are safetensors files that know their own digest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.sealed_file import Damaged, read_sealed, write_sealed

TENSORS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b/c": np.array(2.5),
    "d": np.array([], np.float32),
    "e": np.array([[1, 2]], np.int64).T,
    "f": np.array([True, False]),
}


def equal(found: dict[str, np.ndarray]) -> bool:
    return found.keys() == TENSORS.keys() and all(
        found[name].dtype == array.dtype and found[name].shape == array.shape and np.array_equal(found[name], array)
        for name, array in TENSORS.items()
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_sealed(tmp_path / "x", TENSORS, {"a": [1, "ü"], "nan": float("nan")})
    tensors, note = read_sealed(tmp_path / "x")
    assert equal(tensors) and note["a"] == [1, "ü"] and note["nan"] != note["nan"]


def test_the_library_reads_it(tmp_path: Path) -> None:
    write_sealed(tmp_path / "x", TENSORS, {})
    assert equal(load_file(tmp_path / "x"))
    with safe_open(tmp_path / "x", framework="numpy") as file:
        assert len(file.metadata()["sha256"]) == 64


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("x", "y"):
        write_sealed(tmp_path / name, TENSORS, {"b": 1, "a": 2})
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_every_byte_counts(tmp_path: Path) -> None:
    write_sealed(tmp_path / "x", {"a": np.arange(3.0)}, {"n": 1})
    content = (tmp_path / "x").read_bytes()
    for place in range(len(content)):
        for change in (1, 0x20, 0x80):
            damaged = bytearray(content)
            damaged[place] ^= change
            (tmp_path / "x").write_bytes(damaged)
            with pytest.raises(Damaged):
                read_sealed(tmp_path / "x")
    for end in range(len(content)):
        (tmp_path / "x").write_bytes(content[:end])
        with pytest.raises(Damaged):
            read_sealed(tmp_path / "x")
    (tmp_path / "x").write_bytes(content + b"\0")
    with pytest.raises(Damaged):
        read_sealed(tmp_path / "x")


def test_what_cannot_be_sealed_or_read(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="a is complex128"):
        write_sealed(tmp_path / "x", {"a": np.array(1j)}, {})
    with pytest.raises(Damaged, match="No such file"):
        read_sealed(tmp_path / "absent")
