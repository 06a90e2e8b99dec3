"""`nnspec eval SPEC --weights RUN`: loss and metrics of trained weights over a split."""

from __future__ import annotations

import argparse
import json

from nnspec.cli import settings


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC", help="a .nn file")
    command.add_argument("--weights", required=True, metavar="RUN|FILE", help="a run directory, or a safetensors file")
    settings.declare_rename(command)
    command.add_argument(
        "--split", choices=("train", "validation", "test"), default="validation", help="validation by default"
    )
    command.add_argument(
        "--data", metavar="DIR", help="the folder that paths of data are relative to; by default that of the spec"
    )
    command.add_argument(
        "--seed", type=int, metavar="N", help="the seed that drew the split; that of the run by default"
    )
    command.add_argument("--format", choices=("text", "json"), default="text", help="json for programs")
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.compiler.weights import find_weights
    from nnspec.training.run_folder import RunFolder
    from nnspec.training.trainer import Trainer

    weights = find_weights(options.weights)
    facts = RunFolder(weights).read_facts() if weights.is_dir() else {}
    spec = settings.load_fitting(options, required=False)
    if spec.train and spec.train.init is not None:  # what training started from, which the weights replace
        spec = spec.model_copy(update={"train": spec.train.model_copy(update={"init": None})})
    seed = facts.get("seed") if options.seed is None else options.seed
    trainer = Trainer(spec, seed=seed, folder=options.data)
    trainer.load_parameters(settings.weights(options))
    found = trainer.evaluate(options.split)
    if options.format == "json":
        print(json.dumps({"version": 1, "split": options.split, **found}))
    else:
        width = max(map(len, found))
        print("\n".join(f"{options.split}.{name:<{width}}  {value:.6g}" for name, value in found.items()))
    return 0
