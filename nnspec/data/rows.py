"""A dataset: the rows of one split, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nnspec.data.labels import Classes


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

    def where(self, row: int) -> str:
        """Where a row came from: `data/iris.csv, line 17`."""
        return self.locate(row)

    def batch(self, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The rows at `indices`, int64 [n], as new arrays."""
        return {name: array.take(indices, axis=0) for name, array in self.arrays.items()}

    def subset(self, indices: NDArray[np.int64]) -> Dataset:
        """The dataset of the rows at `indices`, which still know where they came from."""
        return Dataset(self.batch(indices), len(indices), self.classes, lambda row: self.locate(int(indices[row])))
