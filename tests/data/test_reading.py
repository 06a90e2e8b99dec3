"""Inputs that are read a piece at a time: whatever the pieces are, the rows are the same."""

from __future__ import annotations

import gzip
import json
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from test_io import typed

from nnspec.data.io import Inputs, Meaning, Text, Wishes, open_inputs
from nnspec.data.reading import lines, objects
from nnspec.diagnostics.errors import DataError

X = np.arange(60, dtype=np.float32).reshape(20, 3) / 4


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def opened(argument: str, type: str = "float32[N, 3]", stdin: bytes = b"", **more: Any) -> Inputs:
    return open_inputs([f"x={argument}"], {"x": typed(type)}, stdin=BytesIO(stdin), **more)


def rows(inputs: Inputs, size: int) -> np.ndarray[Any, Any]:
    with inputs:
        found = [batch.arrays["x"] for batch in inputs.batches(size, cores=2)]
    assert all(len(part) == size for part in found[:-1])
    return np.concatenate(found)


def table(separator: str = ",", header: str = "a,b,c\n") -> str:
    return header.replace(",", separator) + "".join(separator.join(map(str, row)) + "\n" for row in X.tolist())


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    stream = BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


def npz(**arrays: Any) -> bytes:
    stream = BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def npy(array: Any) -> bytes:
    stream = BytesIO()
    np.save(stream, array)
    return stream.getvalue()


WAYS: dict[str, bytes] = {
    "x.csv": table().encode(),
    "plain.csv": table(header="").encode(),
    "windows.csv": table().replace("\n", "\r\n").encode("utf-8-sig"),
    "x.tsv": table("\t").encode(),
    "x.json": json.dumps(X.tolist()).encode(),
    "entry.json": json.dumps({"y": [{"z": [1, "]"]}] * 3, "x": X.tolist(), "more": 1}).encode(),
    "objects.json": json.dumps([dict(zip("abc", row, strict=True)) for row in X.tolist()]).encode(),
    "x.jsonl": "\n".join(map(json.dumps, X.tolist())).encode(),
    "objects.jsonl": "\n\n".join(json.dumps({"x": row, "y": 1}) for row in X.tolist()).encode(),
    "lines.json": "\n".join(json.dumps({"x": row, "y": 1}) for row in X.tolist()).encode(),
    "x.npy": npy(X),
    "fortran.npy": npy(np.asfortranarray(X)),
    "big.npy": npy(X.astype(">f8")),
    "x.npz": npz(x=X, y=1),
    "fortran.npz": npz(x=np.asfortranarray(X)),
    "named.npz:pixels": npz(pixels=X, other=X + 1),
    "x.parquet": parquet({"a": X[:, 0], "b": X[:, 1].astype(np.float64), "c": X[:, 2]}, row_group_size=6),
    "lists.parquet": parquet({"y": [1] * 20, "x": X.tolist()}),
    "fixed.parquet": parquet({"x": pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 3)}),
    "some.parquet:c,a,b": parquet({"c": X[:, 0], "a": X[:, 1], "b": X[:, 2], "d": X[:, 2]}),
    "some.csv:c,a,b": table(header="c,a,b\n").encode(),
    "x.idx.gz": gzip.compress(b"\0\0\x0d\x02" + struct.pack(">II", 20, 3) + X.astype(">f4").tobytes()),
}


@pytest.mark.parametrize("small", [False, True], ids=["usual", "small blocks"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_pieces_of_any_size(way: str, small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if small:
        monkeypatch.setattr(lines, "BLOCK", 7)
        monkeypatch.setattr(objects, "SMALL", 200)
    Path(way.partition(":")[0]).write_bytes(WAYS[way])
    for size in (1, 7, 20, 64):
        np.testing.assert_array_equal(rows(opened(way), size), X, strict=True)


@pytest.mark.parametrize("way", [way for way in WAYS if ":" not in way and not way.endswith("tsv")])
def test_standard_input(way: str) -> None:
    np.testing.assert_array_equal(rows(opened("-", stdin=WAYS[way]), 7), X, strict=True)


def test_columns_without_a_name_are_those_of_training() -> None:
    Path("x.parquet").write_bytes(parquet({"c": X[:, 2], "id": ["p"] * 20, "a": X[:, 0], "b": X[:, 1]}))
    meaning = Meaning({"x": ("a", "b", "c")})
    np.testing.assert_array_equal(rows(opened("x.parquet", meaning=meaning), 7), X)


def test_tensors_from_json_and_parquet() -> None:
    images = np.arange(48, dtype=np.uint8).reshape(4, 1, 3, 4)
    Path("x.jsonl").write_text("\n".join(json.dumps({"x": row}) for row in images.tolist()))
    Path("x.parquet").write_bytes(parquet({"x": images.tolist()}))
    Path("flat.parquet").write_bytes(parquet({str(i): c for i, c in enumerate(images.reshape(4, 12).T)}))
    for way in ("x.jsonl", "x.parquet", "flat.parquet"):
        np.testing.assert_array_equal(rows(opened(way, "uint8[N, 1, 3, 4]"), 3), images, strict=True)
    assert rows(opened("x.jsonl", "uint8[N, C, H, W]"), 3).shape == (4, 1, 3, 4)


def test_text_in_parquet() -> None:
    Path("x.parquet").write_bytes(parquet({"x": pa.array(["ab", "c"]).dictionary_encode()}))
    assert rows(opened("x.parquet", "string[N]"), 1).tolist() == ["ab", "c"]
    meaning = Meaning({"x": ("x",)}, texts={"x": Text("characters", ("a", "b"))})
    assert rows(opened("x.parquet", "int64[N, T]", meaning=meaning), 1).tolist() == [[2, 3], [1, 0]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"a,b,c\n1,2,3\n1,x,3\n1,2\n4,5,6\n,5,6\n",
         ["E603: x.csv, line 3: column 'b' holds 'x'", "E604: x.csv, line 4: 2 cells",
          "E603: x.csv, line 6: column 'a' is empty"]),
        ("x.csv", b'a,b,c\n1,2,3\n1,"2,3\n', ["E604: x.csv, line 3: a quote is opened in this row and never closed"]),
        ("x.csv", b"a,b,c\n1,2,3\n1,2,\xff\n", ["E604: x.csv, line 3: byte 0xff is not UTF-8"]),
        ("x.csv", b"a,b,c\n1,2,3\n1,\0,3\n", ["E604: x.csv, line 3: a NUL byte"]),
        ("x.jsonl", b"[1,2,3]\n[1,2\n", ["E604: x.jsonl, line 2, column 5: Expecting ',' delimiter"]),
        ("x.jsonl", b"[1,2,3]\n\n[1,null,2]\n", ["E603: x.jsonl, line 3: null where a value is needed"]),
        ("x.jsonl", b'[1,2,3]\n[1,NaN,2]\n[4]\n[[1,2,3]]\n{"a": 1}\n',
         ["E605: x.jsonl, line 2: the JSON holds NaN", "E604: x.jsonl, line 3: one number where the first row has 3",
          "E604: x.jsonl, line 4: 1 by 3 numbers where the first row has 3", "E603: x.jsonl, line 5: {'a': 1} among"]),
        ("x.jsonl", b'{"a":1,"b":2,"c":3}\n{"a":1,"b":2}\n', ["E604: x.jsonl, line 2: there is no 'c'"]),
        ("x.json", b"[[1,2,3],[1,2,3]," + b"[1,2,]" + b"]", ["E604: x.json, line 1, column 23"]),
        ("x.parquet", parquet({"x": [[1.0, 2.0, 3.0], [1.0, 2.0]]}),
         ["E604: x.parquet, index 1: column 'x': its lists differ"]),
        ("x.parquet", parquet({"a": [1.0, None], "b": [1.0, 2.0], "c": [1, 2]}),
         ["E605: x.parquet, index 1: column 'a' is missing"]),
        ("x.parquet", parquet({"a": [1.0], "b": [b"x"], "c": [1]}), ["E603: x.parquet: column 'b' holds binary"]),
        ("x.parquet:a,d", parquet({"a": [1.0], "b": [2.0]}), ["E602: x.parquet has no column 'd'"]),
        ("x.npz:z", npz(x=X, y=X), ["E602: x.npz has no array 'z'"]),
        ("nowhere/*.png", b"", ["E609: no image is like nowhere/*.png"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_rows_is_all_said(name: str, content: bytes, message: list[str]) -> None:
    if "*" not in name:
        Path(name.partition(":")[0]).write_bytes(content)
    with pytest.raises(DataError) as caught:
        rows(opened(name), 2)
    found = [f"{one.code}: {one.message}" for one in caught.value.diagnostics]
    assert len(found) == len(message)
    assert all(one.startswith(start) for one, start in zip(found, message, strict=True)), found


def test_rows_left_out() -> None:
    Path("x.csv").write_text("a,b,c\n" + "".join(f"{i},{'x' if i % 10 == 3 else 1},2\n" for i in range(40)))
    with opened("x.csv") as inputs:
        batches = list(inputs.batches(7, "skip", cores=2))
    numbers = np.concatenate([batch.numbers for batch in batches])
    kept = np.concatenate([batch.arrays["x"] for batch in batches])
    assert numbers.tolist() == [i for i in range(40) if i % 10 != 3] == kept[:, 0].tolist()
    said = [found.message for batch in batches for found in batch.skipped]
    assert said == [f"x.csv, line {i + 2}: column 'b' holds 'x', a number is needed" for i in (3, 13, 23, 33)]


def test_rows_of_json_left_out() -> None:
    lines = ['{"a":1,"b":2,"c":3}', '{"a":1,"b":2}', '{"a":NaN,"b":2,"c":3}', "{", "[1,2,3]", '{"a":4,"b":2,"c":3}']
    Path("x.jsonl").write_text("\n".join(lines))
    for size in (1, 3, 6):
        with opened("x.jsonl", meaning=Meaning({"x": ("a", "b", "c")})) as inputs:
            batches = list(inputs.batches(size, "skip"))
        assert [number for batch in batches for number in batch.numbers] == [0, 5]
        assert ["line" in found.message for batch in batches for found in batch.skipped] == [True] * 4


def test_an_object_may_hold_the_input_where_columns_fed_it_in_training() -> None:
    Path("x.jsonl").write_text("\n".join(json.dumps({"x": row, "a": 0}) for row in X.tolist()))
    meaning = Meaning({"x": ("a", "b", "c")})
    np.testing.assert_array_equal(rows(opened("x.jsonl", meaning=meaning), 7), X)
    Path("x.jsonl").write_text('{"a": 1, "d": 2}\n')
    with pytest.raises(DataError, match=r"E602.*x.jsonl, line 1: there is no 'b'"):
        rows(opened("x.jsonl", meaning=meaning), 7)


def test_inputs_of_unequal_length() -> None:
    Path("x.csv").write_text("1,2,3\n" * 9)
    np.save("y.npy", np.ones(7, np.float32))
    signature = {"x": typed("float32[N, 3]"), "y": typed("float32[N]")}
    with open_inputs(["x=x.csv", "y=y.npy"], signature) as inputs, pytest.raises(DataError) as caught:
        list(inputs.batches(2))
    assert "x.csv has 9 for x, y.npy has 7 for y" in str(caught.value)


def test_the_size_of_a_symbol_holds_for_all_pieces() -> None:
    Path("x.jsonl").write_text("[1, 2]\n[3, 4]\n[5, 6, 7]\n")
    with opened("x.jsonl", "float32[N, T]") as inputs, pytest.raises(DataError, match=r"E607.*2 against 3"):
        list(inputs.batches(1))


def test_a_pattern_of_images() -> None:
    for name in ("a/1.png", "a/2.png", "b/3.png", "b/x.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Image.new("L", (3, 2), int(name[2]) if name[2] in "123" else 0).save(name, "PNG")
    with opened("*/*", "uint8[N, 1, 2, 3]") as inputs:
        assert inputs.files == ("a/1.png", "a/2.png", "b/3.png")
        assert rows(inputs, 2)[:, 0, 0, 0].tolist() == [1, 2, 3]


def test_damaged_images_are_all_named_or_left_out() -> None:
    Path("photos").mkdir()
    for i in range(8):
        Image.effect_noise((64, 64), 90).save(f"photos/{i}.png")
    for i in (2, 5):
        data = Path(f"photos/{i}.png").read_bytes()
        Path(f"photos/{i}.png").write_bytes(data[:1000])  # its head is whole
    with opened("photos", "uint8[N, 1, 64, 64]") as inputs, pytest.raises(DataError) as caught:
        list(inputs.batches(3, cores=2))
    assert [found.message.partition(" ")[0] for found in caught.value.diagnostics] == ["photos/2.png", "photos/5.png"]
    Path("photos/7.png").write_text("no image at all")
    with opened("photos", "uint8[N, 1, 64, 64]", wishes=Wishes(lenient=True)) as inputs:
        found = list(inputs.batches(3, "skip"))
    assert np.concatenate([batch.numbers for batch in found]).tolist() == [0, 1, 3, 4, 6]


def test_white() -> None:
    Image.new("L", (2, 2), 51).save("x.png")
    type = "float32[N, 1, 2, 2]"
    with pytest.raises(DataError, match=r"E613.*does not say what fed it"):
        opened("x.png", type)
    with pytest.raises(DataError, match=r"E613.*arrays fed it in training"):
        opened("x.png", type, meaning=Meaning(pixels=()))
    assert rows(opened("x.png", type, meaning=Meaning(pixels=("x",))), 1).max() == 51
    assert rows(opened("x.png", type, wishes=Wishes(white=255)), 1).max() == 51
    assert rows(opened("x.png", type, wishes=Wishes(white=1)), 1).max() == np.float32(0.2)
    assert rows(opened("x.png", "uint8[N, 1, 2, 2]"), 1).max() == 51


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_windows_are_the_same_in_batches_of_any_size(size: int) -> None:
    Path("s.csv").write_text("v\n" + "".join(f"{i}\n" for i in range(10)))
    meaning = Meaning({"x": ("v",)})
    with open_inputs(["x=s.csv"], {"x": typed("float32[N, 4, 1]")}, meaning) as inputs:
        found = [row for batch in inputs.batches(size) for row in batch.arrays["x"][:, :, 0].tolist()]
    assert found == [[i, i + 1, i + 2, i + 3] for i in range(7)]


def test_one_of_two_columns_is_no_series_of_two_steps() -> None:
    Path("x.csv").write_text("a,b,c\n1,2,3\n4,5,6\n7,8,9\n")
    signature, meaning = {"x": typed("float32[N, 2]")}, Meaning({"x": ("a", "b")})
    with open_inputs(["x=x.csv:a"], signature, meaning) as inputs, pytest.raises(DataError, match=r"E607.*2 against 1"):
        list(inputs.batches(7))
    with open_inputs(["x=x.csv:a"], signature, Meaning({"x": ("v",)})) as inputs:
        assert [b.arrays["x"].tolist() for b in inputs.batches(7)] == [[[1, 4], [4, 7]]]


def test_a_window_without_a_number_is_left_out_by_its_first_line() -> None:
    Path("s.csv").write_text("v\n1\n2\nx\n4\n5\n6\n")
    with open_inputs(["x=s.csv"], {"x": typed("float32[N, 2]")}, Meaning({"x": ("v",)})) as inputs:
        batches = list(inputs.batches(2, "skip"))
    assert [row for batch in batches for row in batch.arrays.get("x", np.empty(0)).tolist()] == [[1, 2], [4, 5], [5, 6]]
