"""Processes that train, for tests that end them: a parent that has everything imported, and forks a child per order.

Orders are lines of JSON on standard input: {"run": folder, ...}. The answers are the child's number and, when it has
ended, its exit status.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "compiler"))

from small_specs import classifier, rows

from nnspec.runtime import files
from nnspec.training.trainer import Trainer

MORE = "accumulate = 2\n  average = ema(0.9)\n  early_stop = patience(50)\n  clip_norm = 1.0"
OPTIMIZER = "adamw(lr = warmup_cosine(0.02, warmup = 0.3))"


def train(run: str, *, every: int | str = 3, epochs: int = 12, seed: int = 7) -> Trainer:
    """Train to the end, from where the run is, if it is one: dropout, shuffling, accumulation, an average, a warm-up
    and an early stop that counts."""
    if (Path(run) / "run.json").exists():
        trainer = Trainer.resume(run)
    else:
        trainer = Trainer(classifier(OPTIMIZER, MORE, epochs=epochs, rate=0.3), seed=seed)
    trainer.fit(rows(100), rows(40, seed=1), run=run, checkpoint_every=every)
    return trainer


CALLS = ("open", "fsync", "chmod", "replace", "unlink", "ftruncate", "pwrite")
"""Of the system, which files are made with."""


def die_at(call: int) -> None:
    """Let this process be killed before it makes this call of those that write files; half a file is one, too."""
    left = call

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return counting

    def fill(path: Path, parts: Sequence[bytes | memoryview]) -> None:
        content = b"".join(parts)
        with path.open("wb", buffering=0) as stream:
            stream.write(content[: len(content) // 2])
            counted(stream.write)(content[len(content) // 2 :])

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    files._fill = fill


def main() -> None:
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(0)
            if call := order.pop("die", None):
                die_at(call)
            train(**order)
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
