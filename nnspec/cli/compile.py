"""`nnspec compile SPEC -o model.onnx`: a checked, verified ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.cli import settings
from nnspec.cli.output import warn
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.compiler.export import CompiledModel
    from nnspec.ir.spec import Spec


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC")
    command.add_argument(
        "--weights", metavar="RUN|FILE", help="a run directory, or a safetensors file; initial values without it"
    )
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="the ONNX file to write")
    command.add_argument("--opset", type=int, metavar="N", help="ONNX operator set, 17 to 26; 21 by default")
    command.add_argument("--outputs", metavar="NAME,…", help="only these outputs")
    command.add_argument(
        "--golden", metavar="FILE", help="where inputs and answers are recorded; MODEL.golden.npz beside the model"
    )
    command.add_argument("--no-golden", action="store_true", help="record nothing")
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.compiler.export import compile_model, require_model_path
    from nnspec.compiler.weights import read_settings

    spec = settings.load_spec(options, read_settings(options.weights))
    require_model_path(spec, options.output)
    if options.weights is None:
        warn(f"nnspec compile: without --weights, {spec.name} has its initial values")
    outputs = [name.strip() for name in options.outputs.split(",")] if options.outputs else None
    model = compile_model(spec, options.weights, opset=options.opset, outputs=outputs)
    model.save(options.output)
    size = Path(options.output).stat().st_size
    nodes = len(model.onnx.graph.node)
    if not options.no_golden:
        record(options, spec, model)
    print(f"{options.output}: {nodes} nodes, {size:,} bytes, opset {model.onnx.opset_import[0].version}, verified")
    return 0


def record(options: argparse.Namespace, spec: Spec, model: CompiledModel) -> None:
    """Write inputs and answers: rows of the data section where they are there, else random ones."""
    from nnspec.compiler.deployed import Deployed
    from nnspec.compiler.golden import golden_path, random_rows, write_golden

    deployed = Deployed(model.onnx)
    rows = real_rows(spec, options.weights) or random_rows(spec)
    write_golden(
        deployed, {name: rows[name] for name in deployed.inputs}, options.golden or golden_path(options.output)
    )


def real_rows(spec: Spec, weights: str | None) -> dict[str, Any] | None:
    """The first rows of the validation split, or of the training rows; None where they cannot be read."""
    import numpy as np

    from nnspec.compiler.golden import ROWS
    from nnspec.diagnostics.errors import NnspecError
    from nnspec.training.trainer import Trainer

    if spec.data is None or spec.train is None:
        return None
    try:
        trainer = Trainer(spec)
        dataset = trainer.rows("validation" if spec.data.validation else "train")
        return dataset.batch(np.arange(min(ROWS, dataset.rows)))
    except (NnspecError, Fault):
        return None
