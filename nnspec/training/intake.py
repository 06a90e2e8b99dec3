"""Batches from Python code: checked by the data layer when a form of batch is new, and then copied straight into a
program's buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnspec.compiler.batch import batch_types
from nnspec.data.arrays import ArrayReader, Batch
from nnspec.data.rows import Dataset
from nnspec.ir.spec import Spec
from nnspec.training.engine import Shapes, shapes_of
from nnspec.training.memory import Memory
from nnspec.training.programs import BatchProgram

Array = np.ndarray[Any, Any]


class Intake:
    """Puts batches into programs that `program` makes for their shapes."""

    def __init__(self, spec: Spec, memory: Memory, program: Callable[[Shapes], BatchProgram]) -> None:
        self._program = program
        self._memory = memory
        self._reader = ArrayReader(spec)
        self._names = tuple(batch_types(spec))
        targets = spec.train.targets if spec.train else ()
        self._classes = [
            (item.name, np.dtype(f"u{np.dtype(item.dtype).itemsize}"), item.classes)
            for item in targets
            if item.classes is not None
        ]
        self._classes += [
            (slot.name, np.dtype(f"u{np.dtype(slot.type.dtype).itemsize}"), slot.ids)
            for slot in self._reader.slots
            if slot.ids is not None
        ]
        self._known: dict[Any, BatchProgram] = {}

    def load(self, batch: Batch) -> BatchProgram:
        """The program for a batch, with the batch in its buffers. Raises a DataError for one that does not fit the
        spec."""
        key = self._form(batch)
        program = self._known.get(key) if key else None
        if program:
            program.load(batch)
            if self._classes_exist(program):
                return program
        return self._checked(batch, key)

    def read(self, batch: Batch) -> Dataset:
        """The rows of a batch. Its classes are those of the model if it is the first. Raises a DataError."""
        dataset = self._reader.read(batch, self._memory.classes)
        self._memory.classes |= dataset.classes
        return dataset

    def _form(self, batch: Batch) -> Any:
        """Shapes and dtypes of the arrays, which decide about all checks but those of values; None for what is no
        dictionary of arrays."""
        if not isinstance(batch, Mapping):
            return None
        try:
            form = tuple([(batch[name].shape, batch[name].dtype) for name in self._names])
            return form if len(batch) == len(form) else None
        except (KeyError, AttributeError, TypeError):
            return None

    def _classes_exist(self, program: BatchProgram) -> bool:
        """Whether all class numbers are below what the loss expects; read as unsigned, negative ones are large."""
        return all(program.batch[name].view(unsigned).max() < count for name, unsigned, count in self._classes)

    def _checked(self, batch: Batch, key: Any) -> BatchProgram:
        dataset = self.read(batch)
        program = self._program(shapes_of(dataset.arrays))
        program.load(dataset.arrays)
        if key and all(batch[name].dtype == array.dtype for name, array in dataset.arrays.items()) and self._plain():
            self._known[key] = program
        return program

    def _plain(self) -> bool:
        """Whether class values are class numbers, so that labels need no translation."""
        labels = [slot.name for slot in self._reader.slots if slot.label]
        known = [self._memory.classes.get(name, ()) for name in labels]
        return all(found == tuple(range(len(found))) for found in known)
