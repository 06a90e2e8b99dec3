"""Runs that are killed, interrupted, damaged and long: what is promised, with numbers."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_specs import classifier, rows
from soak import CALLS, INTERRUPTS, KILLS, SAME, STEPS
from victim import train

from nnspec.runtime.sealed_file import Damaged
from nnspec.training.checkpoint import read_checkpoint
from nnspec.training.engine import Engine
from nnspec.training.programs import BatchProgram
from nnspec.training.run_folder import RunFolder
from nnspec.training.trainer import Trainer

HERE = Path(__file__).parent


class Zygote:
    """Starts training processes quickly."""

    def __init__(self) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", HERE / "victim.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def start(self, **order: Any) -> int:
        """A new process; its number."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> int:
        """Wait for the process; its status as `os.waitpid` gives it."""
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _answer(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    found = Zygote()
    yield found
    found.close()


def result(run: Path) -> dict[str, bytes]:
    """What must be the same in every run of a spec and a seed: weights, the last state, the records."""
    _, last = RunFolder(run).checkpoints.found()[-1]
    kept = ("weights.safetensors", "model.onnx", "metrics.jsonl")
    return {last.name: last.read_bytes(), **{name: (run / name).read_bytes() for name in kept}}


def test_killed_at_any_moment_a_run_goes_on_to_the_same_end(tmp_path: Path, zygote: Zygote) -> None:
    moments = random.Random(0)
    whole = tmp_path / "whole"
    zygote.start(run=str(whole))
    assert zygote.end() == 0
    started = time.monotonic()
    zygote.start(run=str(tmp_path / "timed"), every=1)
    assert zygote.end() == 0
    took = time.monotonic() - started
    killed = saving = number = 0
    while killed < KILLS:
        run = tmp_path / str(number := number + 1)
        child = zygote.start(run=str(run), every=1)
        time.sleep(moments.uniform(0, took))
        with suppress(ProcessLookupError):  # it may have come to its end
            os.kill(child, signal.SIGKILL)
        killed += zygote.end() == signal.SIGKILL
        saving += any(run.rglob(".*.tmp"))
        zygote.start(run=str(run))
        assert zygote.end() == 0, f"run {number} does not go on"
        assert result(run) == result(whole), f"run {number} ends elsewhere"
        assert not list(run.rglob(".*.tmp")) and len(list((run / "checkpoints").iterdir())) <= 3
        shutil.rmtree(run)
    print(f"{killed} of {killed} killed runs went on to the same end; {saving} had a file half written")


@pytest.mark.parametrize("call", CALLS)
def test_killed_at_any_call_that_writes_a_run_goes_on_to_the_same_end(
    tmp_path: Path, zygote: Zygote, call: int
) -> None:
    """The first calls make the directory; later ones save, replace what is old, and end the run."""
    for name, order in (("whole", {}), ("killed", {"die": call}), ("killed", {})):
        zygote.start(run=str(tmp_path / name), every=20, **order)
        assert zygote.end() == (signal.SIGKILL if order else 0)
    assert result(tmp_path / "whole") == result(tmp_path / "killed")


@pytest.mark.parametrize("at", [int(n) for n in np.linspace(1, 83, INTERRUPTS)])
def test_interrupted_at_any_batch_a_run_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """In the warm-up and after it, with an epoch or a group of batches under way, after the early stop has counted."""
    train(str(tmp_path / "whole"), every="30s")
    compute = Engine.gradients
    batches = 0

    def interrupting(engine: Engine, program: BatchProgram) -> float:
        nonlocal batches
        batches += 1
        if batches == at:
            signal.raise_signal(signal.SIGINT)
        return compute(engine, program)

    monkeypatch.setattr(Engine, "gradients", interrupting)
    with pytest.raises(KeyboardInterrupt):
        train(str(tmp_path / "stopped"), every="30s")
    counters = Trainer.resume(tmp_path / "stopped")._engine.state.counters
    assert counters.draws == at
    train(str(tmp_path / "stopped"), every="30s")
    assert result(tmp_path / "stopped") == result(tmp_path / "whole")


def test_no_damage_to_a_checkpoint_goes_unseen(tmp_path: Path) -> None:
    """200 bytes changed and 50 truncations."""
    trainer = Trainer(classifier("adamw(lr = 0.01)"))
    trainer.step(rows(16))
    trainer.save(tmp_path)
    folder = RunFolder(tmp_path)
    folder.read_spec()
    ((_, path),) = folder.checkpoints.found()
    content, chance = path.read_bytes(), random.Random(0)
    header = 8 + int.from_bytes(content[:8], "little")
    places = [chance.randrange(header) for _ in range(100)] + [chance.randrange(len(content)) for _ in range(100)]
    damaged = []
    for place in places:
        found = bytearray(content)
        found[place] ^= chance.randrange(1, 256)
        damaged.append(bytes(found))
    damaged += [content[: chance.randrange(len(content))] for _ in range(49)] + [b""]
    read_checkpoint(path, folder.digest)
    refused = 0
    for found in damaged:
        path.write_bytes(found)
        with pytest.raises(Damaged):
            read_checkpoint(path, folder.digest)
        refused += 1
    assert refused == 250


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """In processes of their own, whose dictionaries and sets are ordered differently."""
    code = "import sys; from victim import train; train(sys.argv[1], seed=int(sys.argv[2]))"
    for number, seed in enumerate([7] * SAME + [8]):
        environment = {**os.environ, "PYTHONHASHSEED": str(number), "PYTHONPATH": str(HERE)}
        command = [sys.executable, "-c", code, str(tmp_path / str(number)), str(seed)]
        subprocess.run(command, env=environment, check=True)
    first, *others, another = (result(tmp_path / str(number)) for number in range(SAME + 1))
    assert all(found == first for found in others)
    assert another["weights.safetensors"] != first["weights.safetensors"]


def test_a_long_run_takes_no_more_memory_and_no_more_files(tmp_path: Path) -> None:
    sizes: list[tuple[int, int]] = []
    trainer = Trainer(classifier(rate=0.1))

    def watch(event: Any) -> None:
        step = getattr(event, "step", 0)
        if step in (STEPS // 10, STEPS):
            sizes.append((resident(), len(list(Path("/proc/self/fd").iterdir()))))

    trainer.fit(rows(1600), rows(32, seed=1), steps=STEPS, run=tmp_path, watcher=watch)
    (before, files), (after, files_after) = sizes
    assert files_after == files
    assert after < 1.05 * before, f"{before >> 10} KiB became {after >> 10}"
    print(f"{STEPS} steps: {before >> 10} KiB became {after >> 10}, {files} open files stayed {files_after}")


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
