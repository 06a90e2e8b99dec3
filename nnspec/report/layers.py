"""The layers of a model with their shapes, parameters and multiplications, for tables."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from nnspec.ir import dims
from nnspec.ir.spec import Node, Spec
from nnspec.ir.types import shape_text

HEADS = ("layer", "kind", "output", "params", "MACs")


class Row(NamedTuple):
    """One input or layer, as text."""

    layer: str
    kind: str
    output: str
    params: str
    macs: str


def layer_rows(spec: Spec) -> list[Row]:
    """A row per input and layer; a shared parameter counts where it stands first."""
    values = {value.name: value for value in (*spec.inputs, *spec.values)}
    inputs = [Row(value.name, "input", str(value.type), "", "") for value in spec.inputs]
    nodes = [node for node in spec.nodes if node.component != "constant"]
    counts = _counts(spec, nodes)
    return inputs + [
        Row(
            node.path,
            node.component,
            ", ".join(str(values[name].type) for name in node.outputs),
            f"{count:,}" if count else "",
            f"{node.macs:,}" if isinstance(node.macs, int) and node.macs else str(node.macs or ""),
        )
        for node, count in zip(nodes, counts, strict=True)
    ]


def totals(spec: Spec) -> dict[str, str]:
    """The sums over all layers, and the outputs."""
    statistics = sum(prod(p.shape) for p in spec.parameters if not p.trainable)
    size = sum(prod(p.shape) * (8 if p.dtype.endswith("64") else 4) for p in spec.parameters)
    held = f" and {statistics:,} statistics" if statistics else ""
    return {
        "parameters": f"{spec.parameter_count:,}{held}, {size:,} bytes",
        "MACs": f"{_macs_per_row(spec)} for one row",
        "output": ", ".join(f"{item.name}: {_type(spec, item.value)}" for item in spec.outputs),
    }


def title(spec: Spec) -> str:
    """The name of the model with its parameters."""
    chosen = ", ".join(f"{name} = {value}" for name, value in spec.settings.items())
    return f"{spec.name}({chosen})"


def _counts(spec: Spec, nodes: list[Node]) -> Iterator[int]:
    parameters = {parameter.path: parameter for parameter in spec.parameters}
    counted: set[str] = set()
    for node in nodes:
        new = {path for path in node.parameters.values() if path not in counted and parameters[path].trainable}
        counted |= new
        yield sum(prod(parameters[path].shape) for path in new)


def _macs_per_row(spec: Spec) -> str:
    total: dims.Dim = 0
    for node in spec.nodes:
        total = total + node.macs
    rows = {name: 1 for value in spec.inputs for name in dims.symbols(value.shape[0] if value.shape else 1)}
    found = dims.substitute(total, rows)
    return f"{found:,}" if isinstance(found, int) else str(found)


def _type(spec: Spec, name: str) -> str:
    value = next(v for v in (*spec.inputs, *spec.values) if v.name == name)
    return f"{value.dtype}{shape_text(value.shape)}"
