"""The .npy header and payload."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nnspec.data.npy import read_array, read_header
from nnspec.data.npz_file import read_npy
from nnspec.diagnostics.errors import Fault

BOUNDED = r"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
from pathlib import Path
from nnspec.data.npz_file import read_npy, read_npz
from nnspec.diagnostics.errors import Fault
path = Path(sys.argv[1])
try:
    (read_npy if path.suffix == ".npy" else read_npz)(path.parent, path.name)
except Fault as fault:
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(fault.code, fault.message, int(peak.split()[1]) // 1024)
"""


def read(data: bytes) -> np.ndarray:
    stream = BytesIO(data)
    return read_array(stream, read_header(stream, len(data), "x.npy"), "x.npy")


def saved(array: np.ndarray, **options: bool) -> bytes:
    stream = BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def with_header(text: str, payload: bytes = b"", version: int = 1) -> bytes:
    header = text.encode("latin-1").ljust(117) + b"\n"
    return (
        b"\x93NUMPY" + bytes([version, 0]) + len(header).to_bytes(2 if version == 1 else 4, "little") + header + payload
    )


def entries(descr: str = "'<f4'", shape: str = "(2,)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


numbers = st.sampled_from(["<f4", ">f4", "<f8", "<f2", "|u1", "<i8", ">i4", "|b1", "<u2", "<U5", ">U3"])


@given(numbers.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=4, max_side=4))), st.booleans())
def test_what_numpy_saves_is_read_back(array: np.ndarray, column_major: bool) -> None:
    given_ = np.asfortranarray(array) if column_major else array
    found = read(saved(given_))
    np.testing.assert_array_equal(found, array)
    assert found.flags.c_contiguous
    assert found.dtype.isnative


def test_all_versions_of_the_header() -> None:
    payload = np.array([1, 2], "<f4").tobytes()
    for version in (1, 2, 3):
        assert read(with_header(entries(), payload, version)).tolist() == [1, 2]
    assert read(with_header("{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}", payload)).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "E608: x.npy is no NumPy array: it does not begin with the .npy signature"),
        (b"\x93NUMPY\x01", "E608: x.npy: the file is cut off or damaged"),
        (with_header(entries(), version=9), "E608: x.npy: .npy version 9 is not known"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "E608: x.npy: a header of 4.0 GiB is no array's"),
        (with_header(entries())[:40], "E608: x.npy: the file is cut off or damaged"),
        (with_header("__import__('os')"), "E608: x.npy: the .npy header is damaged"),
        (with_header("{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}"), "E608: x.npy: the .npy header is damaged"),
        (with_header(entries(order="'no'")), "E608: x.npy: the .npy header is damaged"),
        (with_header(entries("[('a', '<f4')]")), "E603: x.npy holds records; numbers, booleans or text are needed"),
        (
            with_header(entries("'|O'")),
            "E608: x.npy holds pickled Python objects, which could run code and are never read",
        ),
        (
            with_header(entries("'<c8'")),
            "E603: x.npy has elements of dtype '<c8'; numbers, booleans or text are needed",
        ),
        (
            with_header(entries("'|S3'")),
            "E603: x.npy has elements of dtype '|S3'; numbers, booleans or text are needed",
        ),
        (
            with_header(entries("'<U0'")),
            "E603: x.npy has elements of dtype '<U0'; numbers, booleans or text are needed",
        ),
        (with_header(entries(shape="(1 1,)")), "E608: x.npy: the shape '(1 1,)' is no array's"),
        (with_header(entries(shape=f"({'1,' * 33})")), f"E608: x.npy: the shape '({'1,' * 17}...' is no array's"),
        (with_header(entries(shape=f"({2**64},)")), f"E608: x.npy has a dimension of {2**64}, which no array has"),
        (with_header(entries(shape=f"({2**40},)")), "E608: x.npy announces 4.0 TiB, but 0 bytes follow its header"),
        (with_header(entries(), b"1234567"), "E608: x.npy announces 8 bytes, but 7 bytes follow its header"),
        (with_header(entries(), b"123456789"), "E608: x.npy announces 8 bytes, but 9 bytes follow its header"),
        (
            with_header(entries(shape="(3, 0, 281474976710656)")),
            "E609: x.npy is empty: its shape is [3, 0, 281474976710656]",
        ),
    ],
)
def test_arrays_that_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(Fault) as caught:
        read(data)
    assert f"{caught.value.code}: {caught.value.message}" == message


@given(st.binary(max_size=150) | st.binary(max_size=140).map(lambda tail: b"\x93NUMPY\x01\x00" + tail))
def test_any_bytes_give_a_fault(data: bytes) -> None:
    with pytest.raises(Fault):
        read(data)


VALID = saved(np.arange(6, dtype=np.float32).reshape(2, 3))


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=4), st.integers(0, len(VALID)))
def test_mutated_files_give_an_array_or_a_fault(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(VALID)
    for position, value in changes:
        data[position] = value
    for mutated in (bytes(data), bytes(data[:cut])):
        try:
            assert read(mutated).nbytes <= len(VALID)
        except Fault as fault:
            assert fault.code in ("E603", "E608", "E609")


def bounded(path: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", BOUNDED, str(path)], capture_output=True, text=True, check=True, timeout=30
    ).stdout


def test_a_hostile_header_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "big.npy"
    path.write_bytes(with_header(entries(shape=f"({2**40},)")))
    assert path.stat().st_size == 128
    code, *_, megabytes = bounded(path).split()
    assert code == "E608"
    assert int(megabytes) < 200


def test_a_sparse_file_that_keeps_its_promise_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "sparse.npy"
    path.write_bytes(with_header(entries(shape=f"({2**34},)")))
    with path.open("r+b") as stream:
        stream.truncate(128 + 2**36)
    assert "E608 sparse.npy needs 64.0 GiB, which does not fit in memory" in bounded(path)


def test_a_file_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(3))
    assert read_npy(tmp_path, "x.npy").tolist() == [0, 1, 2]
