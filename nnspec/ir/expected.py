"""What an option may be, so that its argument is read as that, and so that a message can offer it."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nnspec.ir.components import Component
from nnspec.ir.fields import option_types
from nnspec.ir.types import TensorType


@dataclass(frozen=True, slots=True)
class Expected:
    """What may stand at one place."""

    kinds: tuple[str, ...] = ()
    """Kinds of components: `init = normal(0.02)`. The value that a section takes is a `loss`."""
    words: tuple[str, ...] = ()
    """The strings of a fixed set, for the hint that a bare word wants quotes."""
    text: bool = False
    """Whether any string may."""
    value: bool = False
    """Whether a value of the model may."""


_EXPECTED: dict[tuple[str, str, str], Expected] = {}


def expected(cls: type[Component], name: str) -> Expected:
    """What option `name` of `cls` may be."""
    key = (cls.kind, cls.name, name)
    if key not in _EXPECTED:
        parts = _flatten(option_types(cls)[name]) if name in cls.option_names else ()
        kinds = [part.kind for part in parts if isinstance(part, type) and issubclass(part, Component)]
        words = (word for part in parts if get_origin(part) is Literal for word in get_args(part))
        value = TensorType in parts
        _EXPECTED[key] = Expected(
            tuple(dict.fromkeys([*kinds, "loss"] if value and cls.kind == "section" else kinds)),
            tuple(word for word in words if isinstance(word, str)),
            str in parts,
            value,
        )
    return _EXPECTED[key]


def _flatten(annotation: Any) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _flatten(get_args(annotation)[0])
    if origin in (Union, types.UnionType, tuple):
        return tuple(part for argument in get_args(annotation) for part in _flatten(argument))
    return (annotation,)
