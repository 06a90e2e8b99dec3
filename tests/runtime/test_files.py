"""Files are whole or absent, and what cannot be read says why."""

import os
from pathlib import Path

import numpy as np
import pytest

from nnspec.diagnostics.errors import Fault
from nnspec.runtime import files
from nnspec.runtime.tensor_file import read_tensors, write_tensors


def test_a_file_is_written_into_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    with pytest.raises(Fault, match=r"b.txt cannot be written: the folder .*a is not there; 1 bytes are needed"):
        files.write_text(path, "x")
    files.make_folder(path.parent)
    files.write_text(path, "x")
    files.write_text(path, "y")
    assert path.read_text() == "y"
    assert [item.name for item in path.parent.iterdir()] == ["b.txt"], "no temporary file is left"


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_a_failure_at_any_point_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "weights"
    files.write_bytes(path, b"old")

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(
        Fault, match=r"weights cannot be written: No space left on device; 3 bytes are needed"
    ) as caught:
        files.write_bytes(path, b"new")
    assert caught.value.code == "E707"
    assert path.read_bytes() == b"old" and [item.name for item in tmp_path.iterdir()] == ["weights"]


def test_json_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    for name in ("run.json", "absent.json"):
        with pytest.raises(Fault, match=f"{name} cannot be read"):
            files.read_json(tmp_path / name)


def test_tensors_keep_dtype_shape_and_note(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    tensors = {"b": np.arange(6.0).reshape(2, 3).T, "a": np.array(3, np.int64)}
    write_tensors(path, tensors, "note")
    found, note = read_tensors(path)
    assert note == "note" and set(found) == {"a", "b"}
    for name, array in tensors.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    before = path.read_bytes()
    write_tensors(path, tensors, "note")
    assert path.read_bytes() == before


def test_a_truncated_tensor_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    write_tensors(path, {"a": np.zeros(100)})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Fault, match="is cut off: 871 of its 872 bytes are there") as caught:
        read_tensors(path)
    assert caught.value.code == "E707"
