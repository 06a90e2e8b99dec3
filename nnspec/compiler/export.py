"""The deployable model: a spec and its weights as one ONNX file that was verified before it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nnspec import __version__
from nnspec.compiler.initial import initial_values
from nnspec.compiler.training_graphs import forward_graph
from nnspec.compiler.verification import verify
from nnspec.compiler.weights import digest, read_weights, require_fit
from nnspec.data.arrays import dataset_from_arrays
from nnspec.data.slots import input_columns
from nnspec.diagnostics.errors import Fault
from nnspec.graph import onnx_file
from nnspec.graph.graph import numpy_dtype
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.runtime.edge import run_errors
from nnspec.runtime.session import Session, available_cores

Array = np.ndarray[Any, Any]
Classes = Mapping[str, Sequence[Any]]

OPSET = 21


class CompiledModel:
    """A verified inference model. `onnx` is the ModelProto."""

    def __init__(self, spec: Spec, model: Any) -> None:
        self.spec = spec
        self.onnx = model

    def save(self, path: str | Path) -> None:
        """Write the file: `path` holds what it held before, or all of the new model."""
        onnx_file.save(self.onnx, path)

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The outputs for a batch of inputs, both by the names of the spec. Raises a DataError for arrays that do not
        fit."""
        batch = dataset_from_arrays(self.spec, inputs, targets=False)
        with run_errors():
            return self._session.run(batch.arrays)

    @cached_property
    def _session(self) -> Session:
        return Session(onnx_file.to_bytes(self.onnx), threads=available_cores())


@run_errors()
def compile_model(
    spec: Spec,
    weights: str | Path | Mapping[str, Array] | None = None,
    *,
    opset: int | None = None,
    outputs: Sequence[str] | None = None,
    classes: Classes | None = None,
) -> CompiledModel:
    """The inference model of a spec, verified against its unoptimised form.

    `weights` is a run directory, a safetensors file or arrays by path; without it the parameters have their initial
    values. `opset` and `outputs` come from the export section where they are not given; `classes` names those of label
    targets, by default those of the run. The same arguments give the same bytes. Raises a RunError: E702 for weights
    that do not fit, E703 where the verification fails, E709 for an output that does not exist.
    """
    library = registries()
    given = read_weights(
        initial_values(spec, library, spec.train.seed if spec.train else 0) if weights is None else weights
    )
    arrays = _arrays(spec, given.arrays)
    named = _outputs(spec, outputs)
    graph = forward_graph(spec, library, named, opset=opset or (spec.export and spec.export.opset) or OPSET)
    model = onnx_file.to_model(graph, arrays, metadata(spec, arrays, classes or given.classes))
    verify(model, spec, library, named, arrays)
    return CompiledModel(spec, model)


def metadata(spec: Spec, weights: Mapping[str, Array], classes: Classes) -> dict[str, str]:
    """What the file says about itself: where it is from, and what its inputs and classes mean."""
    source = spec.files.get(spec.path, "")
    return {
        "nnspec.version": __version__,
        "nnspec.spec": source,
        "nnspec.spec_sha256": hashlib.sha256(source.encode()).hexdigest(),
        "nnspec.weights_sha256": digest(weights),
        "nnspec.classes": json.dumps({name: list(found) for name, found in classes.items()}),
        "nnspec.feeds": json.dumps({name: list(columns) for name, columns in input_columns(spec).items()}),
    }


def _arrays(spec: Spec, weights: Mapping[str, Array]) -> dict[str, Array]:
    require_fit(spec, weights)
    return {
        item.path: np.asarray(weights[item.path]).astype(numpy_dtype(item.dtype), copy=False)
        for item in spec.parameters
    }


def _outputs(spec: Spec, names: Sequence[str] | None) -> dict[str, str]:
    """Output name to value name, of the outputs asked for."""
    known = {item.name: item.value for item in spec.outputs}
    wanted = names or (spec.export and spec.export.outputs) or tuple(known)
    for name in wanted:
        if name not in known:
            raise Fault("E709", f"{spec.name} has no output {name!r}", help=f"its outputs are {', '.join(known)}")
    return {name: known[name] for name in wanted}
