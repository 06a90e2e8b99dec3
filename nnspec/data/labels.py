"""Classes: the values of a label target in sorted order, and their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.cells import FILL, NUMBER, WHOLE, Place
from nnspec.data.convert import row_of
from nnspec.data.table import Cells, Label
from nnspec.data.wording import listed, nearest, quoted, suggestion
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnspec.data.slots import Slot

Classes = tuple[Label, ...]


class Labels:
    """The values of a label target, row by row, before they are numbered.

    Text is compared as text: the class 7 is the cell `7`, and neither `07` nor `7.0`.
    """

    def __init__(self, parts: Sequence[Cells | NDArray[Any]], single: bool, place: Place) -> None:
        """`parts` are one column or array, or columns side by side. Raises E603 for what names no class."""
        self.place = place
        self.text = not isinstance(parts[0], np.ndarray)
        arrays = [_array(part, place) for part in parts]
        stacked = arrays[0] if single else np.stack(arrays, axis=1)
        self.shape: tuple[int, ...] = stacked.shape
        self.values: list[Label] = stacked.ravel().tolist()

    def classes(self) -> Classes:
        """The distinct values: integers (and booleans) by number, text by code point. Raises E603."""
        distinct = set(self.values)
        missing = next((value for value in ("nan", "NaN") if value in distinct), None)
        if missing is not None:
            where = self._at(self.values.index(missing))
            raise Fault("E603", f"{where} is {missing}, which stands for a missing value and is no class", help=FILL)
        if not self.text:
            return _sorted(distinct, self.place)
        cells = {str(value) for value in distinct}
        blank = next((cell for cell in cells if not cell.strip()), None)
        if blank is not None:
            raise Fault("E603", f"{self._at(self.values.index(blank))} is empty, a class is needed", help=FILL)
        if all(_is_canonical(cell) for cell in cells):
            return tuple(sorted(int(cell) for cell in cells))
        if all(NUMBER.fullmatch(cell) for cell in cells):
            self._refuse_fraction()
        return tuple(sorted(cells))

    def encoded(self, classes: Classes) -> NDArray[np.int64]:
        """The class numbers in the shape of the data. Raises E606 for the first value that is no class."""
        numbers = {str(label) if self.text else label: number for number, label in enumerate(classes)}
        try:
            flat = np.fromiter(map(numbers.__getitem__, self.values), np.int64, len(self.values))
        except KeyError:
            index = next(index for index, value in enumerate(self.values) if value not in numbers)
            raise self._unknown(index, classes) from None
        return flat.reshape(self.shape)

    def _unknown(self, index: int, classes: Classes) -> Fault:
        value = self.values[index]
        if not str(value).strip():
            return Fault("E603", f"{self._at(index)} is empty, a class is needed", help=FILL)
        meant = nearest(str(value), [str(label) for label in classes])
        start = f"did you mean {quoted(meant)}? " if meant is not None and isinstance(classes[0], str) else ""
        return Fault(
            "E606",
            f"{self._at(index)} is {quoted(value)}, which is none of the known classes",
            help=f"{start}the classes are {listed(quoted(label) for label in classes)}",
        )

    def _refuse_fraction(self) -> None:
        index = next((index for index, cell in enumerate(self.values) if not WHOLE.fullmatch(str(cell))), None)
        if index is not None:
            raise Fault(
                "E603",
                f"{self._at(index)} is {self.values[index]}, and a label is text or a whole number",
                help="for regression declare the target as float32; else write the classes as names or whole numbers",
            )

    def _at(self, index: int) -> str:
        return self.place(row_of(index, self.shape))


def check_count(name: str, classes: Classes, expected: int | None, source: str, hint: str = "") -> None:
    """Raise E607 unless there are as many classes as the loss expects."""
    if expected is not None and len(classes) != expected:
        raise Fault(
            "E607",
            f"{name} has {len(classes)} class{'es' * (len(classes) != 1)} in {source}, the loss expects {expected}",
            help=f"the classes are {listed(quoted(label) for label in classes)}; "
            f"the logits' last size must be their number{hint}",
        )


def derived_classes(labels: Labels, slot: Slot, source: str) -> Classes:
    """The classes of a target of which only some rows are at hand: whole numbers below the count that the loss expects
    are class numbers, else they are the values that occur. Raises E607 for another count."""
    classes, count = labels.classes(), slot.classes
    if count is not None and all(isinstance(label, int) and 0 <= label < count for label in classes):
        return tuple(range(count))
    hint = f'; if others are to come, name all: Trainer(spec, classes={{"{slot.name}": […]}})'
    check_count(slot.name, classes, count, source, hint if len(classes) < (count or 0) else "")
    return classes


def given_classes(slots: Iterable[Slot], classes: Mapping[str, Sequence[Label]]) -> dict[str, Classes]:
    """Classes that a user names, in order. Raises E602 for the name of no label target, E607 for another count."""
    targets = {slot.name: slot for slot in slots if slot.label}
    for name, labels in classes.items():
        if name not in targets:
            raise Fault("E602", f"the model has no label target {name!r}", help=suggestion(name, [*targets], "it has"))
        check_count(name, tuple(labels), targets[name].classes, "those given")
    return {name: tuple(labels) for name, labels in classes.items()}


def _array(part: Cells | NDArray[Any], place: Place) -> NDArray[Any]:
    """The values as an array that `tolist` turns into str, int or bool."""
    if not isinstance(part, np.ndarray):
        return np.array(part, dtype=object)
    if part.dtype.kind in "iubUT" or (
        part.dtype.kind == "O" and all(isinstance(value, (str, int)) for value in part.ravel())
    ):
        return part
    found = "bytes" if part.dtype.kind == "S" else str(part.dtype)
    raise Fault(
        "E603",
        f"{place(None)} holds {found}, and a label is text or a whole number",
        help="for regression declare the target as float32" if part.dtype.kind == "f" else "",
    )


def _sorted(distinct: set[Label], place: Place) -> Classes:
    texts = [value for value in distinct if isinstance(value, str)]
    if texts and len(texts) < len(distinct):
        raise Fault("E603", f"{place(None)} mixes text and numbers as labels")
    return tuple(sorted(distinct))


def _is_canonical(cell: str) -> bool:
    """True for an integer as Python prints it: only then can the text and the number stand for each other."""
    return len(cell) <= 20 and bool(WHOLE.fullmatch(cell)) and str(int(cell)) == cell
