"""Text as numbers: the characters or words of each row, counted by a vocabulary, or the tokens of a tokenizer.

0 is padding, behind the end of a row, and 1 whatever is not in the vocabulary; that begins at 2. The vocabulary is what
occurs in the rows to learn from, sorted. It is kept where the classes of label targets are, under the name of the input
or target, and travels with them. So does the content of a tokenizer.json, as the only entry; its ids are its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.cells import Place
from nnspec.data.slots import TOKENIZER, Slot, slots_of, tokenizer_path
from nnspec.data.tokenizer import read_tokenizer, tokenizer
from nnspec.data.wording import quoted
from nnspec.diagnostics.errors import DataError, Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnspec.data.labels import Classes
    from nnspec.ir.spec import Spec

PADDING, UNKNOWN, FIRST = 0, 1, 2


def is_text(values: Any) -> bool:
    """Whether a column or array holds text."""
    return not isinstance(values, np.ndarray) or (values.ndim == 1 and values.dtype.kind in "UTO")


def vocabulary(values: Sequence[str], slot: Slot, place: Place) -> Classes:
    """What occurs in `values`. Raises E611 where the embedding that reads it has fewer ids, E603 where a tokenizer
    should say it."""
    if slot.text == TOKENIZER:
        raise Fault(
            "E603",
            f"{slot.name} is text, and its tokenizer was not read",
            help="give the weights of a run, which holds it, or the numbers themselves",
        )
    found = tuple(sorted({part for value in values for part in parts(value, slot)}))
    require_room(found, slot, place(None))
    return found


def require_room(known: Classes, slot: Slot, source: str) -> None:
    """Raise E611 where the embedding that reads the ids of a vocabulary has fewer, or the loss expects fewer."""
    if slot.text == TOKENIZER:
        count = tokenizer(str(known[0])).size
        holds = f"has {count} ids"
    else:
        count = len(known) + FIRST
        holds = f"holds {len(known)} {slot.text}, {count} ids with padding and the unknown"
    if slot.ids is not None and count > slot.ids:
        raise Fault(
            "E611", f"{source} {holds}, and the embedding has {slot.ids}", help=f"embedding({count}, …), or more"
        )
    if slot.classes is not None and count > slot.classes:
        help = f"the last size of the logits is {count}, or more"
        raise Fault("E611", f"{source} {holds}, and the logits for {slot.name} have {slot.classes}", help=help)


def encoded(values: Sequence[str], slot: Slot, known: Classes, place: Place) -> NDArray[Any]:
    """The numbers of each row [N, T] in the dtype of the slot; T is the declared one, or that of the longest row.

    Raises E607 for a row that is longer, E606 for what a target cannot say.
    """
    if slot.text == TOKENIZER:
        own_ids = tokenizer(str(known[0]))
        return _filled([own_ids.encode_row(value) for value in values], own_ids.padding, "tokens", slot, place)
    numbers = {str(part): FIRST + i for i, part in enumerate(known)}
    rows = [parts(value, slot) for value in values]
    found = [[numbers.get(part, UNKNOWN) for part in own] for own in rows]
    array = _filled(found, PADDING, slot.text, slot, place)
    if slot.target and (array == UNKNOWN).any():
        row = int(np.flatnonzero((array == UNKNOWN).any(axis=1))[0])
        unknown = next(part for part in rows[row] if part not in numbers)
        raise Fault("E606", f"{place(row)} holds {quoted(unknown)}, which the rows to learn from have not")
    return array


def tokenizers(slots: Sequence[Slot], folder: Path, path: str, known: Mapping[str, Classes]) -> dict[str, Classes]:
    """The tokenizer of each slot that has one: the known one, else that of the file. Raises E601, E604, E611, E612."""
    reading = [slot for slot in slots if slot.text == TOKENIZER and slot.single]
    content = read_tokenizer(folder, path) if any(slot.name not in known for slot in reading) else ""
    found = {slot.name: known.get(slot.name, (content,)) for slot in reading}
    for slot in reading:
        require_room(found[slot.name], slot, path)
    return found


def tokenizers_of(spec: Spec, folder: Path) -> dict[str, Classes]:
    """The same for a spec, where its tokenizer.json is there; rows that need it say so where it is not. Raises a
    DataError."""
    path = tokenizer_path(spec)
    if not path or not (folder / path).is_file():
        return {}
    try:
        return tokenizers(slots_of(spec), folder, path, {})
    except Fault as fault:
        raise DataError([fault.at(spec.data.train.span if spec.data else None)]) from fault


def _filled(rows: Sequence[Sequence[int]], padding: int, what: str, slot: Slot, place: Place) -> NDArray[Any]:
    declared = slot.type.shape[1]
    width = declared if isinstance(declared, int) else max(1, *map(len, rows))
    array = np.full((len(rows), width), padding, slot.type.dtype)
    for row, own in enumerate(rows):
        if len(own) > width:
            raise Fault(
                "E607",
                f"{place(row)} has {len(own)} {what}, and {slot.name} is {slot.wanted}",
                help=f"declare it as {slot.type.dtype}[N, T], or with a larger number than {width}",
            )
        array[row, : len(own)] = own
    return array


def parts(text: str, slot: Slot) -> Sequence[str]:
    return text.split() if slot.text == "words" else text
