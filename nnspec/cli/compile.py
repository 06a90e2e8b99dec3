"""`nnspec compile SPEC -o model.onnx`: a checked, verified ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.cli import settings
from nnspec.cli.interrupts import warnings_as_lines
from nnspec.cli.output import warn
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.compiler.export import CompiledModel
    from nnspec.ir.spec import Spec


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC", help="a .nn file")
    command.add_argument(
        "--weights", metavar="RUN|FILE", help="a run directory, or a safetensors file; initial values without it"
    )
    settings.declare_rename(command)
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="the ONNX file to write")
    command.add_argument("--opset", type=int, metavar="N", help="ONNX operator set, 17 to 26; 21 by default")
    command.add_argument("--outputs", metavar="NAME,…", help="only these outputs")
    command.add_argument("--precision", choices=("float32", "float16"), help="of weights and arithmetic")
    command.add_argument("--float16-ends", action="store_true", help="with float16: of inputs and outputs too")
    command.add_argument("--quantize", choices=(*QUANTIZE, "none"), help=INT8)
    command.add_argument("--max-drop", type=float, metavar="X", help=DROP)
    command.add_argument("--data", metavar="DIR", help="the folder that paths of data are relative to")
    command.add_argument("--layout", choices=("file", "triton"), default="file", help=LAYOUT)
    command.add_argument("--decode", action="store_true", help=DECODE)
    command.add_argument("--training-graph", action="store_true", help=TRAINING)
    command.add_argument(
        "--golden", metavar="FILE", help="where inputs and answers are recorded; MODEL.golden.npz beside the model"
    )
    command.add_argument("--no-golden", action="store_true", help="record nothing")
    settings.declare(command)
    command.set_defaults(run=run)


QUANTIZE = ("int8", "int8-static", "int8-dynamic")
INT8 = """weights in 8 bits: static, with activations measured on the training rows, where there are convolutions, else
dynamic"""
LAYOUT = """triton: --output is a model repository of Triton Inference Server, which gets a folder MODEL with
1/model.onnx, config.pbtxt and the names of the classes"""
TRAINING = "write a folder MODEL.training too: what any ONNX runtime needs to go on training"
DECODE = "a language model to be run token by token: keys and values of attention are inputs and outputs"
DROP = """write nothing where the first metric of a smaller form is worse by more than this (a loss: by more than this
part of it)"""


def run(options: argparse.Namespace) -> int:
    from nnspec.compiler.export import require_model_path

    weights = settings.weights(options)
    spec = settings.load_fitting(options)
    if options.layout == "triton":
        from nnspec.serving.triton import place_in

        repository = Path(options.output)
        options.output = str(place_in(repository, spec.name))
    require_model_path(spec, options.output)
    if options.golden and Path(options.golden).suffix.lower() != ".npz":  # before a spec or a model is written over
        raise Fault("E706", f"{options.golden} does not end with .npz", help="name a file such as model.golden.npz")
    if weights is None:
        warn(f"nnspec compile: without --weights, {spec.name} has its initial values")
    with warnings_as_lines():
        model, notes = compiled_steps(options, spec) if options.decode else compiled(options, spec)
    model.save(options.output)
    if not options.no_golden:
        record(options, spec, model)
    size, nodes = Path(options.output).stat().st_size, len(model.onnx.graph.node)
    print(f"{options.output}: {nodes} nodes, {size:,} bytes, opset {model.onnx.opset_import[0].version}, verified")
    for note in notes:
        print(note)
    if options.layout == "triton":
        print(describe(spec, model, repository))
    if options.training_graph:
        print(write_training(options, spec))
    return 0


def describe(spec: Spec, model: CompiledModel, repository: Path) -> str:
    """Write what Triton wants to know of the model; the line that says so."""
    from nnspec.serving.model import Model
    from nnspec.serving.settings import Limits
    from nnspec.serving.triton import write_layout

    served = Model(spec.name, model.onnx, Limits())
    files = ", ".join(path.name for path in write_layout(served, repository))
    how = f"batches of up to {served.limits.max_batch}" if served.batch else f"no batches: {served.alone}"
    return f"{repository / spec.name}: {files}; {how}"


def compiled_steps(options: argparse.Namespace, spec: Spec) -> tuple[CompiledModel, list[str]]:
    """The model that is run step by step, and a line on what it keeps. Raises E719 for options that are not its own."""
    from nnspec.compiler.decoder_export import compile_decoder
    from nnspec.graph.caches import is_cache
    from nnspec.graph.onnx_file import signature

    asked = {
        "--outputs": options.outputs,
        "--max-drop": options.max_drop is not None,
        "--float16-ends": options.float16_ends,
        "--training-graph": options.training_graph,
        "--layout": options.layout != "file",
    }
    if others := [name for name, given in asked.items() if given]:
        raise Fault("E719", f"--decode goes without {', '.join(others)}", help="compile twice, to two files")
    model = compile_decoder(
        spec,
        settings.weights(options),
        opset=options.opset,
        precision=options.precision,
        quantize=options.quantize,
    )
    types = signature(model.onnx)
    caches = [f"{name}: {type}" for name, type in types.items() if is_cache(name)]
    more = f" and {len(caches) - 1} more of that kind" if len(caches) > 1 else ""
    places = f"{model.steps.places:,} tokens at most" if model.steps.places else "any number of tokens"
    note = [f"takes    {model.steps.tokens}: {types[model.steps.tokens]}, past/steps: int64, {caches[0]}{more}"]
    return model, [*note, f"keeps    {places}, and gives {model.steps.scores}, present/…"]


def write_training(options: argparse.Namespace, spec: Spec) -> str:
    """Write the folder of training beside the model; the line that says so."""
    from nnspec.training.trainer import Trainer
    from nnspec.training.training_export import export_training

    trainer = Trainer(spec, folder=options.data)
    if options.weights is not None:
        trainer.load_parameters(settings.weights(options))
    folder = Path(options.output).with_suffix(".training")
    files = export_training(trainer, folder, opset=options.opset)["files"]
    return f"{folder}: {', '.join([*files['step'].values(), files['update'], files['predict'], files['state']])}"


def compiled(options: argparse.Namespace, spec: Spec) -> tuple[CompiledModel, list[str]]:
    """The model that the options ask for, and what to say about a smaller form. Raises E722 where it is worse than
    --max-drop allows."""
    from nnspec.compiler.export import compile_model
    from nnspec.compiler.narrow import form_of

    outputs = [name.strip() for name in options.outputs.split(",")] if options.outputs else None
    form = form_of(spec, options.precision, options.quantize, options.float16_ends)
    asked: dict[str, Any] = {
        "opset": options.opset,
        "outputs": outputs,
        "precision": form.precision,
        "quantize": form.quantize or "none",
        "float16_ends": form.float16_ends,
    }
    if form.is_plain:
        if options.max_drop is not None:
            raise Fault("E722", "--max-drop is for --precision float16 and --quantize int8")
        return compile_model(spec, settings.weights(options), **asked), []
    from nnspec.cli.smaller import smaller

    return smaller(options, spec, asked)


def record(options: argparse.Namespace, spec: Spec, model: CompiledModel) -> None:
    """Write inputs and answers: rows of the data section where they are there, else random ones."""
    from nnspec.compiler.deployed import Deployed
    from nnspec.compiler.golden import golden_path, random_rows, write_golden

    deployed = Deployed(model.onnx, beside=model.beside)
    if options.decode:
        from nnspec.compiler.decoder_export import recorded_step

        write_golden(deployed, recorded_step(model.onnx, model.beside), options.golden or golden_path(options.output))
        return
    rows = real_rows(spec, options.data) or random_rows(spec)
    given = {
        name: rows[name].astype("float16") if type.dtype == "float16" else rows[name]
        for name, type in deployed.inputs.items()
    }
    write_golden(deployed, given, options.golden or golden_path(options.output))


def real_rows(spec: Spec, folder: str | None) -> dict[str, Any] | None:
    """The first rows of the validation split, or of the training rows; None where they cannot be read."""
    import numpy as np

    from nnspec.compiler.golden import ROWS
    from nnspec.diagnostics.errors import NnspecError
    from nnspec.training.trainer import Trainer

    if spec.data is None or spec.train is None:
        return None
    try:
        dataset = Trainer(spec, folder=folder).rows("validation" if spec.data.validation else "train")
        return dataset.batch(np.arange(min(ROWS, dataset.rows)))
    except (NnspecError, Fault):
        return None
