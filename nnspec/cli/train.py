"""`nnspec train SPEC --out RUN`: train into a run directory."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.cli import settings
from nnspec.cli.progress import Progress
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.training.trainer import Trainer


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC")
    command.add_argument("--out", required=True, metavar="RUN", help="the run directory")
    command.add_argument(
        "--data", metavar="DIR", help="the folder that paths of data are relative to; that of the spec"
    )
    command.add_argument("--epochs", type=positive, metavar="N", help="instead of the spec's")
    command.add_argument("--seed", type=int, metavar="N", help="instead of the spec's")
    command.add_argument("--threads", type=positive, metavar="N", help="at most so many; all cores by default")
    command.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    command.add_argument("--resume", action="store_true", help="go on with the run in RUN")
    command.add_argument("--overwrite", action="store_true", help="begin anew where RUN holds a run already")
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    settings.declare(command)
    command.set_defaults(run=run)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def run(options: argparse.Namespace) -> int:
    folder = Path(options.out)
    trainer = _resumed(options, folder) if options.resume else _new(options, folder)
    progress = Progress(sys.stdout, quiet=options.quiet)
    trainer.fit(epochs=options.epochs, run=folder, watcher=progress)
    if not options.quiet:
        print(f"run      {folder}: weights.safetensors, model.onnx, metrics.jsonl")
    return 0


def _new(options: argparse.Namespace, folder: Path) -> Trainer:
    from nnspec.training.trainer import Trainer

    spec = settings.load_spec(options)
    if (folder / "run.json").exists():
        if not options.overwrite:
            raise Fault(
                "E714", f"{folder} holds a run already", help="--resume goes on with it, --overwrite begins anew"
            )
        shutil.rmtree(folder)
    return Trainer(spec, seed=options.seed, device=options.device, threads=options.threads, folder=options.data)


def _resumed(options: argparse.Namespace, folder: Path) -> Trainer:
    from nnspec.training.trainer import Trainer

    trainer = Trainer.resume(folder, device=options.device, threads=options.threads)
    given = settings.load_spec(options, trainer.spec.settings)
    if given.nodes != trainer.spec.nodes or given.parameters != trainer.spec.parameters:
        raise Fault(
            "E714",
            f"{options.spec} is not the spec that {folder} was started with",
            help=f"{folder / 'spec.nn'} holds that one",
        )
    return trainer
