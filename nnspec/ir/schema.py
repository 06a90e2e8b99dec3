"""The options of a component as a pydantic model, and so its JSON Schema, for editors, forms and other tools."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, ConfigDict, create_model

from nnspec.ir.accept import Limits
from nnspec.ir.components import Component
from nnspec.ir.dims import Size
from nnspec.ir.fields import Factory, option_types
from nnspec.ir.spec import ComponentRef
from nnspec.ir.types import TensorType

CLOSED = ConfigDict(extra="forbid", frozen=True, strict=True)


def options_model(cls: type[Component]) -> type[BaseModel]:
    """A pydantic model with the options of `cls`: components are references, values are given by name."""
    fields: dict[str, Any] = {}
    for name, annotation in option_types(cls).items():
        default = cls.option_defaults.get(name, ...)
        fields[name] = (translated(annotation), None if isinstance(default, Factory) else default)
    return create_model(cls.name, __config__=CLOSED, __doc__=cls.__doc__, **fields)


def json_schema(cls: type[Component]) -> dict[str, Any]:
    """The JSON Schema of the options of `cls`."""
    return options_model(cls).model_json_schema()


def translated(annotation: Any) -> Any:
    """An option's annotation in pydantic's terms."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[(translated(arguments[0]), *_constraints(arguments[1]))]
    if origin is tuple:
        items = tuple(part if part is Ellipsis else translated(part) for part in arguments)
        return tuple.__class_getitem__(items)
    if origin is not None and str(origin) != "typing.Literal":
        parts = [translated(part) for part in arguments]
        union = parts[0]
        for part in parts[1:]:
            union = union | part
        return union
    if isinstance(annotation, type) and issubclass(annotation, Component):
        return ComponentRef
    return {Size: str, TensorType: str}.get(annotation, annotation)


def _constraints(limits: Limits) -> list[Any]:
    kinds = {Gt: limits.gt, Ge: limits.ge, Lt: limits.lt, Le: limits.le, MinLen: limits.min_length or None}
    return [kind(bound) for kind, bound in kinds.items() if bound is not None]
