"""A compiled model held against the spec, before it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.lowering import Library, Sizes, lower_model, sized
from nnspec.diagnostics.errors import Fault
from nnspec.graph import onnx_file
from nnspec.graph.graph import Graph, GraphError, numpy_dtype
from nnspec.ir import codec
from nnspec.ir.dims import symbols
from nnspec.ir.spec import Spec
from nnspec.ir.types import FLOATS, TensorType
from nnspec.runtime.session import Session

Array = np.ndarray[Any, Any]

BATCHES = (1, 2, 7)
OTHER_SIZES = (4, 16, 64, 256, 3, 2, 1)
"""Tried for symbols that are no batch size, until every value of the model has a size. Few places take small ones."""

TOLERANCE = 1e-5
"""Of the largest expected number of an output, at any of the sizes: what rounding in another order may change. At one
size a single number may be all that is left of large ones.
"""
ROUNDINGS = 16
"""What one rounding of every weight and input changes, times this, may differ too: a network may make large numbers of
small ones. For ResNet-18 and MobileNetV2 with random statistics rounding in another order changed 0.2 to 4 times that.
"""
MOST = 0.01
"""Of the largest expected number: more is never rounding."""

DEFECT = "nothing was written; this is a defect of nnspec or of onnxruntime: please report it with the spec"


def verify(
    model: Any,
    spec: Spec,
    library: Library,
    outputs: Mapping[str, str],
    weights: Mapping[str, Array],
    beside: Mapping[str, Array] | None = None,
) -> None:
    """Raise E703, naming the output, unless the model is valid ONNX, loads, and agrees with the spec's unoptimised
    forward graph."""
    try:
        onnx_file.check(model)
    except GraphError as error:
        raise Fault("E703", str(error)) from error
    session = Session(onnx_file.to_bytes(model), beside=beside)
    tried = []
    for sizes in signatures(spec, library):
        feeds = {**weights, **random_inputs(spec, sizes)}
        found = session.run({name: feeds[name] for name in session.inputs})
        tried.append(_Trial(sizes, feeds, found, _reference(spec, library, outputs, sizes, feeds)))
    for name in outputs:
        scale = max(_largest(trial.wanted[name]) for trial in tried)
        apart = [trial for trial in tried if not _agree(trial.found[name], trial.wanted[name], TOLERANCE * scale)]
        if apart:
            rounding = max(_rounding(spec, library, {name: outputs[name]}, trial) for trial in tried)
            _require_close(spec.name, name, apart, min(ROUNDINGS * rounding, MOST * scale))


def require_same_behaviour(
    model: Any,
    beside: Mapping[str, Array],
    wanted: Any,
    wanted_beside: Mapping[str, Array],
    spec: Spec,
    library: Library,
    what: str,
) -> None:
    """Raise E703 unless a smaller form of a verified model is valid ONNX, loads, and gives outputs of the same shapes;
    E722 where numbers are lost that the other has."""
    try:
        onnx_file.check(model)
    except GraphError as error:
        raise Fault("E703", f"{what}: {error}", help=DEFECT) from error
    small = Session(onnx_file.to_bytes(model), beside=beside)
    large = Session(onnx_file.to_bytes(wanted), beside=wanted_beside)
    types = onnx_file.signature(model)
    for sizes in signatures(spec, library):
        feeds = random_inputs(spec, sizes)
        given = {name: feeds[name].astype(numpy_dtype(types[name].dtype)) for name in small.inputs if name in types}
        found = small.run(given, large.outputs)
        for name, array in large.run({name: feeds[name] for name in large.inputs}).items():
            if found[name].shape != array.shape:
                raise Fault("E703", f"{what}: output {name} is {list(found[name].shape)}", help=DEFECT)
            if array.dtype.kind == "f" and not np.array_equal(np.isfinite(array), np.isfinite(found[name])):
                raise Fault("E722", f"{what}: output {name} is no finite number where that of float32 is")


class _Trial(NamedTuple):
    """A run of the compiled model and of the reference, at some sizes."""

    sizes: Sizes
    feeds: Mapping[str, Array]
    found: Mapping[str, Array]
    wanted: Mapping[str, Array]


def _require_close(model: str, name: str, apart: list[_Trial], most: float) -> None:
    for trial in apart:
        found, wanted = trial.found[name], trial.wanted[name]
        where = ", ".join(f"{symbol} = {size}" for symbol, size in trial.sizes.items())
        what = f"output {name} of the compiled {model}"
        if found.shape != wanted.shape:
            raise Fault("E703", f"{what} is {list(found.shape)} instead of {list(wanted.shape)} at {where}")
        if _gap(found, wanted) > most:
            raise Fault("E703", f"{what} differs from the model in training at {where}", help=DEFECT)


def _agree(found: Array, wanted: Array, least: float) -> bool:
    if found.shape != wanted.shape or wanted.dtype.kind != "f":
        return bool(np.array_equal(found, wanted))
    return bool(np.allclose(found, wanted, rtol=TOLERANCE, atol=least, equal_nan=True))


def _gap(found: Array, wanted: Array) -> float:
    """The largest difference; infinite where one side alone is no finite number, and between others than floats."""
    whole = np.isfinite(wanted) if wanted.dtype.kind == "f" else np.zeros(wanted.shape, bool)
    if not np.array_equal(found[~whole], wanted[~whole], equal_nan=wanted.dtype.kind == "f"):
        return float("inf")
    return float(np.max(np.abs(found[whole] - wanted[whole]), initial=0))


def _rounding(spec: Spec, library: Library, outputs: Mapping[str, str], trial: _Trial) -> float:
    """What becomes of an output when each number of the weights and inputs moves to one of its neighbours: the larger
    change of two tries."""
    random, changes = np.random.Generator(np.random.Philox(key=1)), []
    for _ in range(2):
        moved = {name: _moved(array, random) for name, array in trial.feeds.items()}
        other = _reference(spec, library, outputs, trial.sizes, moved)
        changes += [_gap(other[name], trial.wanted[name]) for name in outputs]
    return max((change for change in changes if np.isfinite(change)), default=0.0)


def _moved(array: Array, random: np.random.Generator) -> Array:
    """An array of floats in which each number is a neighbour of what it was; another one as it is."""
    if array.dtype.kind != "f":
        return array
    signs = random.choice(np.array([-1, 1], array.dtype), array.shape)
    return np.asarray(array * (1 + np.finfo(array.dtype).eps * signs), array.dtype)


def _largest(array: Array) -> float:
    """The size of the largest finite number; 0 for what is no float."""
    return float(np.max(np.abs(array[np.isfinite(array)]), initial=0)) if array.dtype.kind == "f" else 0.0


def _reference(
    spec: Spec, library: Library, outputs: Mapping[str, str], sizes: Sizes, feeds: Mapping[str, Array]
) -> dict[str, Array]:
    """What the forward graph gives as the layers lower it: numbers for all sizes, no pass, parameters as inputs."""
    g = Graph(f"{spec.name}_reference")
    values = lower_model(spec, library, g, sizes)
    for name, value in outputs.items():
        g.output(name, values[value])
    session = Session(onnx_file.to_bytes(onnx_file.to_model(g)))
    return session.run({name: feeds[name] for name in session.inputs})


def signatures(spec: Spec, library: Library) -> Iterator[dict[str, int]]:
    """Numbers for the symbols: batches of 1, 2 and 7 rows."""
    dims = [dim for item in spec.inputs for dim in item.shape]
    names = sorted({name for dim in dims for name in symbols(dim)})
    batch = {name for item in spec.inputs for dim in item.shape[:1] for name in symbols(dim)}
    for rows in BATCHES if batch else (1,):
        tried = [{name: rows if name in batch else other for name in names} for other in OTHER_SIZES]
        yield next((sizes for sizes in tried if _possible(spec, library, sizes)), tried[0])


def _possible(spec: Spec, library: Library, sizes: Sizes) -> bool:
    """Whether every value has a size, and every layer takes its inputs: a mirrored border can be too wide for some."""
    types = {item.name: sized(item.type, sizes) for item in (*spec.inputs, *spec.values)}
    if not all(isinstance(dim, int) and dim > 0 for type in types.values() for dim in type.shape):
        return False
    for node in spec.nodes:
        arguments = {
            option: types[names] if isinstance(names, str) else tuple(types[name] for name in names)
            for option, names in node.arguments.items()
        }
        try:
            component = codec.build(library, node.kind, node.component, node.options, arguments)
            component.infer(*(types[name] for name in node.inputs))
        except Fault:
            return False
    return True


def random_inputs(spec: Spec, sizes: Sizes) -> dict[str, Array]:
    """The same numbers for the same sizes, as the types and the embeddings of a model want them."""
    random = np.random.Generator(np.random.Philox(key=sum(sizes.values())))
    ids = min((int(node.options["count"]) for node in spec.nodes if node.component == "embedding"), default=256)
    return {item.name: _random(random, sized(item.type, sizes), ids) for item in spec.inputs}


def _random(random: np.random.Generator, type: TensorType, ids: int) -> Array:
    """Numbers that any model takes: whole ones are 1 or 2 where they may be lengths, and below `ids`, the size of the
    smallest embedding."""
    shape = tuple(int(str(dim)) for dim in type.shape)
    if type.dtype in FLOATS:
        return random.normal(size=shape).astype(numpy_dtype(type.dtype))
    if type.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if type.dtype == "string":
        return random.choice(np.array(["a", "b"], dtype=object), shape)
    low, high = (0, 256) if type.dtype == "uint8" else (1, 3)
    return np.minimum(random.integers(low, high, shape), ids - 1).astype(type.dtype)
