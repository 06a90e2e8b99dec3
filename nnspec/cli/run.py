"""`nnspec run model.onnx --input name=FILE`: outputs from arrays, tables, JSON or images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.cli import settings
from nnspec.cli.interrupts import warnings_as_lines
from nnspec.cli.train import positive
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.compiler.deployed import Deployed


INPUT = """csv, tsv, json, npy, npz, IDX, an image or a folder of images; - is standard input, which takes csv, json,
npy and npz. A table with a header gives the columns that fed the input in training; one whose first line is all numbers
has no header, and gives all its columns in their order. Images are resized as in training"""
FIT = "instead of as in training: bring images to the size of the input"


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC|MODEL.onnx", help="a .nn file, or a model file")
    command.add_argument("--weights", metavar="RUN|FILE", help="with a spec: a run directory, or a safetensors file")
    settings.declare_rename(command)
    command.add_argument("--input", action="append", default=[], metavar="NAME=FILE", help=INPUT)
    command.add_argument("--fit", choices=("stretch", "crop", "pad"), help=FIT)
    command.add_argument("-o", "--output", metavar="FILE", help="csv, npz or json; CSV on standard output without it")
    command.add_argument("--format", choices=("csv", "json", "npz"), help="instead of what the ending of --output says")
    command.add_argument("--head", type=positive, metavar="N", help="only the first N rows")
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.data.io import Meaning, read_inputs, write_outputs

    model = _model(options)
    meaning = Meaning(model.columns, model.ids, model.images, model.texts)
    with warnings_as_lines():
        rows, files = read_inputs(options.input, model.inputs, meaning, fit=options.fit)
    outputs = model.over(rows.head(options.head))
    files = files[: options.head] if files else None
    write_outputs(outputs, options.output, model.class_names(outputs), options.format, files=files)
    return 0


def _model(options: argparse.Namespace) -> Deployed:
    from nnspec.compiler.deployed import Deployed

    if Path(options.spec).is_dir():
        raise _folder(Path(options.spec))
    if not options.spec.endswith(".nn"):
        if options.weights or options.rename or options.set:
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
    return Deployed(compile_model(spec, settings.weights(options), precision="float32", quantize="none").onnx)


def _folder(path: Path) -> Fault:
    """E707 for a folder in the place of a model."""
    model = path / "model.onnx"
    if model.is_file():
        return Fault("E707", f"{path} is a run directory", help=f"its model is {model}")
    if (path / "run.json").is_file():
        help = f"its training has not ended yet; give its spec, with --weights {path}"
        return Fault("E707", f"{path} is a run directory that has no model", help=help)
    return Fault("E707", f"{path} is a folder, a spec or a model file is needed")
