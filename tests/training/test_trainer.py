"""The trainer: steps, gradients, fitting, evaluation, prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_specs import classifier, rows

import nnspec
from nnspec.diagnostics.errors import DataError, RunError
from nnspec.graph.graph import Graph, Value
from nnspec.ir.components import Layer, ParameterSpec, known_size
from nnspec.ir.types import TensorType
from nnspec.layers.initializers import Zeros
from nnspec.layers.registry import LAYERS
from nnspec.training.history import EpochDone, StepDone, TrainingDone
from nnspec.training.programs import Device
from nnspec.training.trainer import Trainer
from nnspec.training.update import Rule, Update

ACCEPTANCE = Path(__file__).parents[1] / "acceptance"
REGRESSION = """nnspec 1
model line {
  input x: float32[N, 1]
  output y = dense(1)
}
train {
  target t: float32[N, 1]
  loss = mse(y, t)
  optimizer = sgd(lr = 0.1%s)
  epochs = 4
  batch_size = 4
  %s
}
"""


def equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# One step


def test_a_step_gives_loss_penalty_and_metrics() -> None:
    assert set(Trainer(classifier()).step(rows(16))) == {"loss", "accuracy"}
    found = Trainer(classifier(more="regularize = l2(0.1)")).step(rows(16))
    assert set(found) == {"loss", "penalty", "accuracy"} and found["penalty"] > 0


def test_steps_lower_the_loss() -> None:
    trainer, batch = Trainer(classifier()), rows(16)
    first = trainer.step(batch)["loss"]
    assert [trainer.step(batch)["loss"] for _ in range(100)][-1] < first / 2


def test_a_step_is_what_the_formula_says() -> None:
    trainer = Trainer(nnspec.loads(REGRESSION % ("", "")))
    x, t = np.array([[1.0], [3.0]], np.float32), np.array([[2.0], [-1.0]], np.float32)
    weight, bias = (float(trainer.parameters[f"y.{leaf}"].item()) for leaf in ("weight", "bias"))
    off = weight * x + bias - t
    found = trainer.gradients({"x": x, "t": t})
    assert float(found["y.weight"].item()) == pytest.approx(float(np.mean(2 * off * x)), rel=1e-5)
    assert trainer.step({"x": x, "t": t})["loss"] == pytest.approx(float(np.mean(off**2)), rel=1e-5)
    assert trainer.parameters["y.bias"].item() == pytest.approx(bias - 0.1 * float(np.mean(2 * off)), rel=1e-5)


def test_gradients_change_nothing() -> None:
    trainer, other = Trainer(classifier(rate=0.5)), Trainer(classifier(rate=0.5))
    first = trainer.gradients(rows(16))
    assert equal(first, trainer.gradients(rows(16))), "the random draw is that of the next step"
    before = trainer.parameters
    trainer.gradients(rows(5))
    assert equal(before, trainer.parameters)
    assert [trainer.step(rows(16)) for _ in range(3)] == [other.step(rows(16)) for _ in range(3)]


def test_gradients_hold_the_penalty() -> None:
    plain, penalised = (Trainer(classifier(more=more)) for more in ("", 'regularize = l2(0.5, on = "logits.*")'))
    plain.load_parameters(penalised.parameters)
    a, b = plain.gradients(rows(8)), penalised.gradients(rows(8))
    np.testing.assert_allclose(b["logits.weight"] - a["logits.weight"], plain.parameters["logits.weight"], atol=1e-6)
    assert np.array_equal(a["dense_1.weight"], b["dense_1.weight"])


def test_batches_of_any_size_and_kind() -> None:
    trainer = Trainer(classifier())
    for count in (1, 16, 3, 16):
        trainer.step(rows(count))
    batch = rows(4)
    wanted = Trainer(classifier()).step(batch)
    for x, y in (
        (batch["x"].tolist(), batch["y"].tolist()),
        (batch["x"].astype(np.float64), batch["y"].astype(np.int8)),
    ):
        assert Trainer(classifier()).step({"x": x, "y": y}) == wanted
    assert Trainer(classifier()).step({"y": batch["y"], "x": np.asfortranarray(batch["x"])}) == wanted


@pytest.mark.parametrize(
    "batch",
    [
        {},
        {"x": rows(4)["x"]},
        {**rows(4), "z": 1},
        {**rows(4), "x": np.zeros((4, 6))},
        {**rows(4), "x": rows(5)["x"]},
        {**rows(4), "y": [0, 1, 2, 3]},
    ],
)
def test_batches_that_do_not_fit_are_data_errors(batch: dict[str, Any]) -> None:
    """Also for a trainer that has seen batches of that form before."""
    trainer = Trainer(classifier())
    for _ in range(2):
        trainer.step(rows(4))
    before = trainer.parameters
    with pytest.raises(DataError):
        trainer.step(batch)
    assert equal(before, trainer.parameters)


@pytest.mark.parametrize("bad", [3, -1])
def test_a_class_that_does_not_exist_is_found_in_known_forms_too(bad: int) -> None:
    trainer, batch = Trainer(classifier()), rows(4)
    for _ in range(3):
        trainer.step(batch)
    batch["y"][2] = bad
    with pytest.raises(DataError, match=rf"y, index 2.*{bad}"):
        trainer.step(batch)


def test_a_loss_that_is_not_finite_stops_before_the_update() -> None:
    trainer, batch = Trainer(nnspec.loads(REGRESSION % ("", ""))), {"x": np.ones((2, 1)), "t": np.ones((2, 1))}
    trainer.step(batch)
    before = trainer.parameters
    with pytest.raises(RunError, match=r"E704.*the loss is inf in step 2, in the batch given"):
        trainer.step({"x": np.full((2, 1), 1e38, np.float32), "t": np.ones((2, 1), np.float32)})
    assert equal(before, trainer.parameters)


def test_a_spec_without_train_section() -> None:
    with pytest.raises(RunError, match="E711"):
        Trainer(nnspec.loads("nnspec 1\nmodel m {\n  input x: float32[N, 2]\n  output y = dense(1)\n}\n"))


def test_parameters_of_another_dtype() -> None:
    text = "nnspec 1\nmodel m {\n  input x: float64[N, 2]\n  output y = dense(1)\n}\n"
    train = "train {\n  target t: float64[N, 1]\n  loss = mse(y, t)\n  optimizer = sgd(lr = 0.1)\n  steps = 1\n}\n"
    with pytest.raises(RunError, match=r"E708.*y.weight is float64"):
        Trainer(nnspec.loads(text + train))


def test_text_is_learned_from() -> None:
    spec = nnspec.loads("""nnspec 1
model words {
  input word: string[N, 2]
  word -> lookup(["red", "green"]) -> embedding(3, 4) -> flatten
  output logits = dense(2)
}
train {
  target y: label[N]
  loss = cross_entropy(logits, y)
  optimizer = adam(lr = 0.1)
  epochs = 30
  batch_size = 2
}
""")
    words = np.array([["red", "green"], ["green", "blue"], ["red", "red"], ["blue", "green"]])
    trainer = Trainer(spec)
    trainer.fit({"word": words, "y": [0, 1, 0, 1]})
    assert trainer.predict({"word": words})["logits"].argmax(axis=1).tolist() == [0, 1, 0, 1]
    assert np.isfinite(trainer.step({"word": words.tolist(), "y": [0, 1, 0, 1]})["loss"])


# The update


@pytest.mark.parametrize("more", ["", "clip_norm = 0.01", "clip_value = 0.001", "average = ema(0.9)"])
def test_tiles_change_no_bit(more: str) -> None:
    """Many small tiles, the last one partial, equal one pass over the buffer."""
    found = []
    for tile in (1 << 20, 16, 48):
        trainer = Trainer(classifier(more=more))
        engine = trainer._engine
        engine._update = Update(engine.train, Rule(engine.optimizer, engine.average), engine.state, Device(), tile)
        for _ in range(3):
            trainer.step(rows(16))
        found.append({**trainer.parameters, **{name: slot.flat for name, slot in engine.state.slots.items()}})
    assert equal(found[0], found[1]) and equal(found[0], found[2])


def test_clipping_by_norm_keeps_the_direction() -> None:
    free, clipped = (Trainer(nnspec.loads(REGRESSION % ("", more))) for more in ("", "clip_norm = 0.5"))
    batch = {"x": np.full((4, 1), 3, np.float32), "t": np.full((4, 1), 50, np.float32)}
    start, gradient = free.parameters, free.gradients(batch)
    clipped.step(batch)
    norm = np.sqrt(sum(float((g**2).sum()) for g in gradient.values()))
    for path, value in clipped.parameters.items():
        np.testing.assert_allclose(start[path] - value, 0.1 * 0.5 / norm * gradient[path], rtol=1e-4)


def test_clipping_by_value_limits_every_entry() -> None:
    trainer = Trainer(nnspec.loads(REGRESSION % ("", "clip_value = 0.25")))
    start = trainer.parameters
    trainer.step({"x": np.full((4, 1), 3, np.float32), "t": np.full((4, 1), 50, np.float32)})
    for path, value in trainer.parameters.items():
        np.testing.assert_allclose(value - start[path], 0.025, rtol=1e-4)


def test_frozen_parameters_stay() -> None:
    trainer = Trainer(classifier("adamw(lr = 0.1, weight_decay = 0.5)", 'freeze = ["dense_1.*"]'))
    start = trainer.parameters
    trainer.step(rows(16))
    changed = [path for path, value in trainer.parameters.items() if not np.array_equal(value, start[path])]
    assert changed == ["logits.weight", "logits.bias"]
    assert list(trainer.gradients(rows(16))) == changed


def test_accumulated_batches_equal_one_large_batch() -> None:
    data = rows(12)
    large = Trainer(
        nnspec.loads(classifier("sgd(lr = 0.1)").files["small.nn"].replace("batch_size = 16", "batch_size = 12"))
    )
    small = Trainer(
        nnspec.loads(
            classifier("sgd(lr = 0.1)", "accumulate = 3").files["small.nn"].replace("batch_size = 16", "batch_size = 4")
        )
    )
    for trainer in (large, small):
        trainer.fit(data, steps=1)
    assert small.history.epochs[0]["step"] == 1
    for path, value in large.parameters.items():
        np.testing.assert_allclose(small.parameters[path], value, rtol=1e-4, atol=1e-6)


# Fitting


@pytest.mark.parametrize("more", ["", "accumulate = 3", "average = ema(0.9)"])
def test_the_same_seed_gives_the_same_bits(more: str) -> None:
    """With dropout and a smaller last batch; another seed gives something else."""
    trainers = [Trainer(classifier(rate=0.3, more=more), seed=seed) for seed in (7, 7, 8)]
    for trainer in trainers:
        trainer.fit(rows(50), rows(20, seed=1))
    assert equal(trainers[0].parameters, trainers[1].parameters)
    assert trainers[0].history == trainers[1].history
    assert not equal(trainers[0].parameters, trainers[2].parameters)


def test_history_and_events() -> None:
    events: list[Any] = []
    trainer = Trainer(classifier(epochs=3))
    history = trainer.fit(rows(40), rows(20, seed=1), watcher=events.append)
    assert [type(event) for event in events[:4]] == [StepDone, StepDone, StepDone, EpochDone]
    assert isinstance(events[-1], TrainingDone) and events[-1].reason == "finished"
    assert [event.step for event in events if isinstance(event, StepDone)] == list(range(1, 10))
    assert events[0].steps == 9
    assert [record["epoch"] for record in history.epochs] == [1, 2, 3]
    assert set(history.epochs[0]) == {
        "epoch",
        "step",
        "rows",
        "lr",
        "gradient_norm",
        "gradient_norm_max",
        "train.loss",
        "train.accuracy",
        "validation.loss",
        "validation.accuracy",
    }
    assert history.best == min(history.epochs, key=lambda record: record["validation.loss"])


def test_the_best_weights_are_kept_and_training_goes_on_from_the_last() -> None:
    data, held_out = rows(32), rows(64, seed=1)
    trainer, straight = (Trainer(classifier("adamw(lr = 0.3)", epochs=12)) for _ in range(2))
    trainer.fit(data, held_out, epochs=9)
    best = trainer.history.best
    assert best and best["validation.loss"] == trainer.evaluate(held_out)["loss"]
    trainer.fit(data, held_out)
    straight.fit(data, held_out)
    assert trainer.history == straight.history and equal(trainer.parameters, straight.parameters)


def test_early_stop() -> None:
    events: list[Any] = []
    trainer = Trainer(classifier("sgd(lr = 1e-9)", "early_stop = patience(2, min_delta = 0.1)", epochs=50))
    history = trainer.fit(rows(32), rows(16, seed=1), watcher=events.append)
    assert len(history.epochs) == 3 and events[-1].reason == "early_stop"


def test_a_run_that_stopped_early_stays_stopped() -> None:
    trainer = Trainer(classifier("sgd(lr = 1e-9)", "early_stop = patience(2, min_delta = 0.1)", epochs=50))
    for _ in range(2):
        assert len(trainer.fit(rows(32), rows(16, seed=1)).epochs) == 3


def test_what_is_monitored_must_be_measured() -> None:
    trainer = Trainer(classifier(more="early_stop = patience(2)"))
    with pytest.raises(RunError, match=r"E712.*validation.loss is monitored.*\n.*train.loss, train.accuracy"):
        trainer.fit(rows(32))


def test_statistics_are_fitted_on_the_training_rows() -> None:
    trainer, data = Trainer(classifier()), rows(300)
    trainer.fit(data, rows(10, seed=1), epochs=1)
    found = trainer.parameters
    np.testing.assert_allclose(found["standardize_1.mean"], data["x"].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found["standardize_1.deviation"], data["x"].std(axis=0), rtol=1e-5)


class Drift(Layer):
    """x - running mean; the mean of each batch enters it by half. A layer with state, for these tests."""

    name = "drift"

    def infer(self, x: TensorType) -> TensorType:
        return x

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        return {"running_mean": ParameterSpec((known_size(self.name, x, -1),), Zeros(), trainable=False)}

    def lower(self, g: Graph, x: Value, *, running_mean: Value) -> Value:
        if g.training:
            mean = g.reduce("ReduceMean", x, [0])
            g.state[running_mean.name] = g.op("Mul", g.op("Add", running_mean, mean), 0.5)
        return g.op("Sub", x, running_mean)


@pytest.fixture
def drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LAYERS._classes, "drift", Drift)


DRIFTING = (REGRESSION % ("", "%s")).replace("  output y", "  drift\n  output y")


@pytest.mark.usefixtures("drift")
def test_running_statistics_are_updated_by_steps_alone() -> None:
    trainer = Trainer(nnspec.loads(DRIFTING % ""))
    batch = {"x": np.full((4, 1), 8, np.float32), "t": np.ones((4, 1), np.float32)}
    for wanted in (4, 6, 7):
        trainer.gradients(batch)
        trainer.evaluate(batch)
        trainer.predict({"x": batch["x"]})
        trainer.step(batch)
        assert trainer.parameters["drift_1.running_mean"] == wanted


@pytest.mark.usefixtures("drift")
def test_frozen_statistics_stay() -> None:
    trainer = Trainer(nnspec.loads(DRIFTING % 'freeze = ["drift*"]'))
    trainer.step({"x": np.full((4, 1), 8, np.float32), "t": np.ones((4, 1), np.float32)})
    assert trainer.parameters["drift_1.running_mean"] == 0


def test_a_schedule_counts_epochs() -> None:
    trainer = Trainer(classifier("sgd(lr = step(0.1, every = 2, factor = 0.5))", epochs=4))
    assert [record["lr"] for record in trainer.fit(rows(40)).epochs] == [0.1, 0.1, 0.05, 0.05]


def test_steps_may_end_within_an_epoch() -> None:
    trainer, straight = (Trainer(classifier(rate=0.3)) for _ in range(2))
    history = trainer.fit(rows(50), steps=6)
    assert [(record["epoch"], record["step"]) for record in history.epochs] == [(1, 4), (2, 6)]
    trainer.fit(rows(50), steps=11)
    straight.fit(rows(50), steps=11)
    assert equal(trainer.parameters, straight.parameters)


def test_a_loss_that_explodes_in_fit_names_the_rows() -> None:
    data = {"x": np.ones((6, 1), np.float32), "t": np.full((6, 1), 1e20, np.float32)}
    with pytest.raises(RunError, match=r"E704.*in step 1, epoch 1, rows index \d; index \d; index \d; index \d"):
        Trainer(nnspec.loads(REGRESSION % ("", ""))).fit(data)


def test_the_average_is_what_is_validated_and_kept() -> None:
    data, held_out = rows(48), rows(32, seed=1)
    trainer = Trainer(classifier("sgd(lr = 0.05)", "average = ema(0.5)", epochs=1))
    trainer.fit(data, held_out)
    averaged = trainer.parameters
    assert trainer.history.epochs[0]["validation.loss"] == trainer.evaluate(held_out)["loss"]
    other = Trainer(classifier("sgd(lr = 0.05)", epochs=1))
    other.fit(data)
    assert not equal(averaged, other.parameters)
    last = trainer._memory.last
    assert last and np.array_equal(last.trained, other._engine.state.trained.flat)


# Evaluation and prediction


def test_evaluation_counts_every_row_once() -> None:
    trainer, data = Trainer(classifier(rate=0.5)), rows(600)
    logits = trainer.predict({"x": data["x"]})["probability"]
    found = trainer.evaluate(data)
    assert logits.shape == (600, 3)
    picked = np.take_along_axis(logits, data["y"][:, None], axis=1)
    assert found["loss"] == pytest.approx(float(-np.log(picked).mean()), rel=1e-5)
    assert found["accuracy"] == pytest.approx(float((logits.argmax(axis=1) == data["y"]).mean()))


def test_training_and_compiled_model_agree() -> None:
    trainer = Trainer(classifier())
    trainer.fit(rows(64))
    x = rows(7, seed=3)["x"]
    compiled = nnspec.compile(trainer.spec, trainer.parameters)
    np.testing.assert_allclose(
        compiled.run({"x": x})["probability"], trainer.predict({"x": x})["probability"], rtol=1e-5
    )


@pytest.mark.parametrize("name, code", [("validate", "E713"), ("test", "E713")])
def test_splits_that_do_not_exist(name: str, code: str) -> None:
    with pytest.raises(RunError, match=code):
        Trainer(nnspec.load(ACCEPTANCE / "iris.nn")).evaluate(name)


def test_iris_is_learned() -> None:
    trainer = Trainer(nnspec.load(ACCEPTANCE / "iris.nn"))
    trainer.fit()
    assert trainer.evaluate("validation")["accuracy"] > 0.9
    assert trainer.classes["species"] == ("setosa", "versicolor", "virginica")
    assert trainer.step({"features": [[5.1, 3.5, 1.4, 0.2]], "species": ["setosa"]})["accuracy"] == 1.0


@pytest.mark.parametrize(
    "length", [{"epochs": 0}, {"epochs": 1.5}, {"epochs": "3"}, {"steps": -1}, {"epochs": 1, "steps": 3}]
)
def test_a_length_that_cannot_be(length: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="E717"):
        Trainer(classifier()).fit(rows(8), **length)


@pytest.mark.parametrize("seed", [-1, 1 << 63, 1.5, "a"])
def test_a_seed_that_cannot_be(seed: Any) -> None:
    with pytest.raises(RunError, match="E717"):
        Trainer(classifier(), seed=seed)
