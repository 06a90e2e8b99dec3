"""The numbers that the arrays of a batch give to the symbolic dimensions."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Dim, Size, substitute, symbol, symbols
from nnspec.ir.spec import Spec
from nnspec.ir.types import TensorType, shape_text


def input_types(spec: Spec) -> dict[str, TensorType]:
    """The types of the model's inputs, by name."""
    return {item.name: item.type for item in spec.inputs}


def batch_types(spec: Spec) -> dict[str, TensorType]:
    """The types of a training batch: inputs, then targets."""
    return input_types(spec) | {item.name: item.type for item in (spec.train.targets if spec.train else ())}


def sizes_of(types: Mapping[str, TensorType], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The number of each symbolic dimension. Raises E607 where a shape does not fit its type, or two arrays
    disagree."""
    known: dict[str, int] = {}
    for name, type in types.items():
        for dim, size in zip(type.shape, shapes[name], strict=False):
            known = _solved(dim, size) | known
    for name, type in types.items():
        if tuple(substitute(dim, known) for dim in type.shape) != shapes[name]:
            said = ", ".join(f"{symbol} = {size}" for symbol, size in known.items())
            raise Fault(
                "E607",
                f"{name} is {type}, got an array of {shape_text(shapes[name])}",
                help=f"in this batch {said}" if said else "",
            )
    return known


def require_places(spec: Spec, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise E607 for a sequence longer than the places that a learned_position has."""
    learned = [node for node in spec.nodes if node.component == "learned_position"]
    if not learned:
        return
    sizes, values = sizes_of(input_types(spec), shapes), {item.name: item for item in (*spec.inputs, *spec.values)}
    for node in learned:
        length, count = substitute(values[node.inputs[0]].shape[1], sizes), int(node.options["count"])
        if isinstance(length, int) and length > count:
            raise Fault("E607", f"{node.path}: learned_position has {count} places, got a sequence of {length}")


def _solved(dim: Dim, size: int) -> dict[str, int]:
    """The symbol that `dim = size` gives a number to, as in `N = 16` and `8 * H = 64`; other dimensions are checked
    afterwards."""
    if not isinstance(dim, Size) or len(names := symbols(dim)) != 1:
        return {}
    (name,) = names
    factor = substitute(dim, {name: 1})
    return (
        {name: size // factor}
        if isinstance(factor, int) and dim == symbol(name) * factor and size % factor == 0
        else {}
    )
