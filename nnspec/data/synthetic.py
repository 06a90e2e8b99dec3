"""Random rows that fit the model, from the types of its inputs and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.convert import numpy_dtype
from nnspec.data.randomness import SYNTHETIC, philox
from nnspec.data.slots import Request, Slot
from nnspec.data.table import Label, Table
from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Dim, substitute, symbols
from nnspec.ir.types import FLOATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 8
"""The size of symbolic dimensions, in every place where the symbol stands."""
WORDS = ("a", "b", "c")


def make_rows(rows: int, request: Request) -> Table:
    """A table with one array per slot, named like the slot. Raises E607 where it does not fit in memory."""
    arrays: dict[str, NDArray[Any]] = {}
    classes: dict[str, tuple[Label, ...]] = {}
    for number, slot in enumerate(request.slots):
        random = np.random.Generator(philox(request.seed, SYNTHETIC, request.stream * 2**32 + number))
        shape = (rows, *(_size(dim) for dim in slot.type.shape[1:]))
        try:
            arrays[slot.name] = _values(random, slot, shape)
        except (MemoryError, ValueError) as error:
            raise Fault("E607", f"{rows} synthetic rows of {slot.name}, {slot.wanted}, do not fit in memory") from error
        if slot.label:
            classes[slot.name] = tuple(range(slot.classes or 2))
    return Table("synthetic", rows, arrays, tuple(arrays), classes=classes)


def _size(dim: Dim) -> int:
    known = substitute(dim, dict.fromkeys(symbols(dim), SIZE))
    return known if isinstance(known, int) else SIZE


def _values(random: np.random.Generator, slot: Slot, shape: tuple[int, ...]) -> NDArray[Any]:
    dtype = slot.type.dtype
    if slot.classes is not None and dtype not in FLOATS:
        return random.integers(0, slot.classes, shape).astype(numpy_dtype(dtype))
    if dtype in FLOATS:
        return random.standard_normal(shape, np.float32).astype(numpy_dtype(dtype), copy=False)
    if dtype == "string":
        return np.array(WORDS, object)[random.integers(0, len(WORDS), shape)]
    limit = 256 if dtype == "uint8" else 2
    if slot.ids is not None:
        limit = min(slot.ids, 256) if dtype == "uint8" else slot.ids
    return random.integers(0, limit, shape).astype(dtype)
