"""Training from files, without nnspec: the losses of the Trainer to the last bit, whatever the spec asks for."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import nnspec
from nnspec.data.batching import Batches
from nnspec.diagnostics.errors import RunError
from nnspec.training.history import STOP, StepDone
from nnspec.training.training_export import export_training

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs" / "examples"))
from train_without_nnspec import train, vectors  # noqa: E402

ACCEPTANCE = ROOT / "tests" / "acceptance"
SPEC = """nnspec 1
model small {{
  input x: float32[N, 6]
  standardize
  h = dense(12) -> batch_norm -> relu -> dropout(0.2)
  output logits = dense(3)
}}
data {{
  train = synthetic(60)
}}
train {{
  target y: label[N]
  loss       = cross_entropy(logits, y)
  optimizer  = {optimizer}
  epochs     = 5
  batch_size = 16
  seed       = 3
  {more}
}}
"""


def trained(spec: nnspec.Spec, count: int) -> tuple[list[float], Any]:
    """The losses of the first steps of `fit`, and the trainer behind them."""
    trainer, losses = nnspec.Trainer(spec), list[float]()

    def watch(event: Any) -> Any:
        if isinstance(event, StepDone):
            losses.append(event.loss)
        return STOP if len(losses) == count else None

    trainer.fit(watcher=watch)
    return losses, trainer


def vectors_of(trainer: nnspec.Trainer) -> tuple[Any, Any]:
    """Parameters and statistics behind the last step; `fit` ends with those of the best epoch."""
    last = trainer._memory.last
    return (last.trained, last.held) if last else (trainer._engine.state.trained.flat, trainer._engine.state.held.flat)


def from_files(spec: nnspec.Spec, folder: Path, count: int) -> tuple[list[float], dict[str, Any]]:
    """The same from the exported files, with the rows in the same order."""
    trainer = nnspec.Trainer(spec)
    export_training(trainer, folder)
    rows = trainer.rows("train")
    assert spec.train and spec.data
    order = Batches(rows.rows, spec.train.batch_size, trainer.seed, spec.data.shuffle)
    done = list(train(folder, (rows.batch(order.at(i)) for i in range(count))))
    return [loss for loss, _ in done], done[-1][1]


@pytest.mark.parametrize("name", ["iris", "diabetes", "digits_cnn", "digits_resnet", "digits_rnn", "char_gpt"])
def test_fifty_steps_without_nnspec_have_the_losses_of_the_trainer(name: str, tmp_path: Path) -> None:
    spec, count = nnspec.load(ACCEPTANCE / f"{name}.nn"), 50
    wanted, trainer = trained(spec, count)
    found, state = from_files(spec, tmp_path, count)
    assert found == wanted
    parameters, _ = vectors_of(trainer)
    np.testing.assert_array_equal(state["parameters"], parameters)
    places = json.loads((tmp_path / "manifest.json").read_text())["tensors"]["parameters"]
    buffer = trainer._engine.state.trained
    assert {path: (place["offset"], tuple(place["shape"])) for path, place in places.items()} == {
        path: (buffer.slices[path].start, buffer.shapes[path]) for path in buffer
    }


@pytest.mark.parametrize(
    "optimizer, more",
    [
        ("sgd(lr = 0.1, momentum = 0.9, nesterov = true)", "clip_norm = 0.1"),
        ('adamw(lr = cosine(0.01), weight_decay = 0.1, decay_on = "*.weight")', "clip_value = 0.01"),
        ("lamb(lr = 0.01, weight_decay = 0.01)", "regularize = l2(0.01)"),
        ("adam(lr = 0.01)", "average = ema(0.9)"),
        ("lion(lr = 0.001)", 'freeze = ["h.dense_1.*"]'),
    ],
)
def test_whatever_the_train_section_asks_for(optimizer: str, more: str, tmp_path: Path) -> None:
    """Smaller last batches, statistics, dropout, schedules, clipping, partial decay, norms, averages, frozen parts."""
    spec = nnspec.loads(SPEC.format(optimizer=optimizer, more=more))
    wanted, trainer = trained(spec, 9)
    found, state = from_files(spec, tmp_path, 9)
    assert found == wanted
    for found_vector, vector in zip((state["parameters"], state["statistics"]), vectors_of(trainer), strict=True):
        np.testing.assert_array_equal(found_vector, vector)


def test_the_page_shows_the_loops_that_run() -> None:
    page = (ROOT / "docs" / "training-anywhere.md").read_text()
    for name in ("train_without_nnspec.py", "train_without_nnspec.mjs"):
        assert (ROOT / "docs" / "examples" / name).read_text() in page


def test_several_batches_for_one_update(tmp_path: Path) -> None:
    """`total` and `weight` go in, and `new/total` is the gradient of the update."""
    spec = nnspec.loads(SPEC.format(optimizer="sgd(lr = 0.1)", more="accumulate = 2"))
    _, trainer = trained(spec, 1)
    files = nnspec.Trainer(spec)
    said = export_training(files, tmp_path)
    assert said["accumulate"] == 2
    state, rows = vectors(tmp_path / "state.safetensors"), files.rows("train")
    order = Batches(rows.rows, 16, files.seed, True)
    step, update = (
        onnxruntime.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"])
        for name in ("step_16.onnx", "update.onnx")
    )
    total = np.zeros_like(state["parameters"])
    for draw in range(2):
        scalars = {"seed": np.uint32(3), "draw": np.uint32(draw), "weight": np.float32(0.5)}
        feeds = {name: np.array(value) for name, value in scalars.items()} | rows.batch(order.at(draw))
        parts = {"parameters": state["parameters"], "statistics": state["statistics"], "total": total}
        total, state["statistics"] = step.run(["new/total", "new/statistics"], feeds | parts)
    feeds = {"lr": np.float32(0.1), "step": np.int64(1), "gradient": total, "parameters": state["parameters"]}
    (new,) = update.run(None, {name: np.asarray(value) for name, value in feeds.items()})
    np.testing.assert_array_equal(new, trainer._engine.state.trained.flat)


def test_the_files_are_standard_onnx_and_always_the_same(tmp_path: Path) -> None:
    spec = nnspec.load(ACCEPTANCE / "iris.nn")
    for name in ("a", "b"):
        export_training(nnspec.Trainer(spec), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["manifest.json", "predict.onnx", "state.safetensors", "step_16.onnx", "step_8.onnx", "update.onnx"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        if name.endswith(".onnx"):
            model = onnx.load(tmp_path / "a" / name)
            onnx.checker.check_model(model, full_check=True)
            assert not any(node.domain for node in model.graph.node) and model.opset_import[0].version == 21


def test_predict_gives_the_outputs_of_the_trained_state(tmp_path: Path) -> None:
    spec = nnspec.load(ACCEPTANCE / "iris.nn")
    _, state = from_files(spec, tmp_path, 20)
    _, trainer = trained(spec, 20)
    session = onnxruntime.InferenceSession(tmp_path / "predict.onnx", providers=["CPUExecutionProvider"])
    x = np.array([[5.1, 3.5, 1.4, 0.2], [6, 3, 5, 2]], np.float32)
    (found,) = session.run(None, {"features": x, **{name: state[name] for name in ("parameters", "statistics")}})
    parameters = dict(trainer._engine.state.parameters)
    wanted = nnspec.compile(spec, parameters).run({"features": x})["probability"]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_weights_of_a_run_are_where_it_begins(tmp_path: Path) -> None:
    spec = nnspec.load(ACCEPTANCE / "iris.nn")
    nnspec.Trainer(spec).fit(epochs=2, run=tmp_path / "run")
    trainer = nnspec.Trainer(spec)
    trainer.load_parameters(tmp_path / "run")
    export_training(trainer, tmp_path / "files")
    np.testing.assert_array_equal(
        vectors(tmp_path / "files" / "state.safetensors")["parameters"], trainer._engine.state.trained.flat
    )


@pytest.mark.parametrize(
    "change, said",
    [
        (('sgd(lr = plateau(0.1, monitor = "train.loss"))', ""), "E723.*follows what validation says"),
        (("sgd(lr = 0.1)", "x6draw"), "E723.*use the name draw themselves"),
        (("sgd(lr = cosine(0.1))", "no data"), "E723.*is known with the data alone"),
    ],
)
def test_what_files_cannot_say(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    text = SPEC.format(optimizer=change[0], more="")
    if change[1] == "x6draw":
        text = re.sub(r"\bx\b", "draw", text)
    if change[1] == "no data":
        text = text.replace("synthetic(60)", 'csv("none.csv")\n  x = ["a", "b", "c", "d", "e", "f"]\n  y = "y"')
    with pytest.raises(RunError, match=said):
        export_training(nnspec.Trainer(nnspec.loads(text)), tmp_path)
