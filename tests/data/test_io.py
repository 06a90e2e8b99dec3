"""Files in and out of `nnspec run`."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nnspec.data.io import Meaning, read_inputs, write_outputs
from nnspec.diagnostics.errors import DataError
from nnspec.ir.dims import parse
from nnspec.ir.types import TensorType

IRIS = {"features": ("a", "b")}


def typed(text: str) -> TensorType:
    dtype, sizes = text.rstrip("]").split("[")
    return TensorType(dtype, tuple(parse(size.strip()) for size in sizes.split(",")))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read_one(name: str, content: str | bytes, type: str = "float32[N, 2]", columns: Any = IRIS) -> np.ndarray[Any, Any]:
    data = content.encode() if isinstance(content, str) else content
    if name != "-":
        Path(name).write_bytes(data)
    given = read_inputs([f"features={name}"], {"features": typed(type)}, Meaning(columns or {}), BytesIO(data))
    return given.rows.arrays["features"]


def fault_of(name: str, content: str | bytes, type: str = "float32[N, 2]", columns: Any = IRIS) -> str:
    with pytest.raises(DataError) as caught:
        read_one(name, content, type, columns)
    (found,) = caught.value.diagnostics
    return f"{found.code}: {found.message}"


def npy(array: Any) -> bytes:
    stream = BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("x.csv", "b,other,a\n2,x,1\n4,y,3\n", IRIS),
        ("x.csv", "p,q\n1,2\n3,4\n", None),
        ("x.csv", "1,2\n3,4\n", IRIS),
        ("x.csv", "1,2\n3,4\n", None),
        ("x.tsv", "a\tb\n1\t2\n3\t4\n", IRIS),
        ("x.json", "[[1, 2], [3, 4.0]]", IRIS),
        ("x.json", '[{"b": 2, "a": 1, "c": "x"}, {"a": 3, "b": 4}]', IRIS),
        ("x.json", '[{"p": 1, "q": 2}, {"p": 3, "q": 4}]', None),
        ("x.json", '{"features": [[1, 2], [3, 4]], "more": 1}', IRIS),
        ("x.npy", npy([[1, 2], [3, 4]]), IRIS),
        ("-", " [[1, 2], [3, 4]]", IRIS),
        ("-", "a,b\n1,2\n3,4\n", IRIS),
        ("-", npy([[1, 2], [3, 4]]), IRIS),
    ],
)
def test_every_way_in(name: str, content: str | bytes, columns: Any) -> None:
    found = read_one(name, content, columns=columns)
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 2], [3, 4]]


def test_members_of_archives() -> None:
    np.savez("x.npz", features=np.ones((1, 2)), image=np.zeros((1, 2)))
    signature = {"features": typed("float32[N, 2]")}
    assert read_inputs(["features=x.npz"], signature).rows.arrays["features"].tolist() == [[1, 1]]
    renamed = read_inputs(["other=x.npz"], {"other": typed("float32[N, 2]")}, Meaning({"other": ("image",)}))
    assert renamed.rows.arrays["other"].tolist() == [[0, 0]]


def test_tables_for_other_ranks() -> None:
    assert read_one("x.csv", "a\n1\n2\n", "int64[N]", None).tolist() == [1, 2]
    assert read_one("x.csv", "1,2,3,4\n", "uint8[N, 1, 2, 2]", None).tolist() == [[[[1, 2], [3, 4]]]]
    assert read_one("x.csv", "a,b\np,q\n", "string[N, 2]").tolist() == [["p", "q"]]
    assert read_one("x.json", "[3, 4]", "float32[N]").tolist() == [3, 4]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "", "E609: x.csv is empty"),
        ("x.csv", "a,c\n1,2\n", "E602: x.csv has no column 'b'"),
        ("x.csv", "a,b\n1,\n", "E603: x.csv, line 2: column 'b' is empty, a number is needed"),
        ("x.csv", "1,2\n3,x\n", "E603: x.csv, line 2: column '2' holds 'x', a number is needed"),
        ("x.csv", "1,2\n3,4,5\n", "E604: x.csv, line 2: 3 cells in a table of 2 columns"),
        ("x.csv", "1,2,3\n", "E607: features takes float32[N, 2], x.csv gives [1, 3]: 2 against 3"),
        ("x.json", "[[1, 2], [3]]", "E604: x.json, index 1: one number where the first row has 2 numbers"),
        ("x.json", "[[1, 2]", "E604: x.json, line 1, column 8: Expecting ',' delimiter"),
        ("x.json", "[" * 100_000, "E604: x.json: "),
        ("x.json", "[[1, NaN]]", "E605: x.json: the JSON holds NaN, a finite number is needed"),
        ("x.json", "[[1, 1e400]]", "E605: x.json, index 0: features is inf, a finite number is needed"),
        ("x.json", "[[1, null]]", "E603: x.json, index 0: null where a value is needed"),
        ("x.json", '[[1, "2"]]', "E603: x.json, index 0: text among numbers"),
        ("x.json", '[[1, 2], ["1", "2"]]', "E603: x.json, index 1: text among numbers"),
        ("x.json", '[["1", "2"]]', "E603: x.json: features holds text, float32 is needed"),
        ("x.json", '[{"a": 1, "b": 2}, [1, 2]]', "E603: x.json, index 1: [1, 2] among objects"),
        ("x.json", '[{"a": 1, "b": 2}, {"a": 1}]', "E604: x.json, index 1: there is no 'b'"),
        ("x.json", '{"feature": [[1, 2]]}', "E602: x.json has no entry 'features'"),
        ("x.json", "[]", "E609: x.json has no rows"),
        ("x.json", "3", "E603: x.json holds 3 for features"),
        ("x.json", b"\xff", "E604: x.json, line 1: byte 0xff is not UTF-8"),
        ("x.npz", npy([1]), "E608: x.npz is a single .npy array, npz needs an archive of named arrays"),
        ("x.npy", npy([[1.0, 2.0, 3.0]]), "E607: features takes float32[N, 2], x.npy gives [1, 3]: 2 against 3"),
        ("x.npy", npy([[1.0, np.nan]]), "E605: x.npy, index 0: features is nan, a finite number is needed"),
        ("x.npy", npy([[1, 2**24 + 1]]), "E603: x.npy, index 0: features holds 16777217, which float32 would round"),
        ("x.dat", "", "E610: x.dat: files of kind '.dat' cannot be an input"),
        ("-", "", "E609: standard input is empty"),
    ],
)
def test_files_that_do_not_fit(name: str, content: str | bytes, message: str) -> None:
    assert fault_of(name, content).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ([], ["E610: no file is given for x, y"]),
        (["x.csv"], ["E610: --input x.csv: a name and a file are needed"]),
        (["x="], ["E610: --input x=: a name and a file are needed"]),
        (["z=a.csv"], ["E610: the model has no input 'z'"]),
        (["x=a.csv", "x=b.csv"], ["E610: two files are given for the input 'x'"]),
        (["x=-", "y=-"], ["E610: standard input can feed one input only"]),
        (
            ["x=1.json", "y=2.json"],
            ["E607: the inputs differ in their numbers of rows: 1.json has 1 for x, 2.json has 2 for y"],
        ),
        (["x=p.json", "y=q.csv"], ["E601: there is no file p.json in {0}", "E601: there is no file q.csv in {0}"]),
    ],
)
def test_arguments(arguments: list[str], messages: list[str]) -> None:
    Path("1.json").write_text("[1]")
    Path("2.json").write_text("[1, 2]")
    with pytest.raises(DataError) as caught:
        read_inputs(arguments, {"x": typed("float32[N]"), "y": typed("float32[N]")})
    found = [f"{one.code}: {one.message}" for one in caught.value.diagnostics]
    assert found == [message.format(Path().absolute()) for message in messages]


floats = st.sampled_from([np.float16, np.float32, np.float64])


@given(floats.flatmap(lambda dtype: hnp.arrays(dtype, (3, 2), elements={"allow_nan": False, "allow_infinity": False})))
def test_floats_come_back_exactly(array: np.ndarray[Any, Any]) -> None:
    type = f"{array.dtype}[N, 2]"
    for format in ("csv", "json"):
        stream = BytesIO()
        write_outputs({"features": array}, None, None, format, stream)
        text = stream.getvalue()
        if format == "json":
            text = json.dumps([row["features"] for row in json.loads(text)]).encode()
        np.testing.assert_array_equal(read_one("-", text, type, None), array)


@given(st.binary(max_size=80) | st.text('[]{}"features:,.123 \n', max_size=40).map(str.encode))
def test_any_bytes_on_standard_input_give_an_array_or_findings(data: bytes) -> None:
    try:
        read_inputs(["features=-"], {"features": typed("float32[N, 2]")}, None, BytesIO(data))
    except DataError as error:
        assert all(found.code.startswith("E60") for found in error.diagnostics)


def test_a_table_of_a_series_gives_its_windows() -> None:
    """As `window` did in training; the last window is the one whose future is not known."""
    text = "t,v\n0,1\n1,2\n2,3\n3,4\n"
    columns = {"features": ("v",)}
    assert read_one("s.csv", text, "float32[N, 3, 1]", columns).tolist() == [[[1], [2], [3]], [[2], [3], [4]]]
    assert read_one("s.csv", text, "float32[N, 3]", columns).tolist() == [[1, 2, 3], [2, 3, 4]]
    both = read_one("s.csv", text, "float32[N, 4, 2]", {"features": ("t", "v")})
    assert both.tolist() == [[[0, 1], [1, 2], [2, 3], [3, 4]]]
    assert fault_of("s.csv", text, "float32[N, 9, 1]", columns) == (
        "E607: features is a window of 9 rows, and s.csv has 4"
    )
