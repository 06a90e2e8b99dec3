"""Components to references with JSON options, and back with a registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Component
from nnspec.ir.dims import Size, parse, substitute
from nnspec.ir.fields import option_types
from nnspec.ir.spec import ComponentRef
from nnspec.ir.types import TensorType

NESTED = "component"
Types = TensorType | tuple[TensorType, ...]


def encode_options(component: Component) -> dict[str, Any]:
    """The options of `component` as JSON values; those that are values of the model are left out."""
    options = {name: getattr(component, name) for name in type(component).option_names}
    return {name: _encode(value) for name, value in options.items() if not _of_the_model(value)}


def _of_the_model(value: Any) -> bool:
    """Whether an option is a value of the model, or a list of them."""
    listed = isinstance(value, tuple) and not isinstance(value, TensorType)
    return isinstance(value, TensorType) or (listed and bool(value) and all(map(_of_the_model, value)))


def encode(component: Component) -> ComponentRef:
    return ComponentRef(component=component.name, options=encode_options(component))


def decode(registries: Mapping[str, Any], kind: str, reference: ComponentRef, **types: Types) -> Any:
    """The component of `reference`; `registries` has a registry by kind, `types` the options that are values."""
    return build(registries, kind, reference.component, reference.options, types)


def build(
    registries: Mapping[str, Any],
    kind: str,
    name: str,
    options: Mapping[str, Any],
    types: Mapping[str, Types],
    sizes: Mapping[str, int] | None = None,
) -> Any:
    """The component `name` of `kind` with encoded options; in those that are sizes, the symbols in `sizes` become
    numbers.
    """
    made = registries[kind][name]
    decoded = {key: _decode(registries, value) for key, value in options.items()}
    stated = option_types(made)
    for key, value in decoded.items():
        if key in stated and _takes_sizes(stated[key]):
            decoded[key] = _size(value, dict(sizes or {}))
    return made(**decoded, **types)


def _takes_sizes(annotation: Any) -> bool:
    return annotation is Size or any(map(_takes_sizes, get_args(annotation)))


def _size(value: Any, known: dict[str, int]) -> Any:
    """A size that was encoded as text, or a list with such. Raises E607 for one that leaves nothing."""
    if isinstance(value, tuple):
        return tuple(_size(item, known) for item in value)
    if not isinstance(value, str):
        return value
    found = substitute(parse(value), known)
    if isinstance(found, int) and found < 1:
        raise Fault("E607", f"the size {value} comes to {found} in this batch", help="give larger arrays")
    return found


def _encode(value: Any) -> Any:
    if isinstance(value, Component):
        return {NESTED: value.name, "kind": value.kind, "options": encode_options(value)}
    if isinstance(value, (tuple, list)):
        return [_encode(item) for item in value]
    return str(value) if isinstance(value, Size) else value


def _decode(registries: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, dict) and NESTED in value:
        return build(registries, value["kind"], value[NESTED], value["options"], {})
    return tuple(_decode(registries, item) for item in value) if isinstance(value, list) else value
