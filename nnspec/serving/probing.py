"""Whether the rows of a model may be computed together with those of others: tried, not believed.

The first axis of every input and output must be one symbol that stands nowhere else. Then the model answers some rows
together and one of them alone. It must say the same, and also where the other rows hold large numbers: int8-dynamic
measures its scales over the whole batch, in which such rows would cost the others their digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnspec.diagnostics.errors import Fault
from nnspec.graph.dtypes import numpy_dtype
from nnspec.ir.dims import substitute, symbols
from nnspec.ir.types import FLOATS, TensorType
from nnspec.serving.footprint import Footprint

Array = np.ndarray[Any, Any]
Types = Mapping[str, TensorType]

ROWS = 3
SIZES = (8, 16, 32, 64, 224, 1)
"""What free sizes other than the batch are tried with, until the model takes one."""
LARGE = 1e4
"""How much larger the numbers of the other rows are."""
TOLERANCE = 1e-3
"""Of the largest number of an output: other kernels, for another number of rows, sum in another order."""
BUDGET = 2**30
"""Bytes that a trial may take."""


def batch_symbol(inputs: Types) -> str:
    """The symbol of the first axis of all inputs. Raises ValueError, which says why there is none."""
    found: set[str] = set()
    for name, type in inputs.items():
        first = type.shape[0] if type.shape else 1
        if isinstance(first, int) or symbols(first) != {str(first)}:
            raise ValueError(f"{name}: {type} has no free first axis")
        found.add(str(first))
        if any(str(first) in symbols(dim) for dim in type.shape[1:]):
            raise ValueError(f"{first} is more than the first axis of {name}: {type}")
    if len(found) != 1:
        raise ValueError("the inputs have different first axes" if found else "there are no inputs")
    return found.pop()


def require_independent_rows(
    model: Any, symbol: str, footprint: Footprint, ids: Mapping[str, int], budget: int = BUDGET
) -> None:
    """Raise ValueError, which says what is wrong, unless each row of the Deployed model has its own answer."""
    for sizes in _sizes(model.inputs, symbol):
        if footprint.bytes(sizes) > budget:
            continue
        rows = _rows(model.inputs, sizes, ids)
        try:
            alone = [model.run({name: array[i : i + 1] for name, array in rows.items()}) for i in range(ROWS)]
            together = model.run(rows)
            among_large = model.run({name: _with_large_others(array) for name, array in rows.items()})
        except Fault:
            continue
        _require_same(alone, together, range(ROWS), "a row has another answer among others than alone")
        _require_same(alone, among_large, range(1), "large numbers in other rows change the answer of a row")
        return
    raise ValueError("it takes none of the sizes that were tried")


def _sizes(inputs: Types, symbol: str) -> Iterator[dict[str, int]]:
    others = sorted({name for type in inputs.values() for dim in type.shape for name in symbols(dim)} - {symbol})
    for size in SIZES if others else SIZES[:1]:
        yield {symbol: ROWS, **dict.fromkeys(others, size)}


def _rows(inputs: Types, sizes: dict[str, int], ids: Mapping[str, int]) -> dict[str, Array]:
    random = np.random.Generator(np.random.Philox(key=7))
    found: dict[str, Array] = {}
    for name, type in inputs.items():
        shape = tuple(int(str(substitute(dim, sizes))) for dim in type.shape)
        if type.dtype in FLOATS:
            found[name] = random.normal(size=shape).astype(numpy_dtype(type.dtype))
        elif type.dtype == "string":
            found[name] = random.choice(np.array(["a", "b"], dtype=object), shape)
        elif type.dtype == "bool":
            found[name] = random.integers(0, 2, shape).astype(bool)
        else:
            high = 16 if type.dtype == "uint8" else min(3, ids.get(name, 3))  # whole numbers may be ids or lengths
            found[name] = random.integers(min(1, high - 1), high, shape).astype(type.dtype)
    return found


def _with_large_others(array: Array) -> Array:
    """The rows, all but the first one with large numbers."""
    changed = array.copy()
    if array.dtype == np.uint8:
        changed[1:] = 255 - array[1:]
    elif array.dtype.kind == "f":
        changed[1:] = array[1:] * LARGE
    return changed


def _require_same(alone: list[dict[str, Array]], together: Mapping[str, Array], rows: range, what: str) -> None:
    for name, array in together.items():
        if array.ndim == 0 or len(array) != ROWS:
            raise ValueError(f"{name} has no row for each row of the inputs")
        for row in rows:
            wanted, found = alone[row][name], array[row : row + 1]
            if wanted.shape != found.shape or not _close(found, wanted):
                raise ValueError(f"{what} ({name})")


def _close(found: Array, wanted: Array) -> bool:
    if wanted.dtype.kind not in "fV":
        return bool(np.array_equal(found, wanted))
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    tolerance = TOLERANCE * float(np.max(np.abs(b[np.isfinite(b)]), initial=1e-30))
    return bool(np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True))
