"""Rows as a source gives them: named columns of equal length that know where each row came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnspec.data.wording import suggestion
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnspec.data.rows import LateColumn
    from nnspec.data.slots import Slot

Label = str | int | bool
Cells = Sequence[str]
"""A column of a text file before it is parsed."""


class Images:
    """Base of columns of images, which take the form that the type of a slot asks for."""

    def fitted(self, slot: Slot) -> NDArray[Any] | LateColumn:
        """The images for a slot. Raises a Fault where they cannot have its form."""
        raise NotImplementedError


@dataclass(frozen=True)
class Table:
    """Columns or arrays whose first axis counts the rows."""

    source: str
    """What messages call it: the path as the spec gives it."""
    rows: int
    columns: Mapping[str, Cells | NDArray[Any] | Images]
    """Those that were asked for and exist."""
    names: tuple[str, ...]
    """All that the source has, read or not."""
    lines: Sequence[int] | None = None
    """For text files: the line on which each row starts, from 1."""
    files: Sequence[str] | None = None
    """For files of their own: that of each row."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """What messages call columns that come from somewhere else than the others."""
    columnar: bool = False
    """For tables in memory, whose parts are called columns as those of text files are."""
    classes: Mapping[str, tuple[Label, ...]] = field(default_factory=dict)
    """Classes of columns that the source itself knows, whether or not each one occurs.

    Folders of images, synthetic labels.
    """

    @property
    def noun(self) -> str:
        """What messages call a part: `column` or `array`."""
        return "column" if self.lines is not None or self.columnar else "array"

    def where(self, row: int) -> str:
        """`data/iris.csv, line 17` for text, `data/digits.npz, index 17` (from 0) for arrays, or a file."""
        if self.files is not None:
            return self.files[row]
        return f"{self.source}, line {self.lines[row]}" if self.lines is not None else f"{self.source}, index {row}"

    def origin(self, name: str) -> str:
        """Where a column is from."""
        return self.origins.get(name, self.source)

    def column(self, name: str) -> Cells | NDArray[Any] | Images:
        """The column `name`. Raises E602 with the nearest name."""
        if name in self.columns:
            return self.columns[name]
        raise Fault(
            "E602",
            f"{self.source} has no {self.noun} {name!r}",
            help=suggestion(name, self.names, f"its {self.noun}s are"),
        )
