"""The deployable model: a spec and its weights as one ONNX file that was verified before it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.about import Classes, description, metadata, notes, warn_of_names
from nnspec.compiler.absorption import absorb_normalizations
from nnspec.compiler.batch import require_places
from nnspec.compiler.initial import initial_values
from nnspec.compiler.input_scaling import absorb_scaling
from nnspec.compiler.lowering import Library
from nnspec.compiler.narrow import Form, decided, form_of, narrowed
from nnspec.compiler.training_graphs import forward_graph
from nnspec.compiler.verification import random_inputs, require_same_behaviour, signatures, verify
from nnspec.compiler.weight_folding import fold_weights
from nnspec.compiler.weights import Lineage, Source, Weights, fitting_weights
from nnspec.data.arrays import ArrayReader, dataset_from_arrays
from nnspec.data.text_ids import tokenizers_of
from nnspec.diagnostics.errors import Fault
from nnspec.graph import onnx_file
from nnspec.graph.errors import GraphError, OpsetError
from nnspec.graph.graph import numpy_dtype
from nnspec.graph.model_parts import without_outputs
from nnspec.graph.rows import in_rows
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.runtime.edge import run_errors
from nnspec.runtime.session import Session, available_cores

Array = np.ndarray[Any, Any]

OPSET = 21
PLAIN = Form()
WATCHED = "value/"
"""Begins the names of outputs that are for measuring, and not in the file."""


class CompiledModel:
    """A verified inference model. `onnx` is the ModelProto, `form` says in which numbers."""

    def __init__(
        self,
        spec: Spec,
        model: Any,
        classes: Classes | None = None,
        form: Form = PLAIN,
        beside: Mapping[str, Array] | None = None,
    ) -> None:
        self.spec = spec
        self.form = form
        self.beside = beside or {}
        """The tensors of a model of more than 1.5 GB, by name, which `onnx` refers to."""
        self.measurable = model
        """The model with the values that were asked for as further outputs, `value/…`."""
        self.onnx = without_outputs(model, WATCHED)
        self._classes = {name: tuple(found) for name, found in (classes or {}).items()}

    @run_errors()
    def save(self, path: str | Path) -> None:
        """Write the file: `path` holds what it held before, or all of the new model.

        Raises E706 for a path that cannot be that of a model, E707 where the system refuses.
        """
        require_model_path(self.spec, path)
        try:
            onnx_file.save(self.onnx, path, self.beside)
        except OSError as error:
            raise Fault("E707", f"{path} cannot be written: {error.strerror or error}") from error

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The outputs for a batch of inputs, both by the names of the spec. Raises a DataError for arrays that do not
        fit."""
        arrays = self._reader.read(inputs, self._classes).arrays
        with run_errors():
            if self._limited:
                require_places(self.spec, {name: array.shape for name, array in arrays.items()})
            return self._session.run({**arrays, **{name: arrays[name].astype(np.float16) for name in self._half}})

    # What does not depend on the batch, found once: a small network takes 9 us, and this took 25 of the 50 for a row.

    @cached_property
    def _reader(self) -> ArrayReader:
        return ArrayReader(self.spec, targets=False)

    @cached_property
    def _limited(self) -> bool:
        return any(node.component == "learned_position" for node in self.spec.nodes)

    @cached_property
    def _half(self) -> tuple[str, ...]:
        """The inputs that the file takes in float16."""
        types = onnx_file.signature(self.onnx)
        return tuple(name for name, type in types.items() if type.dtype == "float16")

    @cached_property
    def _session(self) -> Session:
        return Session(onnx_file.to_bytes(self.onnx), threads=available_cores(), beside=self.beside)


@run_errors()
def compile_model(
    spec: Spec,
    weights: Source | None = None,
    *,
    opset: int | None = None,
    outputs: str | Sequence[str] | None = None,
    classes: Classes | None = None,
    lineage: Lineage | None = None,
    precision: str | None = None,
    quantize: str | None = None,
    float16_ends: bool = False,
    calibration: Mapping[str, Any] | None = None,
    watched: Sequence[str] = (),
) -> CompiledModel:
    """The inference model of a spec, verified against its unoptimised form.

    `weights` is a run directory, a safetensors file, arrays by path or a Trainer; without it the parameters have their
    initial values. `opset` and `outputs` (a name, or several) come from the export section where they are not given;
    `classes` names those of label targets, and `lineage` what made the weights, by default as the run says. The same
    arguments give the same bytes. Raises a RunError: E702 for weights that do not fit, E703 where the verification
    fails, E709 for an output that does not exist, E710 for an opset that the model cannot be written in.

    `precision` is float32 or float16, with `float16_ends` for inputs and outputs too; `quantize` is int8, int8-static,
    which measures activations on `calibration`, inputs by name, int8-dynamic or none. Both come from the export section
    where they are not given. E721 and E722 say where that is not possible. Values of the spec that are `watched` are
    outputs of `measurable`.
    """
    library = registries()
    form = form_of(spec, precision, quantize, float16_ends)
    given, arrays = deployed_weights(spec, weights)
    named = _outputs(spec, outputs)
    known = classes or given.classes
    warn_of_names(spec, known)
    extra = {f"{WATCHED}{name}": name for name in watched}
    about = metadata(spec, arrays, known, lineage or given.lineage)
    build = _Build(spec, library, known_opset(spec, opset), arrays)
    model, beside = build.model(named, about)
    verify(model, spec, library, named, arrays, beside)
    if form.is_plain:
        return CompiledModel(spec, model, known, beside=beside)
    form = decided(form, [node.op_type for node in model.graph.node])
    rows = None if calibration is None else dataset_from_arrays(spec, calibration, targets=False).arrays
    about |= {"nnspec.quantize": form.quantize} if form.quantize else {"nnspec.precision": form.precision}
    smaller, held = build.model({**named, **extra}, about, form, rows)
    name = f"{spec.name} in {form.quantize or form.precision}"
    require_same_behaviour(smaller, held, model, beside, spec, library, name)
    return CompiledModel(spec, smaller, known, form, held)


def deployed_weights(spec: Spec, source: Source | None) -> tuple[Weights, dict[str, Array]]:
    """Weights from a source, or the initial ones, with what is known of them; and as arrays in the dtypes of the spec.
    Raises E702, E707."""
    start = initial_values(spec, registries(), spec.train.seed if spec.train else 0) if source is None else source
    given = fitting_weights(spec, start)
    beside = tokenizers_of(spec, Path(spec.path).parent)
    given = given._replace(classes={**beside, **given.classes})
    arrays = {
        item.path: np.asarray(given.arrays[item.path]).astype(numpy_dtype(item.dtype), copy=False)
        for item in spec.parameters
    }
    return given, arrays


def require_model_path(spec: Spec, path: str | Path) -> None:
    """Raise E706 unless a model can be written to `path` without harm: it ends with .onnx, lies in a folder that
    exists, and is neither a folder nor a file of the spec."""
    target = Path(path)
    if any(_same_file(target, Path(source)) for source in spec.files):
        raise Fault("E706", f"{target} is a file of the spec", help="name another file, such as model.onnx")
    if target.is_dir():
        raise Fault("E706", f"{target} is a folder", help=f"name a file in it: {target / 'model.onnx'}")
    if target.suffix.lower() != ".onnx":
        raise Fault(
            "E706",
            f"{target} does not end with .onnx",
            help=f"write {target.with_suffix('.onnx') if target.name else 'model.onnx'}",
        )
    if not target.parent.is_dir():
        raise Fault("E706", f"there is no folder {target.parent}", help="make it first")


def known_opset(spec: Spec, given: int | None) -> int:
    """The opset asked for, or else the spec's. Raises E710."""
    opset = given if given is not None else (spec.export and spec.export.opset) or OPSET
    known = onnx_file.IR_VERSIONS
    if opset not in known:
        raise Fault("E710", f"there is no model file of opset {opset}", help=f"use one of {min(known)} to {max(known)}")
    return opset


class _Build(NamedTuple):
    """Makes model files of a spec with its weights."""

    spec: Spec
    library: Library
    opset: int
    arrays: Mapping[str, Array]

    def model(
        self,
        outputs: Mapping[str, str],
        about: Mapping[str, str],
        form: Form = PLAIN,
        rows: Mapping[str, Array] | None = None,
    ) -> tuple[Any, dict[str, Array]]:
        """The ModelProto in a form, and the tensors beside it. Raises E710 for an opset that lacks something."""
        spec, library = self.spec, self.library
        try:
            graph = forward_graph(spec, library, outputs, opset=self.opset, deployed=True)
            graph, arrays = absorb_normalizations(graph, self.arrays)
            if form.precision != "float16":  # whose weights, times 1 / 255, would lose their last bits
                graph, arrays = absorb_scaling(graph, arrays)
            graph, arrays = fold_weights(in_rows(graph), arrays)
            if not form.is_plain:
                sizes = list(signatures(spec, library))[-1]
                graph, arrays = narrowed(graph, arrays, form, rows, random_inputs(spec, sizes))
            beside: dict[str, Array] = {}
            return onnx_file.to_model(graph, arrays, about, description(spec), notes(spec), beside), beside
        except OpsetError as error:
            raise Fault("E710", f"{spec.name} cannot be written in opset {self.opset}: {error}") from error
        except GraphError as error:
            raise Fault(
                "E703", f"{spec.path}: {error}", help="this is a defect of nnspec: please report it with the spec"
            ) from error


def _same_file(a: Path, b: Path) -> bool:
    """Whether two paths lead to one file that exists."""
    return a.exists() and b.exists() and a.samefile(b)


def _outputs(spec: Spec, names: str | Sequence[str] | None) -> dict[str, str]:
    """Output name to value name, of the outputs asked for."""
    known = {item.name: item.value for item in spec.outputs}
    names = (names,) if isinstance(names, str) else names
    wanted = names or (spec.export and spec.export.outputs) or tuple(known)
    for name in wanted:
        if name not in known:
            raise Fault("E709", f"{spec.name} has no output {name!r}", help=f"its outputs are {', '.join(known)}")
    return {name: known[name] for name in wanted}
