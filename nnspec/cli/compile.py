"""`nnspec compile SPEC -o model.onnx`: a checked, verified ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path

from nnspec.cli import settings
from nnspec.cli.output import warn


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC")
    command.add_argument(
        "--weights", metavar="RUN|FILE", help="a run directory, or a safetensors file; initial values without it"
    )
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="the ONNX file to write")
    command.add_argument("--opset", type=int, metavar="N", help="ONNX operator set, 17 to 26; 21 by default")
    command.add_argument("--outputs", metavar="NAME,…", help="only these outputs")
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
    print(f"{options.output}: {nodes} nodes, {size:,} bytes, opset {model.onnx.opset_import[0].version}, verified")
    return 0
