"""Files that are no safetensors files are told by how they begin, and cut ones by what is missing."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.tensor_file import list_tensors, read_tensors


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return made.getvalue()


def arrays() -> bytes:
    made = io.BytesIO()
    np.savez(made, a=np.zeros(3))
    return made.getvalue()


HEADER = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
WHOLE = len(HEADER).to_bytes(8, "little") + HEADER + bytes(16)


@pytest.mark.parametrize(
    ("content", "said", "help"),
    [
        (b"", "is empty", ""),
        (archive("archive/data.pkl", "archive/data/0"), "is a pickle of PyTorch, which is not read", "torch.load("),
        (b"\x80\x02}q\x00.", "is a pickle of PyTorch, which is not read: it can run code of its own", "torch.load("),
        (arrays(), "is an archive of NumPy arrays", "numpy.load"),
        (archive("config.json"), "is an archive, no safetensors file", ""),
        (b"PK\x03\x04 cut", "is a damaged archive", ""),
        (b"\x89HDF\r\n\x1a\n....", "is an HDF5 file, as Keras writes them", "safetensors.numpy.save_file"),
        (b"GGUF\x03\x00\x00\x00", "is a GGUF file", ""),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a pointer of Git LFS", "git lfs pull"),
        (b"\n <!DOCTYPE html><html>", "is a web page", ""),
        (b"nnspec 1\n\nmodel m {}\n", "is a text, not a file of weights", ""),
        (WHOLE[:-1], f"is cut off: {len(WHOLE) - 1} of its {len(WHOLE)} bytes are there", ""),
        (WHOLE[:20], f"is cut off within its header: 20 bytes of at least {len(WHOLE) - 16} are there", ""),
        (bytes(range(128, 256)), "cannot be read as safetensors: ", ""),
    ],
)
def test_what_a_file_is(tmp_path: Path, content: bytes, said: str, help: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    for read in (read_tensors, list_tensors):
        with pytest.raises(Fault) as caught:
            read(path)
        assert caught.value.code == "E707"
        assert caught.value.message.startswith(f"{path} {said}") and help in caught.value.help
        assert bool(caught.value.help) == bool(help)


def test_the_command_in_the_help_converts(tmp_path: Path) -> None:
    """Its quotes survive a shell, and it names the file."""
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(Fault) as caught:
        read_tensors(path)
    code = caught.value.help.partition("python -c '")[2].partition("' writes")[0]
    compile(code, "help", "exec")
    assert f'torch.load("{path}", weights_only=True)' in code and '"pytorch_model.safetensors"' in code
