"""Shorthand for the tests of the elaborator: specs from fragments, and what they mean or what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nnspec
from nnspec.api import check_project
from nnspec.diagnostics.errors import Diagnostic
from nnspec.ir.project import read
from nnspec.ir.spec import Spec

ROOT = Path(__file__).parent.parent.parent
ACCEPTANCE = sorted((ROOT / "tests" / "acceptance").rglob("*.nn"))


def model(*body: str, blocks: str = "", params: str = "", tail: str = "") -> str:
    """A spec whose model has one input, x: float32[N, 4], and `body`; the first line of `body` is line 4."""
    lines = "".join(f"  {line}\n" for line in body)
    return f"nnspec 1\nmodel m{params} {{\n  input x: float32[N, 4]\n{lines}}}\n{blocks}{tail}"


def raw(*body: str, blocks: str = "", tail: str = "") -> str:
    """A spec whose model has `body` and nothing else; its first line is line 3."""
    lines = "".join(f"  {line}\n" for line in body)
    return f"nnspec 1\nmodel m {{\n{lines}}}\n{blocks}{tail}"


def spec(text: str, **settings: Any) -> Spec:
    """The specification of a text that has no errors."""
    return nnspec.loads(text, path="a.nn", set=settings)


def findings(text: str | bytes, settings: dict[str, Any] | None = None, root: str | None = None) -> list[Diagnostic]:
    content = text.encode() if isinstance(text, str) else text
    return check_project(read("a.nn", content, root), settings or {})


def errors(text: str | bytes, settings: dict[str, Any] | None = None) -> list[Diagnostic]:
    """What is wrong, and not what is only warned of."""
    return [one for one in findings(text, settings) if one.severity == "error"]


def places(text: str | bytes, settings: dict[str, Any] | None = None) -> list[tuple[str, int, int]]:
    """Code, line and column of everything that is wrong."""
    return [
        (one.code, one.span.line, one.span.column) if one.span else (one.code, 0, 0) for one in errors(text, settings)
    ]


def codes(text: str | bytes, settings: dict[str, Any] | None = None) -> list[str]:
    return [one.code for one in errors(text, settings)]


def outputs(text: str, **settings: Any) -> dict[str, str]:
    """The outputs of a valid spec with their types."""
    found = spec(text, **settings)
    types = {value.name: str(value.type) for value in (*found.inputs, *found.values)}
    return {output.name: types[output.value] for output in found.outputs}


def result(*body: str, **parts: str) -> str:
    """The type of the only output of a model with `body`."""
    (type,) = outputs(model(*body, **parts)).values()
    return type


def paths(text: str, **settings: Any) -> list[str]:
    """The paths of the parameters of a valid spec."""
    return [parameter.path for parameter in spec(text, **settings).parameters]


def shapes(text: str, **settings: Any) -> dict[str, list[int]]:
    return {parameter.path: list(parameter.shape) for parameter in spec(text, **settings).parameters}


def kinds(text: str) -> list[str]:
    """The components of the nodes, in order."""
    return [node.component for node in spec(text).nodes]
