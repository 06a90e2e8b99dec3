"""The rows that a trainer learns from, from the spec's data or from arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnspec.data.arrays import dataset_from_arrays
from nnspec.data.dataset import SPLITS, load
from nnspec.data.rows import Dataset
from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.training.memory import Memory

Batch = Mapping[str, Any]
"""Arrays by the names of inputs and targets, rows first."""


class Rows:
    """Gives datasets. The classes of the first one are those of the model from then on; a split is read once."""

    def __init__(self, spec: Spec, folder: Path, seed: int, memory: Memory) -> None:
        self._spec, self._folder, self._seed, self._memory = spec, folder, seed, memory
        self._splits: dict[str, Dataset] = {}

    def __call__(self, data: str | Batch | Dataset) -> Dataset:
        """A split by its name, or arrays as a dataset. Raises a DataError, or E713 for a split that does not exist."""
        if isinstance(data, str):
            dataset = self._split(data)
        elif isinstance(data, Dataset):
            dataset = data
        else:
            dataset = dataset_from_arrays(self._spec, data, self._memory.classes)
        self._memory.classes |= dataset.classes
        return dataset

    def for_training(self, train: Batch | None, validation: Batch | None) -> tuple[Dataset, Dataset | None]:
        """The rows to learn from and those to validate with: the arrays given, or where there are none, the splits of
        the spec."""
        if train is not None or validation is not None:
            return self("train" if train is None else train), None if validation is None else self(validation)
        declared = self._spec.data is not None and self._spec.data.validation is not None
        return self("train"), self("validation") if declared else None

    def _split(self, name: str) -> Dataset:
        if name not in SPLITS:
            raise Fault(
                "E713", f"there is no split {name!r}", help=f"a split is {', '.join(SPLITS)}, or arrays by name"
            )
        if name not in self._splits:
            found = load(self._spec, registries(), self._folder, self._seed, self._memory.classes)
            self._splits |= {split: dataset for split in SPLITS if (dataset := getattr(found, split)) is not None}
        if name not in self._splits:
            raise Fault(
                "E713", f"{self._spec.name} has no {name} split", help=f"name it in the data section: {name} = …"
            )
        return self._splits[name]
