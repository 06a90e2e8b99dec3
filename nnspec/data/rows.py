"""A dataset: the rows of one split, in memory or read when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnspec.data.labels import Classes

Stop = Callable[[], bool]
"""Asked between two rows whether nobody wants the rest."""


class LateColumn:
    """Base of rows that are read when they are taken, such as images in files. Any thread may take them."""

    shape: tuple[int, ...]
    """That of the whole column; the first axis counts the rows."""

    def take(self, indices: NDArray[np.int64], stop: Stop | None = None) -> NDArray[Any]:
        """The rows at `indices`, as a new array in the declared dtype; anything once `stop` says so. Raises a DataError
        for what cannot be read."""
        raise NotImplementedError

    def subset(self, indices: NDArray[np.int64]) -> LateColumn:
        """The rows at `indices`, none of them read."""
        raise NotImplementedError


@dataclass(frozen=True)
class Dataset:
    """Arrays whose first axes count the same rows."""

    arrays: Mapping[str, NDArray[Any]]
    """Input or target name to its array, in the declared dtype, C-contiguous; label targets are class numbers, int64.

    Arrays given by Python code that fit already are not copied.
    """
    rows: int
    classes: Mapping[str, Classes] = field(default_factory=dict)
    """Label target to its classes in order: class number i is `classes[target][i]`."""
    locate: Callable[[int], str] = "index {}".format
    late: Mapping[str, LateColumn] = field(default_factory=dict)
    """The other inputs and targets, whose rows are not in memory."""
    span: int = 1
    """How many rows of its source each row here covers: windows over a table overlap."""

    def shapes(self, rows: int) -> dict[str, tuple[int, ...]]:
        """The shapes of a batch of so many rows."""
        whole = {name: array.shape for name, array in self.arrays.items()}
        whole |= {name: column.shape for name, column in self.late.items()}
        return {name: (rows, *shape[1:]) for name, shape in whole.items()}

    def where(self, row: int) -> str:
        """Where a row came from: `data/iris.csv, line 17`."""
        return self.locate(row)

    def batch(self, indices: NDArray[np.int64], stop: Stop | None = None) -> dict[str, NDArray[Any]]:
        """The rows at `indices`, int64 [n], as new arrays. Raises a DataError for rows that cannot be read."""
        late = {name: column.take(indices, stop) for name, column in self.late.items()}
        return self._taken(indices) | late

    def subset(self, indices: NDArray[np.int64]) -> Dataset:
        """The dataset of the rows at `indices`, which still know where they came from."""
        return Dataset(
            self._taken(indices),
            len(indices),
            self.classes,
            lambda row: self.locate(int(indices[row])),
            {name: column.subset(indices) for name, column in self.late.items()},
            self.span,
        )

    def head(self, rows: int | None) -> Dataset:
        """The first rows, or all."""
        return self if rows is None or rows >= self.rows else self.subset(np.arange(rows))

    def _taken(self, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return {name: array.take(indices, axis=0) for name, array in self.arrays.items()}
