"""The IR as a forward graph: every node of a spec, lowered by its layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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

    Inputs and parameters are declared in the order of the spec. Symbols in `sizes` become numbers, the others stay. Raises a GraphError that
    names the layer where it builds something else than the IR says.
    """
    known = dict(sizes or {})
    values = {item.name: g.input(item.name, sized(item.type, known)) for item in spec.inputs}
    _lower_nodes(spec, spec.nodes, spec.values, library, g, values, known)
    return values


def lower_loss(spec: Spec, library: Library, g: Graph, values: dict[str, Value], sizes: Sizes | None = None) -> Value:
    """Add the targets as inputs, then the loss expression; `values` holds the model's and gains the new ones. The scalar loss."""
    assert spec.train is not None
    known = dict(sizes or {})
    for target in spec.train.targets:
        values[target.name] = g.input(target.name, sized(target.type, known))
    _lower_nodes(spec, spec.train.nodes, spec.train.values, library, g, values, known)
    return values[spec.train.loss]


def sized(type: TensorType, known: Sizes) -> TensorType:
    """`type` with numbers in the place of the symbols in `known`."""
    return type.with_shape(*(substitute(dim, dict(known)) for dim in type.shape))


def used_parameters(nodes: Iterable[ir.Node]) -> list[str]:
    """The paths of the parameters that `nodes` use, each once, in order of first use."""
    return list(dict.fromkeys(path for node in nodes for path in node.parameters.values()))


def _lower_nodes(
    spec: Spec, nodes: Sequence[ir.Node], made: Sequence[ir.Value], library: Library, g: Graph, values: dict[str, Value], known: Sizes
) -> None:
    types = {item.name: sized(item.type, known) for item in made}
    shapes = {item.path: TensorType(item.dtype, item.shape) for item in spec.parameters}
    for node in nodes:
        with g.at(node.path):
            parameters = {leaf: g.parameter(path, shapes[path]) for leaf, path in node.parameters.items()}
            results = _lower_node(node, library, g, values, parameters)
        for name, result in zip(node.outputs, results, strict=True):
            if result.type != types[name]:
                raise GraphError(f"{node.component} at {node.path} made {result.type} where the spec says {types[name]}")
            values[name] = result


def _lower_node(node: ir.Node, library: Library, g: Graph, values: Mapping[str, Value], parameters: dict[str, Value]) -> tuple[Value, ...]:
    arguments = {option: values[name] for option, name in node.arguments.items()}
    types = {option: value.type for option, value in arguments.items()}
    component = codec.build(library, node.kind, node.component, node.options, types)
    results = component.lower(g, *(values[name] for name in node.inputs), **arguments, **parameters)
    return (results,) if isinstance(results, Value) else tuple(results)
