"""Components to references with JSON options, and back with a registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnspec.ir.components import Component
from nnspec.ir.dims import Size
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
    registries: Mapping[str, Any], kind: str, name: str, options: Mapping[str, Any], types: Mapping[str, Types]
) -> Any:
    """The component `name` of `kind` with encoded options."""
    return registries[kind][name](**{key: _decode(registries, value) for key, value in options.items()}, **types)


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
