"""Files of weights in formats that are not read, told by how they begin: what they are, and what to do about it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from nnspec.diagnostics.errors import Fault

CONVERT = """python -c 'import torch, safetensors.torch as s; w = torch.load("{path}", weights_only=True); \
s.save_file({{k: v.clone() for k, v in w.items()}}, "{name}.safetensors")' writes the same as safetensors"""
PICKLES = tuple(bytes([0x80, version]) for version in (2, 3, 4, 5))
PICKLE = "is a pickle of PyTorch, which is not read: it can run code of its own"
MOST_HEADER = 100_000_000
"""Bytes; what claims a longer header is no safetensors file."""


def unreadable(path: Path, cause: Exception) -> Fault:
    """E707 for a file that could not be read as safetensors."""
    try:
        said, help = _nature(path)
    except OSError:
        said = help = ""
    return Fault("E707", f"{path} {said or f'cannot be read as safetensors: {cause}'}", help=help)


def _nature(path: Path) -> tuple[str, str]:
    """What a file is, and help; two empty texts where that is not known."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(512)
    if not size:
        return "is empty", ""
    if start.startswith(b"PK"):
        return _archive(path)
    if start.startswith(PICKLES):
        return PICKLE, CONVERT.format(path=path, name=path.stem)
    if start.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the file itself", "`git lfs pull` in its folder fetches it"
    if start.startswith(b"\x89HDF"):
        help = "load it with the library that wrote it, and write the arrays with safetensors.numpy.save_file"
        return "is an HDF5 file, as Keras writes them; safetensors files are read", help
    if start.startswith(b"GGUF"):
        return "is a GGUF file, whose weights are mostly quantized; safetensors files are read", ""
    if start.lstrip()[:1] == b"<":
        return "is a web page, not a file of weights: a download went wrong", ""
    if start.isascii() and b"\0" not in start:
        return "is a text, not a file of weights", ""
    return _cut_off(path, start, size), ""


def _archive(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "is a damaged archive, no safetensors file", ""
    if any(name.endswith("data.pkl") for name in names):
        return PICKLE, CONVERT.format(path=path, name=path.stem)
    if any(name.endswith(".npy") for name in names):
        help = f"safetensors.numpy.save_file(dict(numpy.load('{path}')), '{path.stem}.safetensors') writes one"
        return "is an archive of NumPy arrays; safetensors files are read", help
    return "is an archive, no safetensors file", ""


def _cut_off(path: Path, start: bytes, size: int) -> str:
    """How much is missing of a safetensors file that is shorter than its header says."""
    length = int.from_bytes(start[:8], "little")
    if size < 8 or length > MOST_HEADER or start[8:9] not in (b"{", b""):
        return ""
    if size < 8 + length:
        return f"is cut off within its header: {size} bytes of at least {8 + length} are there"
    with path.open("rb") as stream:
        stream.seek(8)
        try:
            header = json.loads(stream.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, AttributeError, KeyError, IndexError, TypeError):
            return ""
    whole = 8 + length + max(ends, default=0)
    return f"is cut off: {size} of its {whole} bytes are there" if size < whole else ""
