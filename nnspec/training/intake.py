"""Batches from Python code: checked by the data layer when a form of batch is new, and then copied straight into a program's buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnspec.compiler.batch import batch_types
from nnspec.data.arrays import ArrayReader
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
        self._types = batch_types(spec)
        self._names = tuple(self._types)
        self._bounds = {item.name: item.classes for item in (spec.train.targets if spec.train else ()) if item.classes is not None}
        self._known: dict[Any, BatchProgram] = {}

    def load(self, batch: Mapping[str, Any]) -> BatchProgram:
        """The program for a batch, with the batch in its buffers. Raises a DataError for one that does not fit the spec."""
        key = self._form(batch)
        program = self._known.get(key) if key else None
        if program:
            program.load(batch)
            if self._classes_exist(program):
                return program
        return self._checked(batch, key)

    def _form(self, batch: Mapping[str, Any]) -> Any:
        """Shapes and dtypes of the arrays, which decide about all checks but those of values; None for what is no dictionary of arrays."""
        try:
            return tuple([(batch[name].shape, batch[name].dtype) for name in self._names]) if len(batch) == len(self._names) else None
        except (KeyError, AttributeError, TypeError):
            return None

    def _classes_exist(self, program: BatchProgram) -> bool:
        """Whether all class numbers are below the count that the loss expects; as unsigned numbers, negative ones are large."""
        return all(program.batch[name].view(np.uint64).max() < count for name, count in self._bounds.items())

    def _checked(self, batch: Mapping[str, Any], key: Any) -> BatchProgram:
        dataset = self._reader.read(batch, self._memory.classes)
        self._memory.classes |= dataset.classes
        program = self._program(shapes_of(dataset.arrays))
        program.load(dataset.arrays)
        if key and all(batch[name].dtype == array.dtype for name, array in dataset.arrays.items()) and self._plain():
            self._known[key] = program
        return program

    def _plain(self) -> bool:
        """Whether class values are class numbers, so that labels need no translation."""
        return all(found == tuple(range(len(found))) for found in self._memory.classes.values())


