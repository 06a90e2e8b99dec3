"""`init`: weights to start from, for the model or a part of it, strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.compiler.initial import initial_values
from nnspec.diagnostics.errors import RunError
from nnspec.library import registries
from nnspec.runtime.tensor_file import read_tensors, write_tensors
from nnspec.training.trainer import Trainer

SPEC = """nnspec 1
block body(hidden) {{
  input x
  dense(hidden) -> relu
  output y = dense(hidden)
}}
model tall {{
  input x: float32[N, 4]
  backbone = body(8)
  logits = dense(3)
}}
train {{
  target y: label[N]
  loss = cross_entropy(logits, y)
  optimizer = sgd(lr = 0.1)
  epochs = 1
  init = {}
}}
"""
SHAPES = {"dense_1.weight": (8, 4), "dense_1.bias": (8,), "y.weight": (8, 8), "y.bias": (8,)}
HEAD = {"logits.weight": (3, 8), "logits.bias": (3,)}
BACKBONE = {f"backbone.{name}": shape for name, shape in SHAPES.items()}


def arrays(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    random = np.random.default_rng(5)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def started(folder: Path, init: str, held: dict[str, Any], file: str = "w.safetensors") -> dict[str, Any]:
    """The parameters of a trainer that starts from a file with these arrays."""
    write_tensors(folder / file, held)
    (folder / "tall.nn").write_text(SPEC.format(init))
    return Trainer(nnspec.load(folder / "tall.nn")).parameters


def fresh() -> dict[str, Any]:
    return dict(initial_values(nnspec.loads(SPEC.format('"w"')), registries(), 0))


def refused(folder: Path, init: str, held: dict[str, Any]) -> str:
    with pytest.raises(RunError) as caught:
        started(folder, init, held)
    return str(caught.value)


def test_a_whole_file(tmp_path: Path) -> None:
    held = arrays(BACKBONE | HEAD)
    found = started(tmp_path, '"w.safetensors"', held)
    assert set(found) == set(held) and all(np.array_equal(found[name], held[name]) for name in held)


@pytest.mark.parametrize(
    ("init", "scope"),
    [
        ('weights("w.safetensors", into = "backbone")', ""),
        ('weights("w.safetensors", into = "backbone", part = "model.encoder")', "model.encoder."),
        ('weights("w.safetensors", into = "backbone", rename = [["enc_*", "*"]])', "enc_"),
        ('weights("w.safetensors", only = "backbone.*")', "backbone."),
        ('weights("w.safetensors", only = ["backbone.d*", "backbone.y.*"])', "backbone."),
        ('weights("w.safetensors", only = "backbone.*", rename = [["x.*", "backbone.*"]])', "x."),
    ],
)
def test_a_part(tmp_path: Path, init: str, scope: str) -> None:
    """What is asked for has the values of the file, all else those that it would have without; the file may hold a head
    of another size wherever the options leave it aside."""
    held = {scope + name: array for name, array in arrays(SHAPES).items()}
    others = {"logits.weight": np.zeros((9, 9), np.float32)} if "part" in init or "only" in init else {}
    found, before = started(tmp_path, init, held | others), fresh()
    for name in SHAPES:
        assert np.array_equal(found[f"backbone.{name}"], held[scope + name])
    for name in HEAD:
        assert np.array_equal(found[name], before[name])


def test_a_run_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "first.nn").write_text(SPEC.replace("  init = {}\n", "").format())
    first = Trainer(nnspec.load(tmp_path / "first.nn"), seed=9)
    first.step({"x": np.ones((4, 4)), "y": [0, 1, 2, 0]})
    first.save(tmp_path / "run")
    found = started(tmp_path, 'weights("run", only = "backbone.*")', {})
    for name in BACKBONE:
        assert np.array_equal(found[name], first.parameters[name])


def test_a_rename_table_cuts_and_turns(tmp_path: Path) -> None:
    """GPT-2 keeps three matrices in one, stored as [in, out]."""
    random = np.random.default_rng(1)
    joined = {
        "c.weight": random.normal(size=(8, 16)).astype(np.float32),
        "c.bias": random.normal(size=16).astype(np.float32),
    }
    text = """nnspec 1
model m {
  input x: float32[N, 8]
  a = x -> dense(8)
  b = x -> dense(8)
  c = a + b
}
train {
  loss = mse(c, a)
  optimizer = sgd(lr = 0.1)
  epochs = 1
  init = weights("w.safetensors", rename = [["c.*", ["a.*", "b.*"], "transpose"]])
}
"""
    write_tensors(tmp_path / "w.safetensors", joined)
    (tmp_path / "m.nn").write_text(text)
    found = Trainer(nnspec.load(tmp_path / "m.nn")).parameters
    assert np.array_equal(found["a.weight"], joined["c.weight"].T[:8])
    assert np.array_equal(found["b.weight"], joined["c.weight"].T[8:])
    assert np.array_equal(found["b.bias"], joined["c.bias"][8:])


@pytest.mark.parametrize("name", ["table.toml", "table.json", "list.json"])
def test_a_table_beside_the_spec(tmp_path: Path, name: str) -> None:
    rules = [["net.0.*", "dense_1.*"], ["net.2.*", "y.*"], ["head.*", ""]]
    text = {
        "table.toml": 'rename = [["net.0.*", "dense_1.*"], ["net.2.*", "y.*"], ["head.*", ""]]\n',
        "table.json": json.dumps({"rename": rules}),
        "list.json": json.dumps(rules),
    }
    (tmp_path / name).write_text(text[name])
    held = arrays({"net.0.weight": (8, 4), "net.0.bias": (8,), "net.2.weight": (8, 8), "net.2.bias": (8,), **HEAD})
    held = {name.replace("logits", "head"): array for name, array in held.items()}
    found = started(tmp_path, f'weights("w.safetensors", into = "backbone", rename = "{name}")', held)
    assert np.array_equal(found["backbone.y.weight"], held["net.2.weight"])


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "No such file"), ("rename = [", "Invalid"), ("names = []", "no list `rename`"),
     ('rename = [["a"]]', "rule 1 of the rename table is not [from, to]")],
)  # fmt: skip
def test_a_table_that_cannot_be_read(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "t.toml").write_text(text)
    message = refused(tmp_path, 'weights("w.safetensors", into = "backbone", rename = "t.toml")', arrays(SHAPES))
    assert "E707" in message and said in message


def test_everything_that_does_not_fit_is_said_at_once(tmp_path: Path) -> None:
    held = arrays(SHAPES)
    held["dense_1.wieght"] = held.pop("dense_1.weight")
    held["y.bias"] = np.zeros(5, np.float32)
    held["y.weight"][0, 0] = np.nan
    held["extra"] = np.zeros(2, np.float32)
    message = refused(tmp_path, 'weights("w.safetensors", into = "backbone")', held)
    assert message == (
        "error[E702]: the weights do not fit tall; missing: backbone.dense_1.weight; "
        "unexpected: backbone.dense_1.wieght (dense_1.wieght in the file), backbone.extra (extra in the file); "
        "wrong shape: backbone.y.bias (y.bias in the file) [5] instead of [8]; "
        "wrong values: backbone.y.weight (y.weight in the file) (1 of 64 not finite as float32)\n"
        "  help: backbone.dense_1.wieght (dense_1.wieght in the file) may be backbone.dense_1.weight"
    )


def test_a_name_that_is_far_is_found_by_its_shape(tmp_path: Path) -> None:
    held = arrays(BACKBONE | HEAD)
    held["fc"] = held.pop("logits.weight")
    assert "help: fc may be logits.weight" in refused(tmp_path, '"w.safetensors"', held)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({f"module.{name}": shape for name, shape in (BACKBONE | HEAD).items()},
         'the names agree below module of the file: init = weights("…", part = "module") takes them so'),
        (SHAPES, 'the names agree below backbone of the model: init = weights("…", into = "backbone") takes them so'),
    ],
)  # fmt: skip
def test_a_scope_that_lies_between_is_offered(tmp_path: Path, held: dict[str, tuple[int, ...]], said: str) -> None:
    assert refused(tmp_path, '"w.safetensors"', arrays(held)).endswith(f"help: {said}")


def test_what_else_is_refused(tmp_path: Path) -> None:
    held = arrays(SHAPES)
    missing = refused(
        tmp_path, 'weights("w.safetensors", into = "backbone", part = "encodr")', {"encoder.x": held["y.bias"]}
    )
    assert "the file has nothing below encodr\n  help: its names begin with encoder" in missing
    twice = refused(tmp_path, 'weights("w.safetensors", into = "backbone", rename = [["*.bias", "b"]])', held)
    assert "makes b of both dense_1.bias and y.bias" in twice
    cut = refused(tmp_path, 'weights("w.safetensors", into = "backbone", rename = [["y.bias", ["a", "b", "c"]]])', held)
    assert "y.bias [8] cannot be cut into 3 equal parts along its first axis" in cut
    (tmp_path / "tall.nn").write_text(SPEC.format('weights("nowhere")'))
    with pytest.raises(RunError, match=r"E707.*there is no run or weight file"):
        Trainer(nnspec.load(tmp_path / "tall.nn"))


def test_counters_of_pytorch_are_left_aside(tmp_path: Path) -> None:
    held = arrays(SHAPES) | {"bn.num_batches_tracked": np.array(7, np.int64)}
    found = started(tmp_path, 'weights("w.safetensors", into = "backbone")', held)
    assert np.array_equal(found["backbone.y.bias"], held["y.bias"])


def test_a_run_with_such_weights_goes_on_without_them(tmp_path: Path) -> None:
    held = arrays(SHAPES)
    write_tensors(tmp_path / "w.safetensors", held)
    (tmp_path / "tall.nn").write_text(SPEC.format('weights("w.safetensors", into = "backbone")'))
    trainer = Trainer(nnspec.load(tmp_path / "tall.nn"))
    trainer.fit({"x": np.ones((8, 4)), "y": [0, 1, 2, 0, 1, 2, 0, 1]}, run=tmp_path / "run")
    (tmp_path / "w.safetensors").unlink()
    again = Trainer.resume(tmp_path / "run")
    assert again.spec == trainer.spec
    assert all(np.array_equal(again.parameters[name], array) for name, array in trainer.parameters.items())


def test_bfloat16_is_read_as_float32(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "b.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x80\x3f\x20\xc0")
    (found,) = read_tensors(path)[0].values()
    assert found.dtype == np.float32 and found.tolist() == [[1.0], [-2.5]]
    path.write_bytes(path.read_bytes().replace(b"BF16", b"F8_X"))
    with pytest.raises(RunError, match="E707"):
        Trainer(nnspec.loads(SPEC.format(f'"{path}"')))
    header = header.replace(b"BF16", b"F8_E4M3").replace(b"[2, 1]", b"[4]")
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x80\x3f\x20\xc0")
    with pytest.raises(RunError, match=r"E707.*a is of F8_E4M3, which is not supported"):
        Trainer(nnspec.loads(SPEC.format(f'"{path}"')))
