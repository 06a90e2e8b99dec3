"""Archives of arrays."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnspec.data.npz_file import read_npz
from nnspec.diagnostics.errors import Fault


def npy(array: object) -> bytes:
    stream = BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


def archive(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as target:
        for name, data in members:
            target.writestr(name, data)
    return path


def fault_of(path: Path, columns: set[str] | None = None) -> str:
    with pytest.raises(Fault) as caught:
        read_npz(path.parent, path.name, columns)
    return f"{caught.value.code}: {caught.value.message}"


def test_acceptance_archives_are_read_as_numpy_reads_them(acceptance: Path) -> None:
    table = read_npz(acceptance, "digits_test.npz")
    with np.load(acceptance / "digits_test.npz") as expected:
        assert set(table.names) == set(expected)
        for name in expected:
            np.testing.assert_array_equal(np.asarray(table.columns[name]), expected[name])
    assert (table.rows, table.where(3)) == (300, "digits_test.npz, index 3")


def test_only_wanted_arrays_are_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", [("x.npy", npy([1, 2])), ("y.npy", b"broken"), ("notes.txt", b"text")])
    table = read_npz(tmp_path, path.name, {"x", "absent"})
    assert (list(table.columns), table.names, table.rows) == (["x"], ("x", "y"), 2)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("x.npy", b"text")], "E608: x.npz: array 'x' is no NumPy array: it does not begin with the .npy signature"),
        ([("../x.npy", npy([1]))], "E608: x.npz: the member name '../x.npy' is a path; arrays have plain names"),
        ([("a/x.npy", npy([1]))], "E608: x.npz: the member name 'a/x.npy' is a path; arrays have plain names"),
        ([(".npy", npy([1]))], "E608: x.npz: the member name '.npy' is a path; arrays have plain names"),
        ([("x.npy", npy(1.0))], "E607: x.npz: array 'x' is a single number; the first axis counts the rows"),
        ([("x.npy", npy([]))], "E609: x.npz: array 'x' is empty: its shape is [0]"),
        (
            [("x.npy", npy([1, 2])), ("y.npy", npy([1]))],
            "E607: x.npz: the arrays differ in their numbers of rows: x has 2, y has 1",
        ),
        (
            [("x.npy", npy([1, 2]) + b"more")],
            "E608: x.npz: array 'x' announces 16 bytes, but 20 bytes follow its header",
        ),
    ],
)
def test_archives_that_are_refused(tmp_path: Path, members: list[tuple[str, bytes]], message: str) -> None:
    assert fault_of(archive(tmp_path / "x.npz", members)) == message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", [("x.npy", npy([1])), ("x.npy", npy([2]))])
    assert fault_of(path) == "E608: x.npz: two members are named 'x.npy'"


def test_an_object_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([{}, []], object))
    assert fault_of(tmp_path / "x.npz") == (
        "E608: x.npz: array 'x' holds pickled Python objects, which could run code and are never read"
    )


def test_a_single_array_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(npy([1]))
    assert fault_of(tmp_path / "x.npz") == "E608: x.npz is a single .npy array, npz needs an archive of named arrays"


@pytest.mark.parametrize("data", [b"", b"text", b"PK\x05\x06" + b"\0" * 10])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    assert fault_of(tmp_path / "x.npz") == "E608: x.npz is a damaged archive: File is not a zip file"


def test_other_methods_and_encryption(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", [("x.npy", npy([1]))], zipfile.ZIP_BZIP2)
    assert fault_of(path) == "E608: x.npz: array 'x' is packed by zip method 12; stored (0) and deflated (8) are read"
    path = archive(tmp_path / "x.npz", [("x.npy", npy([1]))])
    patch(path, 8, "<H", 99)
    assert fault_of(path) == "E608: x.npz: array 'x' is packed by zip method 99; stored (0) and deflated (8) are read"
    path = archive(tmp_path / "x.npz", [("x.npy", npy([1]))])
    patch(path, 6, "<H", 1)
    assert fault_of(path) == "E608: x.npz: array 'x' is encrypted"


def patch(path: Path, offset: int, kind: str, value: int) -> None:
    """Overwrite a field of the central directory; `offset` counts from "version needed to extract" at 2 before it."""
    data = bytearray(path.read_bytes())
    struct.pack_into(kind, data, data.rindex(b"PK\x01\x02") + 2 + offset, value)
    path.write_bytes(bytes(data))


def test_sizes_that_cannot_be(tmp_path: Path) -> None:
    header = npy(np.zeros(2)).replace(b"(2,), }" + b" " * 9, b"(536870000,), }")
    path = archive(tmp_path / "x.npz", [("x.npy", header)])
    patch(path, 22, "<I", 536870000 * 8 % 2**32)
    assert fault_of(path).startswith("E608: x.npz: array 'x' announces 4.0 GiB, packed in ")
    path = archive(tmp_path / "x.npz", [("x.npy", npy([1]))])
    patch(path, 18, "<I", 2**31)
    size = path.stat().st_size
    assert fault_of(path) == f"E608: x.npz: array 'x' is cut off: 2.0 GiB announced, the whole archive has {size} bytes"


def test_a_zip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
        target.open("x.npy", "w", force_zip64=True) as member,
    ):
        header = npy(np.zeros(1, np.uint8))[:-1]
        member.write(header.replace(b"(1,), }" + b" " * 8, b"(314572800,), }"))
        for _ in range(300):
            member.write(bytes(2**20))
    assert path.stat().st_size < 500_000
    message = fault_of(path)
    assert message.startswith("E608: x.npz: array 'x' unpacks from ")
    assert message.endswith(" KiB to 300.0 MiB, as a zip bomb does")


def test_a_wrong_checksum(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", [("x.npy", npy([1, 2, 3]))], zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data.replace((3).to_bytes(8, "little"), (4).to_bytes(8, "little")))
    assert fault_of(path) == "E608: x.npz is a damaged archive: Bad CRC-32 for file 'x.npy'"


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4), st.floats(0, 1)
)
def test_mutated_archives_give_arrays_or_a_fault(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int]], cut: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.npz"
    valid = archive(path, [("x.npy", npy([[1.0, 2.0]])), ("y.npy", npy([3]))]).read_bytes()
    data = bytearray(valid)
    for position, value in changes:
        data[int(position * len(data))] = value
    for mutated in (bytes(data), valid[: int(cut * len(valid))]):
        path.write_bytes(mutated)
        try:
            read_npz(path.parent, path.name)
        except Fault as fault:
            assert fault.code in ("E603", "E607", "E608", "E609")
