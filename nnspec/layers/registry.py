"""The registries of the layer library. Classes add themselves where they are defined; `nnspec.layers` imports all."""

from __future__ import annotations

from types import new_class
from typing import TypeVar, cast

from nnspec.ir.components import Component, Initializer, Layer, Operator, Registry

LAYERS: Registry[Layer] = Registry("layer")
OPERATORS: Registry[Operator] = Registry("operator")
INITIALIZERS: Registry[Initializer] = Registry("initializer")

C = TypeVar("C", bound=Component)


def define(registry: Registry[C], name: str, base: type[C], **members: object) -> None:
    """Define and register a class that differs from `base` in members alone; `doc` is its docstring."""
    namespace = {"__module__": base.__module__, "__doc__": members.pop("doc"), **members}
    cls = new_class(name.title().replace("_", ""), (base,), exec_body=lambda body: body.update(namespace))
    registry(name)(cast("type[C]", cls))
