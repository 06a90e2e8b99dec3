"""Learning from images: augmented, decoded ahead, interrupted, resumed."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import make_folder
from PIL import Image

import nnspec
from nnspec import DataError, Trainer
from nnspec.data.images import column
from nnspec.training.history import STOP, StepDone

SPEC = """nnspec 1
model colours {
  input image: uint8[N, 3, 8, 6]
  rescale(1 / 255)%s
  flatten -> dense(8) -> tanh -> dropout(0.1)
  logits = dense(3)
  output probability = logits -> softmax
}
data {
  train      = images("colours", cache = %d)
  validation = 0.25
  image      = "image"
  colour     = "label"
  augment    = [%s]
}
train {
  target colour: label[N]
  loss       = cross_entropy(logits, colour)
  optimizer  = adamw(lr = 0.01)
  metrics    = [accuracy(logits, colour)]
  epochs     = 4
  batch_size = 7
  seed       = 3
}
"""
ALL = "flip, crop(1), rotation(10), brightness(0.2), contrast(0.2), noise(0.02), cutout(2), mixup(0.2)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("images")
    make_folder(found / "colours", 20)
    return found


def trainer(folder: Path, augment: str = ALL, *, cache: int = 0, more: str = "", **options: Any) -> Trainer:
    spec = nnspec.loads(SPEC % (more, cache, augment), path=str(folder / "colours.nn"))
    return Trainer(spec, folder=folder, **options)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("nnspec-ahead")]


def same(one: Trainer, other: Trainer) -> bool:
    found = one.parameters, other.parameters
    return all(np.array_equal(found[0][path], found[1][path]) for path in found[0]) and one.history == other.history


def test_a_folder_is_learned(folder: Path) -> None:
    found = trainer(folder)
    history = found.fit(epochs=30)
    assert found.classes == {"colour": ("blue", "green", "red")}
    assert history.epochs[-1]["validation.accuracy"] == 1.0 and found.evaluate("validation")["accuracy"] == 1.0
    red = np.full((1, 3, 8, 6), [[[[230]], [[10]], [[10]]]], np.uint8).reshape(1, 3, 8, 6)
    assert found.predict({"image": red})["probability"].argmax() == 2
    assert not threads()


def test_statistics_are_those_of_the_files(folder: Path) -> None:
    """`standardize` sees every training row once, as it is in its file."""
    found = trainer(folder, more=" -> standardize(axis = 1)")
    found.fit(steps=1)
    rows = found.rows("train")
    pixels = rows.batch(np.arange(rows.rows))["image"] / np.float32(255)
    mean = next(array for path, array in found.parameters.items() if path.endswith("mean"))
    np.testing.assert_allclose(mean.ravel(), pixels.mean((0, 2, 3)), rtol=1e-4)


def test_neither_memory_nor_threads_change_a_bit(folder: Path) -> None:
    first = trainer(folder, threads=1)
    first.fit()
    for options in ({"cache": 1024, "threads": 1}, {"threads": 2}, {"cache": 1024, "threads": 2}):
        other = trainer(folder, **options)
        other.fit()
        assert same(first, other), options


def test_a_run_that_is_gone_on_with_draws_the_same(folder: Path, tmp_path: Path) -> None:
    """Broken off in the middle and at the end of epochs: to the same bits."""
    straight = trainer(folder)
    straight.fit()
    for step in (1, 3, 7, 8, 12, 20):
        run = tmp_path / f"run{step}"
        with pytest.raises(RuntimeError, match="power failure"):
            trainer(folder).fit(run=run, checkpoint_every=1, callbacks=[Stop(step, RuntimeError("power failure"))])
        resumed = Trainer.resume(run)
        assert resumed._engine.state.counters.step == step - 1
        resumed.fit(run=run)
        assert same(straight, resumed), step


class Stop(nnspec.Callback):
    """Raises, or asks for the end, after so many steps."""

    def __init__(self, step: int, error: BaseException | None = None) -> None:
        self.step, self.error = step, error

    def on_step(self, event: StepDone) -> Any:
        if event.step == self.step:
            if self.error:
                raise self.error
            return STOP
        return None


def test_augmentation_is_for_training_alone(folder: Path) -> None:
    plain, changed = trainer(folder, ""), trainer(folder)
    for split in ("train", "validation"):
        assert plain.evaluate(split) == changed.evaluate(split)
    rows = changed.rows("train")
    before = rows.batch(np.arange(rows.rows))
    a, b = plain.fit(epochs=1), changed.fit(epochs=1)
    assert a.epochs[0]["train.loss"] != b.epochs[0]["train.loss"]
    after = rows.batch(np.arange(rows.rows))
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_each_augmentation_changes_what_is_learned(folder: Path) -> None:
    seen = {trainer(folder, one).fit(epochs=1).epochs[0]["train.loss"] for one in ("", *ALL.split(", "))}
    assert len(seen) == 9


def test_rows_in_memory_and_iterables_are_augmented_too(folder: Path) -> None:
    random = np.random.default_rng(0)
    batch = {"image": random.integers(0, 256, (28, 3, 8, 6)).astype(np.uint8), "colour": np.arange(28) % 3}
    parts = [{name: array[start : start + 7] for name, array in batch.items()} for start in range(0, 28, 7)]
    kept = {name: array.copy() for name, array in batch.items()}
    for data in (batch, parts):
        plain, one, other = trainer(folder, ""), trainer(folder), trainer(folder, threads=1)
        losses = [found.fit(data, epochs=2).epochs[-1]["train.loss"] for found in (plain, one, other)]
        assert losses[0] != losses[1] == losses[2]
        assert all(np.array_equal(batch[name], kept[name]) for name in batch)
    assert trainer(folder, "").step(parts[0]) == trainer(folder).step(parts[0])


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), RuntimeError("mine")])
def test_threads_end_with_the_call(error: BaseException | None, folder: Path) -> None:
    found = trainer(folder)
    try:
        found.fit(callbacks=[Stop(5, error)])
    except BaseException as raised:
        assert raised is error
    else:
        assert error is None
    assert not threads()


def test_a_file_that_breaks_while_the_run_goes_on(tmp_path: Path) -> None:
    """It is named, its line in the spec too; the run can be gone on with once it is mended."""
    make_folder(tmp_path / "colours", 20)
    straight = trainer(tmp_path)
    straight.fit()
    victim = next((tmp_path / "colours/green").iterdir())
    whole = victim.read_bytes()

    class Breaking(nnspec.Callback):
        def on_step(self, event: StepDone) -> None:
            if event.step == 8:
                victim.write_bytes(whole[:-40])

    found = trainer(tmp_path)
    message = rf"colours\.nn:\d+:\d+: error\[E608\]: colours/green/{victim.name} is a damaged image"
    with pytest.raises(DataError, match=message):
        found.fit(run=tmp_path / "run", checkpoint_every=1, callbacks=[Breaking()])
    assert not threads()
    victim.write_bytes(whole)
    resumed = Trainer.resume(tmp_path / "run")
    assert resumed._engine.state.counters.step >= 8
    resumed.fit(run=tmp_path / "run")
    assert all(np.array_equal(resumed.parameters[path], array) for path, array in straight.parameters.items())


def test_memory_is_that_of_a_few_batches(tmp_path: Path) -> None:
    """400 images of 192 KiB, 75 MiB in all: of training and of validation 4 batches of 4 are prepared, 6 MiB; what
    augments works on float32."""
    (tmp_path / "big/a").mkdir(parents=True)
    Image.new("RGB", (256, 256), (9, 9, 9)).save(tmp_path / "big/a/0.png")
    for number in range(1, 400):
        (tmp_path / f"big/a/{number}.png").symlink_to(tmp_path / "big/a/0.png")
    spec = nnspec.loads(
        """nnspec 1
model m {
  input image: uint8[N, 3, 256, 256]
  y = image -> slice(3, 0, 1) -> rescale(1 / 255) -> flatten -> dense(1)
}
data {
  train = images("big", cache = 0)
  validation = 0.2
  image = "image"
  augment = [flip, noise(0.1)]
}
train {
  loss = mse(y, y * 0)
  optimizer = sgd(lr = 1e-9)
  epochs = 1
  batch_size = 4
}
""",
        path=str(tmp_path / "m.nn"),
    )
    found = Trainer(spec, threads=2, folder=tmp_path)
    found.fit(steps=1)
    tracemalloc.start()
    found.fit()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 18 * 2**20


def test_steps_do_not_wait_for_slow_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a step is computed, the next batches are decoded."""
    real: Callable[..., Any] = column.decode
    where: list[bool] = []

    def slow(*arguments: Any) -> Any:
        where.append(threading.current_thread() is threading.main_thread())
        return real(*arguments)

    monkeypatch.setattr(column, "decode", slow)
    trainer(folder).fit(epochs=2)
    assert len(where) >= 2 * 60 and not any(where)
