"""The rows that a trainer learns from, from the spec's data or from arrays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nnspec.data.arrays import Batch, dataset_from_arrays
from nnspec.data.dataset import SPLITS, load
from nnspec.data.rows import Dataset
from nnspec.data.stream import is_stream
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.training.memory import Memory


class Rows:
    """Gives datasets. The classes of the first one are those of the model from then on; a split is read once."""

    def __init__(self, spec: Spec, folder: Path, seed: int, memory: Memory) -> None:
        self._spec, self._folder, self._seed, self._memory = spec, folder, seed, memory
        self._splits: dict[str, Dataset] = {}

    def __call__(self, data: str | Batch | Dataset) -> Dataset:
        """A split by its name, or arrays, a table or all batches of an iterable as a dataset. Raises a DataError, or
        E713 for a split that does not exist."""
        if isinstance(data, str):
            dataset = self._split(data)
        elif isinstance(data, Dataset):
            dataset = data
        elif is_stream(data):
            dataset = self._joined(data)
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

    def _joined(self, batches: Iterable[Batch]) -> Dataset:
        found = [self(batch) for batch in batches]
        if not found:
            raise DataError([Fault("E609", "the iterable gives no batches").at(None)])
        try:
            arrays = {name: np.concatenate([part.arrays[name] for part in found]) for name in found[0].arrays}
        except ValueError as error:
            raise DataError([Fault("E607", f"the batches differ in more than rows: {error}").at(None)]) from error
        return Dataset(arrays, sum(part.rows for part in found), found[-1].classes)

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
