"""What the source says about options: the string that follows an annotated attribute."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise

from nnspec.ir.components import Component

Docs = dict[str, str]


def option_docs(cls: type[Component]) -> Docs:
    """The docstring of each option of `cls`, its own or that of the base that states it."""
    found: Docs = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, Component) and inspect.get_annotations(base):
            found |= _of_module(base.__module__).get(base.__qualname__, {})
    return {name: found[name] for name in cls.option_names if name in found}


@cache
def _of_module(name: str) -> dict[str, Docs]:
    """Attribute docstrings by class."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {node.name: _of_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> Docs:
    found: Docs = {}
    for field, doc in pairwise(node.body):
        named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        said = isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant) and isinstance(doc.value.value, str)
        if named and said:
            found[field.target.id] = inspect.cleandoc(doc.value.value)  # type: ignore[attr-defined]
    return found


def first_sentence(module: str) -> str:
    """Of the docstring of an imported module."""
    text = " ".join((sys.modules[module].__doc__ or "").split("\n\n")[0].split())
    return text.split(". ")[0].removesuffix(".") + "."
