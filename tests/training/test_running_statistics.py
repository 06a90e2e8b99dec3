"""Running statistics are state: steps alone change them, and they are saved, resumed, frozen and used like the rest.

The normalization reads the input itself, so that NumPy says what its statistics are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_survival import interrupt_at

import nnspec
from nnspec.diagnostics.errors import RunError
from nnspec.runtime.tensor_file import write_tensors
from nnspec.training.trainer import Trainer

Array = np.ndarray[Any, Any]

SPEC = """nnspec 1
model m {
  input x: float32[N, %s]
  norm = %s
  logits = norm -> flatten -> dense(6) -> batch_norm -> tanh -> dropout(0.2) -> dense(2)
}
train {
  target y: label[N]
  loss       = cross_entropy(logits, y)
  optimizer  = sgd(lr = 0.1, momentum = 0.9)
  epochs     = 3
  batch_size = 8
  %s
}
"""
MOMENTUM = 0.1


def trainer(more: str = "", norm: str = "batch_norm", row: str = "3, 4") -> Trainer:
    return Trainer(nnspec.loads(SPEC % (row, norm, more)))


def rows(count: int, seed: int = 0) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    x = random.normal(2, 3, (count, 3, 4)).astype(np.float32)
    return {"x": x, "y": (x[:, 0].sum(axis=1) > 8).astype(np.int64)}


def followed(batches: list[Array], momentum: float = MOMENTUM) -> tuple[Array, Array]:
    """PyTorch's running mean and variance of three channels after these batches."""
    mean, variance = np.zeros(3), np.ones(3)
    for x in batches:
        values = np.moveaxis(x.astype(np.float64), 1, 0).reshape(3, -1)
        mean = (1 - momentum) * mean + momentum * values.mean(axis=1)
        variance = (1 - momentum) * variance + momentum * values.var(axis=1, ddof=1)
    return mean, variance


def statistics(found: Trainer) -> tuple[Array, Array]:
    return found.parameters["norm.running_mean"], found.parameters["norm.running_var"]


def agree(found: tuple[Array, Array], wanted: tuple[Array, Array]) -> None:
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def equal(a: dict[str, Array], b: dict[str, Array]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# Which batches enter


def test_they_follow_steps_alone() -> None:
    found, batches = trainer(), [rows(8), rows(5, seed=1)]
    for number, batch in enumerate(batches, 1):
        found.gradients(rows(8, seed=9))
        found.evaluate(rows(8, seed=9))
        found.predict({"x": batch["x"]})
        found.step(batch)
        agree(statistics(found), followed([batch["x"] for batch in batches[:number]]))


def test_without_momentum_they_are_plain_means() -> None:
    found, batches = trainer(norm="batch_norm(momentum = none)"), [rows(8, seed) for seed in range(5)]
    for batch in batches:
        found.step(batch)
    mean, variance = statistics(found)
    values = [np.moveaxis(batch["x"].astype(np.float64), 1, 0).reshape(3, -1) for batch in batches]
    np.testing.assert_allclose(mean, np.mean([each.mean(axis=1) for each in values], axis=0), rtol=1e-6)
    np.testing.assert_allclose(variance, np.mean([each.var(axis=1, ddof=1) for each in values], axis=0), rtol=1e-6)
    assert found.parameters["norm.num_batches_tracked"] == 5


def test_every_batch_of_a_group_enters() -> None:
    """Five batches of three epochs, the last of them smaller, in groups of two."""
    alone, grouped = trainer(), trainer("accumulate = 2")
    alone.fit(rows(36))
    grouped.fit(rows(36))
    agree(statistics(grouped), statistics(alone))
    assert not np.array_equal(grouped.parameters["logits.dense_2.weight"], alone.parameters["logits.dense_2.weight"])


def test_a_shared_layer_follows_its_uses_in_order() -> None:
    text = (SPEC % ("3, 4", "x", "")).replace("norm = x", "layer norm = batch_norm\n  both = x * 2 -> norm -> norm")
    found, batch = Trainer(nnspec.loads(text.replace("norm -> flatten", "both -> flatten"))), rows(8)
    found.step(batch)
    once = 2 * batch["x"].astype(np.float64)
    mean, variance = once.mean(axis=(0, 2), keepdims=True), once.var(axis=(0, 2), keepdims=True)
    agree(statistics(found), followed([once, (once - mean) / np.sqrt(variance + 1e-5)]))


def test_two_layers_of_one_size_keep_their_statistics_apart() -> None:
    """ONNX Runtime writes statistics over the operands that it was given for the running ones."""
    text = (SPEC % ("3, 4", "batch_norm", "")).replace("logits =", "other = x * 3 -> batch_norm\n  logits =")
    found, batch = Trainer(nnspec.loads(text.replace("norm -> flatten", "norm + other -> flatten"))), rows(8)
    before = found.parameters
    first, second = found.gradients(batch), found.gradients(batch)
    assert equal(first, second) and equal(found.parameters, before)
    found.step(batch)
    agree(statistics(found), followed([batch["x"]]))
    agree(tuple(found.parameters[f"other.running_{name}"] for name in ("mean", "var")), followed([3 * batch["x"]]))  # type: ignore[arg-type]


# Where they are used


def test_inference_uses_them() -> None:
    """So the result for a row does not depend on the others."""
    found = trainer()
    found.fit(rows(64))
    x = rows(9, seed=3)["x"]
    alone = np.concatenate([found.predict({"x": x[at : at + 1]})["output"] for at in range(9)])
    np.testing.assert_allclose(found.predict({"x": x})["output"], alone, rtol=1e-5)
    mean, variance = (each[:, None] for each in statistics(found))
    weight, bias = (found.parameters[f"norm.{leaf}"][:, None] for leaf in ("weight", "bias"))
    norm = Trainer(nnspec.loads(SPEC.replace("logits =", "output z = norm\n  logits =") % ("3, 4", "batch_norm", "")))
    norm.load_parameters(found.parameters)
    np.testing.assert_allclose(
        norm.predict({"x": x})["z"], (x - mean) / np.sqrt(variance + 1e-5) * weight + bias, rtol=1e-4, atol=1e-5
    )


# What is not finite


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_batch_left_out_leaves_no_trace(bad: float) -> None:
    found, straight = trainer(), trainer()
    data = rows(8)
    spoiled = {**data, "x": data["x"].copy()}
    spoiled["x"][3, 1, 2] = bad
    batches = [rows(8, seed=1), spoiled, rows(8, seed=2)]
    found.fit(batches, epochs=1, on_nan="skip")  # type: ignore[arg-type]
    straight.fit([batches[0], batches[2]], epochs=1)  # type: ignore[arg-type]
    agree(statistics(found), statistics(straight))
    assert found.history.epochs[0]["skipped"] == 1
    assert all(np.isfinite(array).all() for array in found.parameters.values())


def test_a_bad_row_is_named() -> None:
    found, data = trainer(), rows(8)
    found.step(data)
    data["x"][3, 1, 2] = np.inf
    with pytest.raises(RunError, match=r"E704.*step 2, in the batch given, rows index 3: x is the first that is inf"):
        found.step(data)
    agree(statistics(found), followed([rows(8)["x"]]))


def test_a_variance_beyond_all_numbers_stops_the_run_though_the_loss_is_finite() -> None:
    """Its rate is 0, and so is the output."""
    found, data = trainer(), rows(8)
    data["x"][:, 1] *= 1e30
    with pytest.raises(
        RunError, match=r"E704.*the new norm.running_var is inf.*BatchNormalization of norm is the first"
    ):
        found.step(data)
    agree(statistics(found), (np.zeros(3), np.ones(3)))


# Too few values


def test_one_value_per_channel_is_refused() -> None:
    found = trainer(norm="x -> flatten")
    with pytest.raises(
        RunError, match=r"E718.*logits.batch_norm_1: batch_norm learns from more than one value per chan"
    ):
        found.step(rows(1))
    assert found.evaluate(rows(1))["loss"] > 0
    with pytest.raises(RunError, match="E718"):
        found.fit(rows(17))
    assert not found.history.epochs and found._engine.state.counters.step == 0


def test_one_row_of_several_positions_is_enough() -> None:
    spec = (SPEC % ("3, 4", "batch_norm", "")).replace("dense(6) -> batch_norm -> tanh", "dense(6) -> tanh")
    found = Trainer(nnspec.loads(spec))
    found.fit(rows(9), epochs=1)
    assert len(found.history.epochs) == 1


# Frozen


def test_frozen_they_normalize_training_too() -> None:
    """As they do in inference: without dropout the loss of a step is that of an evaluation."""
    freeze = 'freeze = ["norm.*", "logits.batch_norm_1.*"]'
    found = Trainer(nnspec.loads((SPEC % ("3, 4", "batch_norm", freeze)).replace("dropout(0.2)", "dropout(0)")))
    found.load_parameters({"norm.running_mean": np.full(3, 2.0), "norm.running_var": np.full(3, 9.0)}, strict=False)
    before, batch = found.parameters, rows(8)
    wanted = found.evaluate(batch)["loss"]
    assert found.step(batch)["loss"] == pytest.approx(wanted, rel=1e-6)
    found.fit(rows(36))
    assert all(np.array_equal(found.parameters[path], before[path]) for path in before if "norm" in path)
    assert found.step(rows(1))["loss"] > 0  # one row has no statistics of its own, and needs none


def test_with_weight_and_bias_alone_frozen_they_move() -> None:
    found, batch = trainer('freeze = ["norm.weight", "norm.bias"]'), rows(8)
    found.step(batch)
    agree(statistics(found), followed([batch["x"]]))
    assert (found.parameters["norm.weight"] == 1).all() and (found.parameters["norm.bias"] == 0).all()


# Saved, resumed, averaged


@pytest.mark.parametrize("norm", ["batch_norm", "batch_norm(momentum = none)", "instance_norm(track = true)"])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path: Path, norm: str) -> None:
    straight = trainer("accumulate = 2\n  average = ema(0.9)", norm)
    straight.fit(rows(60), rows(20, seed=1))
    with pytest.raises(KeyboardInterrupt):
        trainer("accumulate = 2\n  average = ema(0.9)", norm).fit(
            rows(60), rows(20, seed=1), run=tmp_path, watcher=interrupt_at(6)
        )
    resumed = Trainer.resume(tmp_path)
    resumed.fit(rows(60), rows(20, seed=1))
    assert resumed.history == straight.history and equal(resumed.parameters, straight.parameters)


def test_the_best_weights_have_the_statistics_of_their_epoch() -> None:
    kept: list[dict[str, Array]] = []
    found = trainer()

    def watch(event: Any) -> None:
        if type(event).__name__ == "EpochDone":
            kept.append(found.parameters)

    held_out = rows(20, seed=1)
    found.fit(rows(40), held_out, epochs=6, watcher=watch)
    best = int(np.argmin([record["validation.loss"] for record in found.history.epochs]))
    assert equal(found.parameters, kept[best])
    assert found.evaluate(held_out)["loss"] == found.history.epochs[best]["validation.loss"]


def test_an_average_comes_with_the_last_statistics() -> None:
    plain, averaged = trainer(), trainer("average = ema(0.9)")
    plain.fit(rows(40))
    averaged.fit(rows(40))
    agree(statistics(averaged), statistics(plain))
    assert not equal(averaged.parameters, plain.parameters)


def test_weights_travel_without_pytorchs_counter(tmp_path: Path) -> None:
    found = trainer()
    found.fit(rows(40))
    counters = {f"{path}.num_batches_tracked": np.array(15, np.int64) for path in ("norm", "logits.batch_norm_1")}
    write_tensors(tmp_path / "weights.safetensors", {**found.parameters, **counters})
    other = trainer()
    other.load_parameters(tmp_path / "weights.safetensors")
    assert equal(other.parameters, found.parameters)
    with pytest.raises(RunError, match=r"E702.*unexpected: elsewhere\.count"):
        other.load_parameters({**found.parameters, "elsewhere.count": np.array(1)})
    counting = trainer(norm="batch_norm(momentum = none)")
    with pytest.raises(RunError, match=r"E702.*missing: norm\.num_batches_tracked"):
        counting.load_parameters(found.parameters)
    counting.load_parameters(tmp_path / "weights.safetensors")
    assert counting.parameters["norm.num_batches_tracked"] == 15
