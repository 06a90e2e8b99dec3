"""`nnspec run model.onnx --input name=FILE`: outputs from arrays, tables or JSON."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nnspec.cli import settings
from nnspec.cli.train import positive
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.compiler.deployed import Deployed


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC|MODEL.onnx")
    command.add_argument("--weights", metavar="RUN|FILE", help="with a spec: a run directory, or a safetensors file")
    command.add_argument(
        "--input", action="append", default=[], metavar="NAME=FILE", help="csv, npy, npz or json; - is standard input"
    )
    command.add_argument("--output", metavar="FILE", help="csv, npz or json; CSV on standard output without it")
    command.add_argument("--format", choices=("csv", "json", "npz"), help="instead of what the ending of --output says")
    command.add_argument("--head", type=positive, metavar="N", help="only the first N rows")
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.data.io import read_inputs, write_outputs

    model = _model(options)
    inputs = read_inputs(options.input, model.inputs, model.columns)
    outputs = model.run({name: array[: options.head] for name, array in inputs.items()})
    write_outputs(outputs, options.output, model.class_names(outputs), options.format)
    return 0


def _model(options: argparse.Namespace) -> Deployed:
    from nnspec.compiler.deployed import Deployed

    if not options.spec.endswith(".nn"):
        if options.weights or options.set:
            raise Fault(
                "E610", f"{options.spec} holds its weights and settings", help="--weights and --set go with a spec"
            )
        return Deployed.load(options.spec)
    from nnspec.compiler.export import compile_model
    from nnspec.compiler.weights import read_settings

    if options.weights is None:
        raise Fault(
            "E610", f"{options.spec} is a spec, which has no weights", help="--weights RUN names those of a run"
        )
    spec = settings.load_spec(options, read_settings(options.weights), required=False)
    return Deployed(compile_model(spec, options.weights).onnx)
