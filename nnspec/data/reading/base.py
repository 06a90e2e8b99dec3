"""What all readers of an input have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from nnspec.data.assemble import check_ids
from nnspec.data.cells import Place
from nnspec.data.convert import convert
from nnspec.data.shapes import Bindings
from nnspec.data.slots import Slot
from nnspec.data.text_ids import encoded, is_text
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN_SIZE = 64
"""What a size that only the rows say counts for, when it is decided how many are read at once."""


class Text(NamedTuple):
    """Text that feeds an input."""

    parts: str
    """`characters` or `words`."""
    vocabulary: Sequence[str]


class Target(NamedTuple):
    """The input that a file feeds, and what the model says about it."""

    name: str
    type: TensorType
    bindings: Bindings
    """The sizes that all inputs agree on."""
    columns: tuple[str, ...] = ()
    """The columns or arrays that fed it in training, or that are asked for."""
    ids: int | None = None
    """The ids of the embedding that reads it."""
    text: Text | None = None
    """How text becomes its numbers."""
    trained: int = 0
    """How many columns fed it in training, where others are asked for; 0 where nothing says so."""

    @property
    def width(self) -> int:
        """The elements of a row, about."""
        return prod(size if isinstance(size, int) else UNKNOWN_SIZE for size in self.type.shape[1:])

    def array(self, values: NDArray[Any], place: Place, source: str) -> NDArray[Any]:
        """Values as the model takes them, rows first. Raises E603 to E607, E609 and E611."""
        if self.text and is_text(values):
            slot = Slot(self.name, self.type, text=self.text.parts)
            values = encoded([str(value) for value in values], slot, tuple(self.text.vocabulary), place)
        self.bindings.fit(self.name, self.type, str(self.type), values.shape, found=source)
        if 0 in values.shape:
            raise Fault("E609", f"{source} is empty: {self.name} would be {list(values.shape)}")
        converted = convert(values, self.type.dtype, place)
        check_ids(converted, self.ids, place)
        return converted


class Piece(NamedTuple):
    """Some rows as they stand in their file."""

    rows: Any
    """A sequence or an array."""
    start: int
    """The number of the first, from 0."""
    convert: Callable[[Any, int], NDArray[Any]]
    """From such rows and the number of the first to the array that the model takes."""

    def __len__(self) -> int:
        return len(self.rows)

    def array(self) -> NDArray[Any]:
        """The array for the model. Raises a Fault or a DataError where a row is not what it should be."""
        return self.convert(self.rows, self.start)

    def row(self, number: int) -> Piece:
        """One of the rows."""
        return Piece(self.rows[number : number + 1], self.start + number, self.convert)


class Reader:
    """Rows of one input in their order, a piece at a time."""

    rows: int | None = None
    """How many there are, where the file says."""
    width: int = 1
    """The elements of a row, about."""
    files: tuple[str, ...] | None = None
    """The file of each row, where every row has one of its own."""
    stream: IO[bytes] | None = None
    """What is closed with the reader."""

    def take(self, count: int) -> Piece:
        """The next rows, at most `count`; none at the end. Raises a Fault where they cannot be read."""
        raise NotImplementedError

    def joined(self, pieces: Sequence[Piece]) -> Any:
        """The rows of successive pieces as those of one."""
        return [row for piece in pieces for row in piece.rows]

    def close(self) -> None:
        """Leave the file."""
        if self.stream:
            self.stream.close()


class InMemory(Reader):
    """Rows that another reader gave, all at once: the longest of them decides the size of the others."""

    def __init__(self, reader: Reader) -> None:
        pieces = []
        while len(piece := reader.take(4096)):
            pieces.append(piece)
        reader.close()
        rows = reader.joined(pieces)
        self._array = pieces[0].convert(rows, 0) if pieces else None
        self.rows = len(rows)
        self.width = reader.width
        self._next = 0

    def take(self, count: int) -> Piece:
        start, self._next = self._next, self._next + count
        rows = self._array[start : self._next] if self._array is not None else ()
        return Piece(rows, start, lambda rows, _: rows)
