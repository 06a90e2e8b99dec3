"""The IR as a forward graph: every node of a spec, lowered by its layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import Graph, GraphError, Value
from nnspec.ir import codec
from nnspec.ir import spec as ir
from nnspec.ir.dims import substitute
from nnspec.ir.spec import Spec
from nnspec.ir.types import TensorType

Library = Mapping[str, Any]
"""Registries of components by kind: layer, operator, loss, metric, optimizer, …"""

Sizes = Mapping[str, int]
"""Numbers for the symbolic dimensions."""


def lower_model(spec: Spec, library: Library, g: Graph, sizes: Sizes | None = None) -> dict[str, Value]:
    """Build the model in `g`; every value of the spec by its name.

    Inputs and parameters are declared in the order of the spec. Symbols in `sizes` become numbers, the others stay.
    Raises a GraphError that names the layer where it builds something else than the IR says.
    """
    known = dict(sizes or {})
    values = {item.name: g.input(item.name, sized(item.type, known)) for item in spec.inputs}
    _Lowering(spec, library, g, known).run(spec.nodes, spec.values, values)
    return values


def lower_loss(spec: Spec, library: Library, g: Graph, values: dict[str, Value], sizes: Sizes | None = None) -> Value:
    """The scalar loss: the targets as inputs, then the expression over `values`, which gains what it makes."""
    assert spec.train is not None
    known = dict(sizes or {})
    for target in spec.train.targets:
        values[target.name] = g.input(target.name, sized(target.type, known))
    _Lowering(spec, library, g, known).run(spec.train.nodes, spec.train.values, values)
    return values[spec.train.loss]


def sized(type: TensorType, known: Sizes) -> TensorType:
    """`type` with numbers in the place of the symbols in `known`."""
    return type.with_shape(*(substitute(dim, dict(known)) for dim in type.shape))


class _Lowering:
    """Appends the nodes of a spec to a graph."""

    def __init__(self, spec: Spec, library: Library, g: Graph, known: Sizes) -> None:
        self._library, self._g, self._known = library, g, known
        self._parameters = {item.path: TensorType(item.dtype, item.shape) for item in spec.parameters}

    def run(self, nodes: Sequence[ir.Node], made: Sequence[ir.Value], values: dict[str, Value]) -> None:
        """Lower `nodes` in order; their results, which `made` declares, join `values`."""
        types = {item.name: sized(item.type, self._known) for item in made}
        for node in nodes:
            for name, result in zip(node.outputs, self._results(node, values), strict=True):
                if result.type != types[name]:
                    raise GraphError(
                        f"{node.component} at {node.path} made {result.type} where the spec says {types[name]}"
                    )
                values[name] = result

    def _results(self, node: ir.Node, values: Mapping[str, Value]) -> tuple[Value, ...]:
        arguments = {option: _given(values, names) for option, names in node.arguments.items()}
        types = {option: _types(given) for option, given in arguments.items()}
        try:
            component = codec.build(self._library, node.kind, node.component, node.options, types, self._known)
        except Fault as fault:
            raise Fault(fault.code, f"{node.path}: {fault.message}", fault.help) from fault
        with self._g.at(node.path):
            parameters = {
                leaf: self._g.parameter(path, self._parameters[path]) for leaf, path in node.parameters.items()
            }
            inputs = [values[name] for name in node.inputs]
            try:
                results = component.lower(self._g, *inputs, **arguments, **parameters)
            except Fault as fault:
                raise Fault(fault.code, f"{node.path}: {fault.message}", fault.help) from fault
        if node.recompute and self._g.training:
            self._g.recomputed.setdefault(node.recompute, set()).add(node.path)
        return (results,) if isinstance(results, Value) else tuple(results)


def _given(values: Mapping[str, Value], names: str | tuple[str, ...]) -> Value | tuple[Value, ...]:
    return values[names] if isinstance(names, str) else tuple(values[name] for name in names)


def _types(given: Value | tuple[Value, ...]) -> TensorType | tuple[TensorType, ...]:
    return given.type if isinstance(given, Value) else tuple(value.type for value in given)
