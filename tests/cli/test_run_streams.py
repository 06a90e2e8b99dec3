"""`nnspec run` over more rows than it holds: a batch at a time, in and out."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, helper
from PIL import Image

from tests.cli.conftest import Command

WIDTH = 64
SPEC = f"""nnspec 1
model narrow {{
  input x: float32[N, {WIDTH}]
  output y = dense(2)
}}
"""
FORMATS = ("csv", "json", "jsonl", "npz", "parquet")


@pytest.fixture
def model(nnspec: Command, folder: Path) -> str:
    (folder / "narrow.nn").write_text(SPEC)
    assert nnspec("compile", "narrow.nn", "-o", "narrow.onnx").code == 0
    return "narrow.onnx"


def arrays(path: str) -> list[list[float]]:
    """The results in a file as rows of numbers."""
    match Path(path).suffix:
        case ".csv":
            return [[float(c) for c in line.split(",")] for line in Path(path).read_text().splitlines()[1:]]
        case ".json":
            return [row["y"] for row in json.loads(Path(path).read_text())]
        case ".jsonl":
            return [json.loads(line)["y"] for line in Path(path).read_text().splitlines()]
        case ".parquet":
            return np.stack([column.to_numpy() for column in pq.read_table(path).columns], axis=1).tolist()
        case _:
            found = np.load(path)
            return (found if path.endswith("npy") else found["y"]).tolist()


def test_all_formats_hold_the_same_whatever_the_batches(nnspec: Command, model: str) -> None:
    np.save("x.npy", np.random.default_rng(1).standard_normal((3000, WIDTH), np.float32))
    nnspec("run", model, "--input", "x=x.npy", "-o", "y.npy")
    wanted = np.load("y.npy")
    assert wanted.shape == (3000, 2) and wanted.dtype == np.float32
    for format in FORMATS:
        assert nnspec("run", model, "--input", "x=x.npy", "-o", f"y.{format}", "--batch", "700").code == 0
        np.testing.assert_allclose(arrays(f"y.{format}"), wanted, rtol=0, atol=1e-6)
    assert nnspec("run", model, "--input", "x=x.npy", "--head", "1100", "-o", "head.npy").code == 0
    np.testing.assert_array_equal(np.load("head.npy"), wanted[:1100])


def test_a_spec_with_weights_does_the_same(nnspec: Command) -> None:
    nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "1", "--quiet")
    rows = ("--input", "features=specs/data/iris.csv", "--format", "jsonl")
    spec = nnspec("run", "specs/iris.nn", "--weights", "run", *rows).out
    assert spec == nnspec("run", "run/model.onnx", *rows).out
    assert json.loads(spec.splitlines()[149])["probability.class"] in ("setosa", "versicolor", "virginica")


def foreign(path: str, nodes: list[onnx.NodeProto], rows: int | str, out: list[int | str]) -> None:
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)


def test_rows_that_change_each_other_are_one_batch(nnspec: Command, folder: Path) -> None:
    foreign("mean.onnx", [helper.make_node("ReduceMean", ["x"], ["m"]), helper.make_node("Sub", ["x", "m"], ["y"])],
            "N", ["N", 2])  # fmt: skip
    x = np.arange(6000, dtype=np.float32).reshape(3000, 2)
    np.save("x.npy", x)
    done = nnspec("run", "mean.onnx", "--input", "x=x.npy", "-o", "y.npy")
    assert done.code == 0 and "all rows are one batch" in done.err
    np.testing.assert_allclose(np.load("y.npy"), x - x.mean())
    assert nnspec("run", "mean.onnx", "--input", "x=x.npy", "-o", "y.npy", "--batch", "1000").err == ""
    np.testing.assert_allclose(np.load("y.npy")[:1000], x[:1000] - x[:1000].mean())


def test_one_number_for_all_rows(nnspec: Command, folder: Path) -> None:
    foreign("sum.onnx", [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)], "N", [])
    np.save("x.npy", np.ones((3000, 2), np.float32))
    assert nnspec("run", "sum.onnx", "--input", "x=x.npy", "-o", "y.npz").code == 0
    assert np.load("y.npz")["y"] == 6000
    assert "no rows in common" in nnspec("run", "sum.onnx", "--input", "x=x.npy").err


def test_a_model_that_takes_a_fixed_number_of_rows(nnspec: Command, folder: Path) -> None:
    foreign("eight.onnx", [helper.make_node("Neg", ["x"], ["y"])], 8, [8, 2])
    x = np.arange(42, dtype=np.float32).reshape(21, 2)
    np.save("x.npy", x)
    assert nnspec("run", "eight.onnx", "--input", "x=x.npy", "-o", "y.npy").code == 0
    np.testing.assert_array_equal(np.load("y.npy"), -x)
    assert (
        "error[E610]: the model takes 8 rows at once"
        in nnspec("run", "eight.onnx", "--input", "x=x.npy", "--batch", "4").err
    )
    foreign("mixed.onnx", [helper.make_node("ReduceMean", ["x"], ["m"]), helper.make_node("Sub", ["x", "m"], ["y"])],
            8, [8, 2])  # fmt: skip
    done = nnspec("run", "mixed.onnx", "--input", "x=x.npy", "-o", "z.npy")
    assert "5 are left over" in done.err and not Path("z.npy").exists()


def test_rows_left_out_are_named_and_the_others_numbered(nnspec: Command, model: str) -> None:
    lines = [",".join("x" if i in (2, 5) and j == 3 else "1" for j in range(WIDTH)) for i in range(8)]
    Path("x.csv").write_text("\n".join([",".join(f"c{j}" for j in range(WIDTH)), *lines]))
    done = nnspec("run", model, "--input", "x=x.csv")
    assert done.code == 1 and done.err.count("error[E603]") == 2 and done.out == ""
    done = nnspec("run", model, "--input", "x=x.csv", "--on-error", "skip", "--batch", "3")
    assert done.code == 0 and done.err.count("warning: left out: x.csv, line") == 2
    assert [line.partition(",")[0] for line in done.out.splitlines()] == ["row", "0", "1", "3", "4", "6", "7"]


def test_an_old_file_stays_where_a_row_is_wrong(nnspec: Command, model: str) -> None:
    Path("y.csv").write_text("old")
    x = np.ones((5000, WIDTH), np.float32)
    x[4000, 1] = np.nan
    np.save("x.npy", x)
    done = nnspec("run", model, "--input", "x=x.npy", "-o", "y.csv")
    assert done.code == 1 and "E605" in done.err and "x.npy, index 4000" in done.err
    assert Path("y.csv").read_text() == "old"


def test_photos_for_a_model_of_floats(nnspec: Command, folder: Path) -> None:
    np.savez("faces.npz", face=np.random.default_rng(1).random((20, 1, 4, 4)).astype(np.float32), c=np.arange(20) % 2)
    Path("faces.nn").write_text(
        """nnspec 1
model faces { input face: float32[N, 1, 4, 4]
  output p = flatten -> dense(2) }
data { train = npz("faces.npz"); face = "face"; c = "c" }
train { target c: label[N]; loss = cross_entropy(p, c); optimizer = sgd(lr = 0.1); epochs = 1; batch_size = 10 }
""".replace("; ", "\n")
    )
    nnspec("train", "faces.nn", "--out", "run", "--quiet")
    Image.new("L", (4, 4), 255).save("x.png")
    np.save("x.npy", np.ones((1, 1, 4, 4), np.float32))
    done = nnspec("run", "run/model.onnx", "--input", "face=x.png")
    assert "error[E613]: face is float32[N, 1, 4, 4], arrays fed it in training" in done.err
    white = nnspec("run", "run/model.onnx", "--input", "face=x.png", "--white", "1").out
    assert white == nnspec("run", "run/model.onnx", "--input", "face=x.npy").out != ""


def test_a_line_of_progress_on_a_terminal(model: str, folder: Path) -> None:
    with open("x.npy", "wb") as file:  # noqa: PTH123
        header = {"descr": "<f4", "fortran_order": False, "shape": (3_000_000, WIDTH)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 3_000_000 * WIDTH * 4)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nnspec", "run", model, "--input", "x=x.npy", "-o", "y.npy"]
    with subprocess.Popen(command, stderr=theirs, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:
                break
        assert process.wait() == 0
    os.close(ours)
    assert b" of 3,000,000 rows  " in shown and b" left" in shown and shown.endswith(b"\r\x1b[K")


def write(kind: str, rows: int) -> None:
    """Rows of zeros, or of numbers with four digits in text."""
    if kind == "npy":
        with open("x.npy", "wb") as file:  # noqa: PTH123
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (rows, WIDTH)})
            file.truncate(file.tell() + rows * WIDTH * 4)
    elif kind == "npz":
        stream = BytesIO()
        np.save(stream, np.zeros((rows, WIDTH), np.float32) + np.arange(WIDTH, dtype=np.float32))
        with ZipFile("x.npz", "w", ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("x.npy", stream.getvalue())
    elif kind == "parquet":
        column = np.arange(rows, dtype=np.float32)
        pq.write_table(pa.table({f"c{i}": column + i for i in range(WIDTH)}), "x.parquet", row_group_size=2**16)
    else:
        row = [f"{i / 8:.3f}" for i in range(WIDTH)]
        line = ",".join(row) if kind == "csv" else f"[{', '.join(row)}]"
        text = (",\n" if kind == "json" else "\n").join([line] * rows)
        Path(f"x.{kind}").write_text(f"[{text}]" if kind == "json" else f"{text}\n")


def peak(model: str, kind: str) -> int:
    """Peak of the memory of a run in MB."""
    code = (
        f"from nnspec.cli.main import main; main(['run', {model!r}, '--input', 'x=x.{kind}', '-o', 'y.npy']);"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout) // 1024


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("npy", 2**20), ("npz", 2**18), ("parquet", 2**18), ("csv", 60_000), ("jsonl", 60_000), ("json", 60_000)],
)
def test_memory_does_not_grow_with_the_file(kind: str, rows: int, model: str, folder: Path) -> None:
    """Here 64 to 256 MB in binary and 30 MB in text, whose parsed form takes ten times that, may add 48 MB; Parquet
    unpacks a page of 1 MB and its dictionary for each of 64 columns."""
    write(kind, 2000)
    few = peak(model, kind)
    write(kind, rows)
    assert peak(model, kind) < few + (128 if kind == "parquet" else 48)
    assert len(np.load("y.npy")) == rows
