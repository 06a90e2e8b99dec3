"""Every layer of one input, with its options: as written in the language, and in PyTorch.

A form makes the pieces of one use for a value of a given shape, with random sizes, axes and options. A new layer needs
a form here, or a structure in `structures.py`: the coverage test names what has neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from .sketch import Piece, Random, Shape

Pieces = list[Piece]
Make = Callable[[Random, Shape], Pieces]


class Form(NamedTuple):
    label: str
    ranks: tuple[int, ...]
    make: Make


FORMS: list[Form] = []
ANY = (2, 3, 4)


def form(label: str, *ranks: int) -> Callable[[Make], Make]:
    """Decorator: a use of a layer for values of these ranks, of all by default."""

    def add(make: Make) -> Make:
        FORMS.append(Form(label, ranks or ANY, make))
        return make

    return add


def plain(text: str, function: Callable[[Tensor], Tensor], *before: Piece) -> None:
    """A use without anything random: an activation, maybe behind what brings values into its domain."""
    FORMS.append(Form(text, ANY, lambda r, shape: [*before, Piece(text, function)]))


def one(r: Random, items: Sequence[Any]) -> Any:
    return items[r.integers(len(items))]


def axis_of(r: Random, shape: Shape) -> int:
    """Any axis but that of the rows, from the front or from the end."""
    return one(r, [axis - len(shape) * back for axis in range(1, len(shape)) for back in (0, 1)])


def spelled(value: Any) -> str:
    """A value as the language writes it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(spelled, value))}]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def dense_piece(shape: Shape, units: int, options: str = "", bias: bool = True) -> Piece:
    return Piece(f"dense({units}{options})", nn.Linear(shape[-1], units, bias=bias))


def tile_piece(repeats: Sequence[int]) -> tuple[str, Callable[[Tensor], Tensor]]:
    return f"tile({', '.join(map(str, repeats))})", lambda x: x.repeat(*repeats)
