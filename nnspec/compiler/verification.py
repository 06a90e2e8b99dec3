"""A compiled model held against the spec, before it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
OTHER_SIZES = (4, 16, 64, 256)
"""Tried for symbols that are no batch size, until every value of the model has a size."""

TOLERANCE = 1e-5
"""Of the largest expected number of an output, at any of the sizes: what rounding in another order may change. At one
size a single number may be all that is left of large ones.
"""


def verify(model: Any, spec: Spec, library: Library, outputs: Mapping[str, str], weights: Mapping[str, Array]) -> None:
    """Raise E703, naming the output, unless the model is valid ONNX, loads, and agrees with the spec's unoptimised
    forward graph."""
    try:
        onnx_file.check(model)
    except GraphError as error:
        raise Fault("E703", str(error)) from error
    session = Session(onnx_file.to_bytes(model))
    tried = []
    for sizes in _signatures(spec, library):
        feeds = _random_inputs(spec, sizes)
        tried.append((sizes, session.run(feeds), _reference(spec, library, outputs, sizes, {**weights, **feeds})))
    for name in outputs:
        scale = max(_largest(wanted[name]) for _, _, wanted in tried)
        for sizes, found, wanted in tried:
            _compare(spec.name, name, found[name], wanted[name], scale, sizes)


def _compare(model: str, name: str, found: Array, wanted: Array, scale: float, sizes: Sizes) -> None:
    where = ", ".join(f"{symbol} = {size}" for symbol, size in sizes.items())
    what = f"output {name} of the compiled {model}"
    if found.shape != wanted.shape:
        raise Fault("E703", f"{what} is {list(found.shape)} instead of {list(wanted.shape)} at {where}")
    if wanted.dtype.kind != "f":
        same = bool(np.array_equal(found, wanted))
    else:
        same = bool(np.allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE * scale, equal_nan=True))
    if not same:
        raise Fault(
            "E703",
            f"{what} differs from the model in training at {where}",
            help="nothing was written; this is a defect of nnspec or of onnxruntime: please report it with the spec",
        )


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


def _signatures(spec: Spec, library: Library) -> Iterator[dict[str, int]]:
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
        arguments = {option: types[name] for option, name in node.arguments.items()}
        try:
            component = codec.build(library, node.kind, node.component, node.options, arguments)
            component.infer(*(types[name] for name in node.inputs))
        except Fault:
            return False
    return True


def _random_inputs(spec: Spec, sizes: Sizes) -> dict[str, Array]:
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
