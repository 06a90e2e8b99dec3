"""What a model file says about itself: the spec that it is from, its weights, its run, and what its inputs mean."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnspec import __version__
from nnspec.compiler.weights import Lineage, digest
from nnspec.data.slots import (
    embedded_ids,
    image_options,
    input_columns,
    pixel_inputs,
    text_inputs,
    tokenized,
    tokenizer_path,
    without_tokenizer,
)
from nnspec.diagnostics.errors import RunWarning
from nnspec.diagnostics.span import Span
from nnspec.ir.files import PREFIX
from nnspec.ir.spec import Spec

Array = np.ndarray[Any, Any]
Classes = Mapping[str, Sequence[Any]]


def metadata(spec: Spec, weights: Mapping[str, Array], classes: Classes, lineage: Lineage) -> dict[str, str]:
    """The metadata of a model file. `lineage` is what a run says about its weights."""
    source = spec.files.get(spec.path, "")
    images, files = image_options(spec), own_files(spec)
    lists, tokenizer = without_tokenizer(spec, classes)
    found = {
        "nnspec.version": __version__,
        "nnspec.spec": source,
        "nnspec.spec_sha256": hashlib.sha256(source.encode()).hexdigest(),
        "nnspec.weights_sha256": digest(weights),
        "nnspec.settings": json.dumps(spec.settings),
        "nnspec.classes": json.dumps({name: list(found) for name, found in lists.items()}),
        "nnspec.ids": json.dumps(embedded_ids(spec)),
        "nnspec.feeds": json.dumps({name: list(columns) for name, columns in input_columns(spec).items()}),
    }
    if len(files) > 1:
        found["nnspec.files"] = json.dumps(files)
    if images:
        found["nnspec.images"] = json.dumps(images)
    if spec.data:
        found["nnspec.pixels"] = json.dumps(pixel_inputs(spec))
    if text := text_inputs(spec):
        found["nnspec.text"] = json.dumps(text)
    if tokenizer:
        found["nnspec.tokenizer"] = json.dumps(
            {
                "file": tokenizer_path(spec),
                "sha256": hashlib.sha256(tokenizer.encode()).hexdigest(),
                "inputs": [name for name in tokenized(spec) if name in text_inputs(spec)],
                "marks": not spec.data or not spec.data.train.source or spec.data.train.source.component != "text",
            }
        )
        found["nnspec.tokenizer.json"] = tokenizer
    if lineage:
        found["nnspec.lineage"] = json.dumps({name: said for name, said in lineage.items() if name != "metrics"})
    if "metrics" in lineage:
        found["nnspec.metrics"] = json.dumps(lineage["metrics"])
    return found


def own_files(spec: Spec) -> dict[str, str]:
    """The texts of the spec and of what it uses, by their places relative to each other, the spec first; those of the
    standard library come with nnspec."""
    places = _places(spec)
    return {places[path]: text for path, text in spec.files.items() if path in places}


def notes(spec: Spec) -> dict[str, str]:
    """The documentation of a model's nodes, inputs and outputs, by path or name: the line of the spec that asks for it,
    and what feeds an input."""
    places = _places(spec)
    found = {node.path: _line(spec, places, node.span) for node in spec.nodes}
    columns = input_columns(spec)
    for item in spec.inputs:
        fed = f"; fed by {', '.join(columns[item.name])}" if item.name in columns else ""
        found[item.name] = _line(spec, places, item.span) + fed
    return found | {item.name: _line(spec, places, item.span) for item in spec.outputs}


def description(spec: Spec) -> str:
    """The documentation of the graph: the model with its settings, and where it is from."""
    chosen = ", ".join(f"{name} = {value}" for name, value in spec.settings.items())
    return f"{spec.name}({chosen}) of {_places(spec).get(spec.path, spec.path)}, compiled by nnspec {__version__}"


def _line(spec: Spec, places: Mapping[str, str], span: Span) -> str:
    """`iris.nn:7: dense(hidden) -> relu`."""
    lines = spec.files.get(span.file, "").splitlines()
    said = lines[span.line - 1].partition("#")[0].strip() if 0 < span.line <= len(lines) else ""
    return f"{places.get(span.file, span.file)}:{span.line}: {said}"


def _places(spec: Spec) -> dict[str, str]:
    """Where the files of a spec lie relative to the folder that they share: the same wherever it was called from."""
    own = [path for path in spec.files if not path.startswith(PREFIX)]
    if not own:
        return {}
    folder = os.path.commonpath([os.path.abspath(Path(path).parent) for path in own])  # noqa: PTH100 - links stay
    return {path: Path(os.path.relpath(path, folder)).as_posix() for path in own}


def warn_of_names(spec: Spec, classes: Classes) -> None:
    """A RunWarning for an inverted lookup that lists the classes of a target in another order than its numbers have."""
    for node in spec.nodes:
        if node.component != "lookup" or not node.options.get("invert"):
            continue
        entries = [str(entry) for entry in node.options["entries"]]
        for target, found in classes.items():
            known = [str(name) for name in found]
            if entries != known and sorted(entries) == sorted(known):
                number = next(i for i, name in enumerate(known) if entries[i] != name)
                said = f"{node.path}: entry {number} is {entries[number]!r}, and class {number} of {target} is "
                said += f"{known[number]!r}: where it names these classes, it names wrong ones"
                warnings.warn(RunWarning(said), stacklevel=2)
