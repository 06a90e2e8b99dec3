"""Signals, full disks, vanished folders, second writers, other data: what is on disk stays good, and errors say what
happened."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_specs import CLASSIFIER, classifier, rows
from soak import MOMENTS
from test_trainer import Drift

import nnspec
from nnspec.diagnostics.errors import RunError, RunWarning
from nnspec.layers.registry import LAYERS
from nnspec.runtime import signals
from nnspec.training.history import EpochDone, StepDone
from nnspec.training.keeper import Cadence
from nnspec.training.run_folder import RunFolder
from nnspec.training.trainer import Trainer

ENDLESS = classifier(epochs=100_000).files["small.nn"]
ROWS = "x1,x2,x3,x4,x5,y\n" + "".join(
    ",".join(map(str, [*x, y])) + "\n" for x, y in zip(rows(64)["x"].tolist(), rows(64)["y"].tolist(), strict=True)
)
DATA = """
data {
  train = csv("rows.csv")
  x = ["x1", "x2", "x3", "x4", "x5"]
  y = "y"
}
"""
SLOW = """nnspec 1
model slow {
  input x: float32[N, 1024]
  layer mix = dense(1024)
  repeat %d { mix }
  output y = dense(1)
}
data { train = synthetic(512) }
train {
  target t: float32[N, 1]
  loss = mse(y, t)
  optimizer = sgd(lr = 1e-9)
  epochs = 100
  batch_size = 512
}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "small.nn").write_text(ENDLESS + DATA)
    return tmp_path / "small.nn"


def start(spec: Path, *more: str) -> subprocess.Popen[str]:
    """`nnspec train` as a process, once it trains."""
    command = [sys.executable, "-m", "nnspec", "train", str(spec), "--out", str(spec.parent / "run"), "--quiet", *more]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=spec.parent)
    end = time.monotonic() + 60
    while not (spec.parent / "run" / "run.json").exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.01)
    return process


def ended(process: subprocess.Popen[str]) -> tuple[int, str, float]:
    """The exit code, what was said, and the seconds it took."""
    started = time.monotonic()
    _, said = process.communicate(timeout=60)
    return process.returncode, said, time.monotonic() - started


# Signals


@pytest.mark.parametrize("wait", random.Random(0).choices(range(500), k=MOMENTS))
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(spec: Path, number: int, code: int, wait: int) -> None:
    process = start(spec)
    time.sleep(0.1 + wait / 1000)
    process.send_signal(number)
    found, said, seconds = ended(process)
    assert (found, said.count("\n")) == (code, 1) and seconds < 5
    assert said.startswith("interrupted after step ") and f"nnspec train {spec} --out" in said and "--resume" in said
    steps = int(said.split()[3].rstrip(":"))
    assert Trainer.resume(spec.parent / "run")._engine.state.counters.step == steps > 0


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_long_run_of_onnxruntime(tmp_path: Path, number: int, code: int) -> None:
    (tmp_path / "slow.nn").write_text(SLOW % 200)
    process = start(tmp_path / "slow.nn")
    time.sleep(0.2)
    process.send_signal(number)
    found, said, seconds = ended(process)
    assert found == code and said.startswith("interrupted after step 0") and seconds < 5
    Trainer.resume(tmp_path / "run")


def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "slow.nn").write_text(SLOW % 200)
    process = start(tmp_path / "slow.nn")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    found, _, seconds = ended(process)
    assert found == 130 and seconds < 0.5
    Trainer.resume(tmp_path / "run")


def interrupt_at(step: int, number: int = signal.SIGINT) -> Any:
    def watch(event: Any) -> None:
        if isinstance(event, StepDone) and event.step == step:
            signal.raise_signal(number)

    return watch


def test_python_code_gets_a_keyboard_interrupt_and_can_go_on(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in signals.SIGNALS]
    trainer, straight = (Trainer(classifier(rate=0.3)) for _ in range(2))
    with pytest.raises(KeyboardInterrupt, match="interrupted after step 4"):
        trainer.fit(rows(50), rows(20, seed=1), run=tmp_path, watcher=interrupt_at(4))
    assert [signal.getsignal(number) for number in signals.SIGNALS] == before
    assert Trainer.resume(tmp_path)._engine.state.counters.step == 4
    trainer.fit(rows(50), rows(20, seed=1), run=tmp_path)
    straight.fit(rows(50), rows(20, seed=1))
    assert trainer.history == straight.history
    assert all(np.array_equal(trainer.parameters[path], array) for path, array in straight.parameters.items())


DRIFTING = CLASSIFIER.replace("  dense(8)", "  drift -> dense(8)")


@pytest.mark.parametrize(
    "optimizer", ["sgd(lr = plateau(0.05, patience = 0), momentum = 0.9)", "lion(lr = 0.001)", "lamb", "rmsprop"]
)
def test_running_statistics_and_every_state_go_on(
    tmp_path: Path, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the middle of the second epoch."""
    monkeypatch.setitem(LAYERS._classes, "drift", Drift)
    spec = nnspec.loads(DRIFTING % (optimizer, "epochs = 4"), set={"rate": 0.2})
    straight = Trainer(spec)
    straight.fit(rows(50), rows(20, seed=1))
    with pytest.raises(KeyboardInterrupt):
        Trainer(spec).fit(rows(50), rows(20, seed=1), run=tmp_path, watcher=interrupt_at(6))
    resumed = Trainer.resume(tmp_path)
    resumed.fit(rows(50), rows(20, seed=1))
    assert resumed.history == straight.history
    states = [{**trainer._engine.state.parameters, **flat(trainer)} for trainer in (straight, resumed)]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
    assert straight.parameters["drift_1.running_mean"].any()


def flat(trainer: Trainer) -> dict[str, Any]:
    return {slot: buffer.flat for slot, buffer in trainer._engine.state.slots.items()}


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert len(Trainer(classifier()).fit(rows(50), watcher=interrupt_at(4)).epochs) == 3
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_leaves_signals_alone() -> None:
    trainer = Trainer(classifier())
    thread = threading.Thread(target=lambda: trainer.fit(rows(50)))
    thread.start()
    thread.join()
    assert len(trainer.history.epochs) == 3


def test_an_interrupted_validation_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec.training import loop

    straight, evaluate = Trainer(classifier(more="average = ema(0.9)")), loop.evaluate
    straight.fit(rows(50), rows(20, seed=1))
    trainer = Trainer(classifier(more="average = ema(0.9)"))

    def interrupted(engine: Any, *more: Any) -> Any:
        monkeypatch.undo()
        signal.raise_signal(signal.SIGINT)
        engine.brake.pull()
        return evaluate(engine, *more)

    monkeypatch.setattr(loop, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt, match="after step 4"):
        trainer.fit(rows(50), rows(20, seed=1), run=tmp_path)
    assert not trainer.history.epochs
    resumed = Trainer.resume(tmp_path)
    assert resumed.fit(rows(50), rows(20, seed=1)) == straight.history


# The disk


def test_a_full_disk_names_path_and_bytes_and_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands in for it: files of this process may not grow beyond the limit."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(event: Any) -> None:
        if isinstance(event, StepDone) and event.step == 6:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))

    try:
        with pytest.raises(
            RunError, match=r"E707.*step-000008.safetensors cannot be written: File too large; \d{4} bytes are needed"
        ):
            Trainer(classifier()).fit(rows(64), run=tmp_path, watcher=fill, checkpoint_every=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert Trainer.resume(tmp_path)._engine.state.counters.step == 4
    assert not list(tmp_path.rglob(".*.tmp"))


def test_a_vanished_folder_is_named(tmp_path: Path) -> None:
    run = tmp_path / "run"

    def remove(event: Any) -> None:
        if isinstance(event, StepDone) and event.step == 6:
            shutil.rmtree(run)

    with pytest.raises(RunError, match=r"E707.*the folder .*run is not there; \d+ bytes are needed"):
        Trainer(classifier()).fit(rows(64), run=run, watcher=remove, checkpoint_every=4)
    assert not run.exists(), "half a run is not made anew"


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match=r"E707.*run cannot be a folder"):
        Trainer(classifier()).fit(rows(64), run=tmp_path / "run")


# Checkpoints


def numbers(run: Path) -> list[int]:
    return [step for step, _ in RunFolder(run).checkpoints.found()]


def test_the_last_two_and_the_best_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnspec.training.keeper.PAUSE", 0)
    trainer = Trainer(classifier("sgd(lr = 1e-9)", epochs=6))
    trainer.fit(rows(32), rows(16, seed=1), run=tmp_path)
    best = trainer.history.best
    assert best and numbers(tmp_path) == sorted({int(best["step"]), 10, 12})


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path: Path) -> None:
    straight = Trainer(classifier(rate=0.3, epochs=4))
    straight.fit(rows(50), run=tmp_path / "straight")
    Trainer(classifier(rate=0.3, epochs=4)).fit(rows(50), steps=11, run=tmp_path / "run", checkpoint_every=3)
    (before, _), (_, newest) = RunFolder(tmp_path / "run").checkpoints.found()[-2:]
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    with pytest.warns(RunWarning, match=rf"{newest.name}: its content does not match its SHA-256; going on from step-"):
        resumed = Trainer.resume(tmp_path / "run")
    assert resumed._engine.state.counters.step == before
    resumed.fit(rows(50), run=tmp_path / "run")
    assert resumed.history == straight.history
    for _, path in RunFolder(tmp_path / "run").checkpoints.found():
        path.write_bytes(b"")
    with pytest.raises(RunError, match=r"E707.*no checkpoint is whole: .*it is empty"):
        Trainer.resume(tmp_path / "run")


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    for name, units in (("a", 8), ("b", 9)):
        text = classifier().files["small.nn"].replace("dense(8)", f"dense({units})")
        Trainer(nnspec.loads(text)).save(tmp_path / name)
    name = "checkpoints/step-000000.safetensors"
    shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
    with pytest.raises(RunError, match=r"E707.*it is of a run with another spec"):
        Trainer.resume(tmp_path / "b")


def test_how_often_is_a_number_of_steps_or_a_time(tmp_path: Path) -> None:
    seen: list[list[int]] = []
    Trainer(classifier()).fit(
        rows(80), run=tmp_path, checkpoint_every=2, watcher=lambda event: seen.append(numbers(tmp_path))
    )
    assert seen[4] == [2, 4] and seen[-1] == [14, 15]
    Trainer(classifier()).fit(
        rows(80), run=tmp_path, checkpoint_every="0.0s", watcher=lambda event: seen.append(numbers(tmp_path))
    )
    assert seen[-3][-1] == 14
    assert [Cadence.parse(text) for text in (7, "7", "1.5s", "2m", "1h")] == [
        (7, None), (7, None), (None, 1.5), (None, 120), (None, 3600)
    ]  # fmt: skip
    with pytest.raises(ValueError, match="neither a number of steps"):
        Trainer(classifier()).fit(rows(80), checkpoint_every="often")


# One writer, one spec, one set of data


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    def second(event: Any) -> None:
        if isinstance(event, StepDone) and event.step == 2:
            here = rf"process {os.getpid()} on {socket.gethostname()}"
            with pytest.raises(RunError, match=rf"E715.*is being written by {here}, since"):
                Trainer(classifier()).fit(rows(64), run=tmp_path)
            with pytest.raises(RunError, match="E715"):
                Trainer(classifier()).save(tmp_path)

    Trainer(classifier()).fit(rows(64), run=tmp_path, watcher=second)
    assert not (tmp_path / "run.lock").exists()


def test_other_data_is_refused(spec: Path) -> None:
    run = spec.parent / "run"
    Trainer(nnspec.load(spec)).fit(epochs=1, run=run)
    (spec.parent / "rows.csv").write_text(ROWS.replace("1", "2", 1))
    with pytest.raises(RunError, match=r"E716.*rows.csv: not the data that the run was started with"):
        Trainer.resume(run).fit(epochs=2, run=run)


def test_other_conditions_are_a_warning(spec: Path) -> None:
    run = spec.parent / "run"
    Trainer(nnspec.load(spec), threads=1).fit(epochs=1, run=run)
    facts = json.loads((run / "run.json").read_text())
    assert len(facts["data"]["rows.csv"]) == 64 and facts["threads"] == 1
    facts["versions"]["onnxruntime"] = "1.0"
    (run / "run.json").write_text(json.dumps(facts))
    assert Trainer.resume(run)._engine.device.threads == 1, "as many threads as before, unless another number is given"
    with pytest.warns(RunWarning) as found:
        Trainer.resume(run, threads=2).fit(epochs=2, run=run)
    said = [str(item.message) for item in found]
    assert said[0].startswith("the run was started with threads 1 and goes on with 2")
    assert said[1].startswith("the run was started with onnxruntime 1.0")


def test_a_callback_that_fails_leaves_a_run_that_can_go_on(tmp_path: Path) -> None:
    def fail(event: Any) -> None:
        if isinstance(event, EpochDone):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        Trainer(classifier()).fit(rows(50), run=tmp_path, watcher=fail, checkpoint_every=1)
    assert len(Trainer.resume(tmp_path).fit(rows(50), run=tmp_path).epochs) == 3
