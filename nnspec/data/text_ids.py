"""Text as numbers: the characters or words of each row, counted by a vocabulary.

0 is padding, behind the end of a row, and 1 whatever is not in the vocabulary; that begins at 2. The vocabulary is what
occurs in the rows to learn from, sorted. It is kept where the classes of label targets are, under the name of the input
or target, and travels with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.cells import Place
from nnspec.data.slots import Slot
from nnspec.data.wording import quoted
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnspec.data.labels import Classes

PADDING, UNKNOWN, FIRST = 0, 1, 2


def is_text(values: Any) -> bool:
    """Whether a column or array holds text."""
    return not isinstance(values, np.ndarray) or (values.ndim == 1 and values.dtype.kind in "UTO")


def vocabulary(values: Sequence[str], slot: Slot, place: Place) -> Classes:
    """What occurs in `values`. Raises E611 where the embedding that reads it has fewer ids."""
    found = tuple(sorted({part for value in values for part in parts(value, slot)}))
    if slot.ids is not None and len(found) + FIRST > slot.ids:
        what = "words" if slot.text == "words" else "characters"
        raise Fault(
            "E611",
            f"{place(None)} holds {len(found)} {what}, {len(found) + FIRST} ids with padding and the unknown, "
            f"and the embedding has {slot.ids}",
            help=f"embedding({len(found) + FIRST}, …)",
        )
    return found


def encoded(values: Sequence[str], slot: Slot, known: Classes, place: Place) -> NDArray[Any]:
    """The numbers of each row [N, T] in the dtype of the slot; T is the declared one, or that of the longest row.

    Raises E607 for a row that is longer, E606 for what a target cannot say.
    """
    numbers = {str(part): FIRST + i for i, part in enumerate(known)}
    rows = [parts(value, slot) for value in values]
    declared = slot.type.shape[1]
    width = declared if isinstance(declared, int) else max(1, *map(len, rows))
    array = np.zeros((len(rows), width), slot.type.dtype)
    for row, own in enumerate(rows):
        if len(own) > width:
            what = "words" if slot.text == "words" else "characters"
            raise Fault(
                "E607",
                f"{place(row)} has {len(own)} {what}, and {slot.name} is {slot.wanted}",
                help=f"declare it as {slot.type.dtype}[N, T], or with a larger number than {width}",
            )
        array[row, : len(own)] = [numbers.get(part, UNKNOWN) for part in own]
    if slot.target and (array == UNKNOWN).any():
        row = int(np.flatnonzero((array == UNKNOWN).any(axis=1))[0])
        unknown = next(part for part in rows[row] if part not in numbers)
        raise Fault("E606", f"{place(row)} holds {quoted(unknown)}, which the rows to learn from have not")
    return array


def parts(text: str, slot: Slot) -> Sequence[str]:
    return text.split() if slot.text == "words" else text
