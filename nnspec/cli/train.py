"""`nnspec train SPEC --out RUN`: train into a run directory."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.cli import settings
from nnspec.cli.interrupts import exit_code, say, terminable, warnings_as_lines
from nnspec.cli.output import print_findings, warn
from nnspec.cli.progress import progress_for
from nnspec.cli.report import try_report
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.training.trainer import Trainer


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC", help="a .nn file")
    command.add_argument("--out", metavar="RUN", help="the run directory; runs/NAME for NAME.nn by default")
    command.add_argument(
        "--data", metavar="DIR", help="the folder that paths of data are relative to; by default that of the spec"
    )
    command.add_argument("--epochs", type=positive, metavar="N", help="how many in all, instead of the spec's")
    command.add_argument("--seed", type=int, metavar="N", help="instead of the spec's")
    command.add_argument(
        "--threads", type=positive, metavar="N", help="how many to compute with; as many as there are cores by default"
    )
    command.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="cuda needs the package onnxruntime-gpu"
    )
    command.add_argument("--resume", action="store_true", help="go on with the run in RUN")
    command.add_argument(
        "--checkpoint-every",
        type=cadence,
        default="30s",
        metavar="N",
        help="save within an epoch, after so many steps (100) or so much time (30s, 5m, 1h); 30s by default",
    )
    command.add_argument(
        "--on-nan",
        choices=("stop", "skip"),
        default="stop",
        help="at a loss or gradient that is not finite, end the run, or leave the update out and count it",
    )
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


def cadence(text: str) -> str:
    """A number of steps, or a time."""
    if not re.fullmatch(r"[1-9]\d*|\d+(\.\d+)?[smh]", text):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of steps (100) nor a time (30s, 5m, 1h)")
    return text


def run(options: argparse.Namespace) -> int:
    options.out = options.out or str(Path("runs", Path(options.spec).stem))
    with terminable(), warnings_as_lines():
        try:
            return _train(options)
        except KeyboardInterrupt as interrupt:
            say(_where_to_go_on(options, str(interrupt) or "interrupted"))
            return exit_code(interrupt)


def _train(options: argparse.Namespace) -> int:
    folder = Path(options.out)
    trainer = _resumed(options, folder) if options.resume and not _is_unborn(folder) else _new(options, folder)
    with progress_for(sys.stdout, quiet=options.quiet) as progress:
        trainer.fit(
            epochs=options.epochs,
            run=folder,
            watcher=progress,
            checkpoint_every=options.checkpoint_every,
            on_nan=options.on_nan,
            overwrite=options.overwrite and not options.resume,
        )
    try_report(folder, trainer.rows, quiet=options.quiet)
    if not options.quiet:
        print(f"run      {folder}: weights.safetensors, model.onnx, metrics.jsonl")
    return 0


def _is_unborn(folder: Path) -> bool:
    """Whether a run was killed before there was anything to go on from; then it begins anew."""
    unborn = (folder / "checkpoints").is_dir() and not (folder / "run.json").exists()
    if unborn:
        warn(f"{folder} holds no run yet: beginning it")
    return unborn


def _where_to_go_on(options: argparse.Namespace, what: str) -> str:
    if not (Path(options.out) / "run.json").exists():
        return f"{what}, before there was anything to save"
    command = ["nnspec", "train", options.spec, "--out", options.out, "--resume"]
    for name in ("epochs", "data", "root", "threads", "checkpoint_every", "on_nan"):
        value = getattr(options, name)
        if value not in (None, "30s", "stop"):
            command += [f"--{name.replace('_', '-')}", str(value)]
    return f"{what}: `{shlex.join(command)}` goes on from there"


def _new(options: argparse.Namespace, folder: Path) -> Trainer:
    from nnspec.training.trainer import Trainer

    spec = settings.load_spec(options)
    if (folder / "run.json").exists() and not options.overwrite:
        raise Fault("E714", f"{folder} holds a run already", help="--resume goes on with it, --overwrite begins anew")
    if not options.quiet:
        print_findings(spec.warnings, sys.stderr, count=False)
    return Trainer(spec, seed=options.seed, device=options.device, threads=options.threads, folder=options.data)


def _resumed(options: argparse.Namespace, folder: Path) -> Trainer:
    from nnspec.training.provenance import differences
    from nnspec.training.trainer import Trainer

    trainer = Trainer.resume(folder, device=options.device, threads=options.threads, folder=options.data)
    given = settings.load_spec(options, trainer.spec.settings)
    changed = differences(trainer.spec, given) or _changed_defaults(options, trainer.spec.settings, folder / "spec.nn")
    if options.seed not in (None, trainer.seed):
        changed.append("the seed")
    if changed:
        raise Fault(
            "E714",
            f"{options.spec} is not what {folder} was started with: {', '.join(changed)} changed",
            help=f"{folder / 'spec.nn'} holds the spec of the run; --epochs makes it longer",
        )
    return trainer


def _changed_defaults(options: argparse.Namespace, known: Mapping[str, Any], kept: Path) -> list[str]:
    """The parameters whose default the run took, and the file gives another now: the run would go on with the old one.

    One that `--set` named, when the run began or now, takes no default.
    """
    from nnspec.api import load
    from nnspec.diagnostics.errors import SpecError

    given = dict(options.set)
    try:
        now = settings.load_spec(argparse.Namespace(**{**vars(options), "set": []}), required=False).settings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            then = load(kept).settings
    except SpecError:
        return []  # only with the settings of the run is it a network
    names = [name for name in now if name in then and name not in given and known.get(name) == then[name]]
    return [f"the default of {name}" for name in names if now[name] != then[name]]
