"""Models in float16 and int8 from the command line: compiled, measured against float32, and refused if they lose too
much."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.cli import settings
from nnspec.compiler.export import CompiledModel, compile_model
from nnspec.data.rows import Dataset
from nnspec.diagnostics.errors import Fault, NnspecError
from nnspec.graph import onnx_file
from nnspec.graph.external_data import size_of
from nnspec.ir.spec import Spec
from nnspec.training.measured import drop, measure, watched_values
from nnspec.training.trainer import Trainer

CALIBRATION = 512
"""Training rows that activations are measured on."""


def smaller(options: argparse.Namespace, spec: Spec, asked: Mapping[str, Any]) -> tuple[CompiledModel, list[str]]:
    """The model, and a line on what it costs: the metric before and after, and the bytes of the weights. Without data
    that can be read there is no metric. Raises E722 where it drops by more than --max-drop, or cannot be measured."""
    trainer = _trainer(options, spec)
    rows = _rows(trainer, "train") if asked["quantize"] in ("int8", "int8-static") else None
    model = compile_model(
        spec,
        settings.weights(options),
        **asked,
        calibration=None if rows is None else _inputs(spec, rows),
        watched=watched_values(spec) if spec.train else (),
    )
    plain = compile_model(spec, settings.weights(options), **{**asked, **PLAIN})
    lines = [f"weights  {_weights(plain):,} bytes in float32, {_weights(model):,} in {_form(model)}"]
    split = "validation" if spec.data and spec.data.validation else "train"
    dataset = _rows(trainer, split)
    if trainer is None or dataset is None:
        if options.max_drop is not None:
            raise Fault(
                "E722", f"{spec.name} cannot be measured: its data is not there", help="--data names its folder"
            )
        return model, [*lines, "metric   not measured: the data of the spec is not there"]
    before, after = trainer.evaluate(dataset), measure(model, dataset)
    found = drop(spec, before, after)
    if options.max_drop is not None and not found.worse <= options.max_drop:
        raise Fault(
            "E722",
            f"{split}.{found.name} is {found.before:.6g} in float32 and {found.after:.6g} in {_form(model)}, "
            f"worse by more than {options.max_drop:g}; nothing was written",
        )
    said = {"form": _form(model), "split": split, "rows": dataset.rows, "before": before, "after": after}
    for proto in (model.onnx, model.measurable):
        onnx_file.add_metadata(proto, {"nnspec.smaller": json.dumps(said)})
    metric = f"{split}.{found.name} {found.before:.6g} in float32, {found.after:.6g} in {_form(model)}"
    return model, [*lines, f"metric   {metric}, over {dataset.rows:,} rows"]


PLAIN = {"precision": "float32", "quantize": "none", "float16_ends": False}


def _trainer(options: argparse.Namespace, spec: Spec) -> Trainer | None:
    if spec.data is None or spec.train is None:
        return None
    trainer = Trainer(spec, folder=options.data)
    if options.weights is not None:
        trainer.load_parameters(settings.weights(options))
    return trainer


def _rows(trainer: Trainer | None, split: str) -> Dataset | None:
    """A split of the spec; None where its files are not there."""
    try:
        return None if trainer is None else trainer.rows(split)
    except (NnspecError, Fault):
        return None


def _inputs(spec: Spec, dataset: Dataset) -> dict[str, Any]:
    """Inputs of rows that lie evenly in a dataset."""
    count = min(CALIBRATION, dataset.rows)
    batch = dataset.batch(np.arange(count) * dataset.rows // count)
    return {item.name: batch[item.name] for item in spec.inputs}


def _form(model: CompiledModel) -> str:
    return model.form.quantize or model.form.precision


def _weights(model: CompiledModel) -> int:
    return sum(map(size_of, model.onnx.graph.initializer))
