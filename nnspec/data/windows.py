"""Time series: each row of a dataset is a window over successive rows of a table, with what follows as the target.

The table stays one array; a window is copied out of it when its batch is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnspec.data.rows import Dataset, LateColumn, Stop
from nnspec.data.slots import Slot
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.ir.types import shape_text

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Window(NamedTuple):
    """Inputs hold so many rows, targets those that follow."""

    steps: int
    horizon: int

    @property
    def span(self) -> int:
        return self.steps + self.horizon


class Windows(LateColumn):
    """The `steps` rows from each start on: [windows, steps, *]."""

    def __init__(self, values: NDArray[Any], starts: NDArray[np.int64], steps: int) -> None:
        self._values, self._starts, self._steps = values, starts, steps
        self.shape = (len(starts), steps, *values.shape[1:])

    def take(self, indices: NDArray[np.int64], stop: Stop | None = None) -> NDArray[Any]:
        found: NDArray[Any] = self._values[self._starts[indices][:, None] + np.arange(self._steps)]
        return found

    def subset(self, indices: NDArray[np.int64]) -> Windows:
        return Windows(self._values, self._starts[indices], self._steps)


def row_slots(slots: Sequence[Slot], window: Window) -> tuple[Slot, ...]:
    """The slots as one row of the table feeds them: their types without the axis of the steps.

    Raises a DataError (E607) with a finding for each input that is no sequence of `steps` rows, and each target that is
    none of `horizon` rows; a target that is one row may do without the axis.
    """
    found, findings = [], []
    for slot in slots:
        try:
            found.append(_row_slot(slot, window))
        except Fault as fault:
            findings.append(fault.at(slot.span))
    if findings:
        raise DataError(findings)
    return tuple(found)


def windowed(table: Dataset, slots: Sequence[Slot], window: Window) -> Dataset:
    """The windows of a dataset of single rows, in their order. Raises E609 where the rows are too few for one."""
    count = table.rows - window.span + 1
    if count < 1:
        raise Fault(
            "E609",
            f"{table.where(0)} begins {table.rows} rows, and a window with what follows takes {window.span}",
        )
    starts = np.arange(count, dtype=np.int64)
    arrays, late = {}, {}
    for slot in slots:
        values = table.arrays[slot.name]
        if not slot.target:
            late[slot.name] = Windows(values, starts, window.steps)
            continue
        ahead = Windows(values, starts + window.steps, window.horizon).take(starts)
        arrays[slot.name] = ahead if _has_steps(slot, window) else ahead[:, 0]
    return Dataset(arrays, count, table.classes, table.where, late, span=window.span)


def _row_slot(slot: Slot, window: Window) -> Slot:
    if slot.target and not _has_steps(slot, window):
        return slot
    steps = window.horizon if slot.target else window.steps
    rest = slot.type.shape[2:]
    wanted = ("N", steps, *rest) if slot.type.rank > 1 else ("N", steps)
    if slot.type.rank < 2 or (isinstance(slot.type.shape[1], int) and slot.type.shape[1] != steps):
        what = "the rows that follow" if slot.target else "the rows of a window"
        shape = shape_text(tuple(wanted)).replace("'", "")  # type: ignore[arg-type]
        raise Fault(
            "E607",
            f"{slot.name} takes {slot.wanted}, and {what} are {steps}",
            help=f"declare it as {'label' if slot.label else slot.type.dtype}{shape}",
        )
    return slot._replace(type=slot.type.with_shape(slot.type.shape[0], *rest))


def _has_steps(slot: Slot, window: Window) -> bool:
    """Whether a target has an axis for the rows that follow."""
    return window.horizon > 1 or slot.type.rank > (1 if slot.single else 2)
