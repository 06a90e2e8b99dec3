"""One component as Markdown: signature, description, table of options, parameters, other names, example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from nnspec.docs.examples import Shown
from nnspec.docs.source import option_docs
from nnspec.ir.accept import want
from nnspec.ir.components import Component
from nnspec.ir.fields import Factory, option_types

SHAPE = re.compile(r"(?:(?:integers|floats|strings|numbers) )?\[.*\]")


class Description(NamedTuple):
    """A docstring, taken apart."""

    paragraphs: list[str]
    shape: str
    """`[*, in] -> [*, units]`; empty where it gives none."""


def describe(cls: type[Component]) -> Description:
    """The docstring of `cls`: the pieces that four spaces or an empty line set apart are text, or a shape."""
    shape, paragraphs = "", []
    for paragraph in inspect.cleandoc(cls.__doc__ or "").split("\n\n"):
        pieces = [" ".join(piece.split()) for piece in re.split(r" {3,}|\n(?=\[)", paragraph)]
        texts = [piece for piece in pieces if not _is_shape(piece)]
        shape = next((piece for piece in pieces if _is_shape(piece)), shape)
        if texts:
            paragraphs.append(" ".join(texts))
    return Description(paragraphs, shape)


def signature(cls: type[Component]) -> str:
    """`dense(units, bias = true, init = glorot_uniform())`."""
    if not cls.option_names:
        return cls.name
    return f"{cls.name}({', '.join(_parameter(cls, name) for name in cls.option_names)})"


def entry(cls: type[Component], example: Shown | None, heading: str = "###") -> Iterator[str]:
    """The lines of a component's entry."""
    said = describe(cls)
    yield from (f"{heading} {cls.name}", "")
    if cls.kind != "section":
        yield from ("```text", signature(cls), "```", "")
    for paragraph in said.paragraphs:
        yield from (escaped(paragraph), "")
    if said.shape:
        yield from (f"Shapes: `{said.shape}`", "")
    yield from options_table(cls)
    if example:
        yield from example.lines
    if cls.foreign_names:
        yield from (f"Other names: {', '.join(f'`{name}`' for name in sorted(cls.foreign_names, key=str.lower))}.", "")


def options_table(cls: type[Component]) -> Iterator[str]:
    """A row per option."""
    if not cls.option_names:
        return
    docs, types = option_docs(cls), option_types(cls)
    yield from ("| option | takes | default | |", "|---|---|---|---|")
    for name in cls.option_names:
        default = f"`{shown(cls.option_defaults[name])}`" if name in cls.option_defaults else "required"
        if name not in docs:
            raise ValueError(f"write a string below the option {name} in {cls.__module__}.{cls.__name__}: what it does")
        words = escaped(" ".join(docs[name].split())).replace("|", "\\|")
        yield f"| `{name}` | {_code_words(want(types[name]))} | {default} | {words} |"
    yield ""


def shown(value: Any) -> str:
    """A default as it is written in a spec."""
    if isinstance(value, Factory):
        return shown(value.make())
    if isinstance(value, Component):
        return f"{value.name}({', '.join(f'{name} = {shown(getattr(value, name))}' for name in value.option_names)})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, float):
        return re.sub(r"e([-+])0*(\d)", r"e\1\2", repr(value)).replace("e+", "e")
    words = {None: "none", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    return f'"{value}"' if isinstance(value, str) else str(value)


def escaped(text: str) -> str:
    """Text with the signs of Markdown as they are, outside of `code`."""
    parts = text.split("`")
    return "`".join(re.sub(r"([*<])", r"\\\1", part) if at % 2 == 0 else part for at, part in enumerate(parts))


def anchor(title: str) -> str:
    """The link target of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _parameter(cls: type[Component], name: str) -> str:
    said = "*" * (cls.variadic == name) + name
    return f"{said} = {shown(cls.option_defaults[name])}" if name in cls.option_defaults else said


def _is_shape(piece: str) -> bool:
    return bool(SHAPE.fullmatch(piece.rstrip("."))) or (" -> [" in piece and bool(SHAPE.match(piece)))


def _code_words(text: str) -> str:
    """The strings of a fixed set as code."""
    return re.sub(r'"([^"]+)"', r'`"\1"`', text)
