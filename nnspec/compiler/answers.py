"""What a model answers for rows of any number, a batch at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.data.io import Inputs
from nnspec.data.memory import available_memory
from nnspec.data.reading.sequence import Batch, OnError
from nnspec.data.wording import size_text
from nnspec.diagnostics.errors import Fault, RunWarning
from nnspec.ir.types import TensorType

Array = np.ndarray[Any, Any]
Run = Callable[[Mapping[str, Array]], dict[str, Array]]
ALONE = 1e-3
"""What a row alone may differ from the same row in a batch, as a part of the largest number of an output: other sums in
another order do not reach it."""


class How(NamedTuple):
    """How rows are gone through."""

    batch: int | None = None
    """Rows of a batch; where nobody says, what suits their size."""
    head: int | None = None
    """Only the first rows."""
    on_error: OnError = "stop"
    """What happens to a row that is not what it should be."""
    cores: int = 1
    """Processors that may prepare batches."""


def answers(
    run: Run, signature: Mapping[str, TensorType], inputs: Inputs, how: How
) -> Iterator[tuple[Batch, dict[str, Array]]]:
    """The batches and the outputs of the model for each.

    Where the rows of a batch change each other's answers, or an output has no row for each, all rows are one batch;
    with a batch size that was asked for, they are not looked at. An input whose first size is a number takes so many
    rows at once; the last ones are filled up. Raises a DataError for rows that cannot be read, E610 where an output has
    no row for each of a batch.
    """
    fixed = _fixed(signature, how.batch)
    size = fixed or how.batch or inputs.usual
    batches = inputs.batches(size, how.on_error, how.head, how.cores)
    first = next(batches, None)
    if first is None:
        return
    if not fixed and how.batch is None and len(first.numbers) > 1:
        found = run(first.arrays)
        second = next(batches, None)
        if second is not None and not _rows_stand_alone(run, first.arrays, found):
            message = "the rows of a batch change each other's answers: all rows are one batch; --batch says otherwise"
            warnings.warn(RunWarning(message), stacklevel=2)
            whole = _joined([first, second], batches)
            yield whole, run(whole.arrays)
            return
        yield first, found
        first = second
    while first is not None:
        rows = len(first.numbers)
        if rows:
            yield first, _filled(run, first.arrays, rows, fixed) if fixed else run(first.arrays)
        elif first.skipped:
            yield first, {}
        first = next(batches, None)


def require_rows(outputs: Mapping[str, Array], rows: int) -> None:
    """Raise E610 unless every output has a row for each."""
    for name, array in outputs.items():
        if not array.ndim or len(array) != rows:
            raise Fault("E610", f"{name} has no row for each of the {rows} rows of a batch: it is {list(array.shape)}")


def _fixed(signature: Mapping[str, TensorType], batch: int | None) -> int | None:
    """The rows that the model takes at once, if that is a number. Raises E610 for another one that is asked for."""
    sizes = {type.shape[0] for type in signature.values() if type.rank and isinstance(type.shape[0], int)}
    fixed = next(iter(sizes), None)
    if fixed is None:
        return None
    if batch not in (None, fixed) or len(sizes) > 1:
        said = ", ".join(f"{name}: {type}" for name, type in signature.items())
        raise Fault("E610", f"the model takes {' and '.join(map(str, sorted(sizes)))} rows at once: {said}")
    return int(fixed)


def _rows_stand_alone(run: Run, arrays: Mapping[str, Array], found: Mapping[str, Array]) -> bool:
    """Whether the first row gets the same answer without the others."""
    rows = len(next(iter(arrays.values())))
    if any(not array.ndim or len(array) != rows for array in found.values()):
        return False
    alone = run({name: array[:1] for name, array in arrays.items()})
    return all(_alike(alone[name], array[:1], array) for name, array in found.items())


def _alike(alone: Array, among: Array, every: Array) -> bool:
    if alone.shape != among.shape:
        return False
    if alone.dtype.kind != "f":
        return bool((alone == among).all())
    finite = every[np.isfinite(every)]
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    return bool(np.allclose(alone, among, rtol=0, atol=ALONE * largest, equal_nan=True))


def _joined(known: list[Batch], rest: Iterator[Batch]) -> Batch:
    """All rows as one batch. Raises E610 where they do not fit in memory."""
    limit = available_memory() // 3
    total = 0
    batches: list[Batch] = []
    for source in (known, rest):
        for batch in source:
            batches.append(batch)
            total += sum(array.nbytes for array in batch.arrays.values())
            if total > limit:
                text = f"all rows are one batch, and more than {size_text(limit)} of them do not fit in memory"
                raise Fault("E610", text, help="--batch N takes N rows at once")
    full = [batch for batch in batches if len(batch.numbers)]
    arrays = {name: np.concatenate([batch.arrays[name] for batch in full]) for name in full[0].arrays}
    numbers = np.concatenate([batch.numbers for batch in full])
    return Batch(arrays, numbers, tuple(found for batch in batches for found in batch.skipped))


def _filled(run: Run, arrays: Mapping[str, Array], rows: int, fixed: int) -> dict[str, Array]:
    """The answers of a model that takes `fixed` rows at once: the last row stands for those that are missing."""
    if rows == fixed:
        return run(arrays)
    last, first = ({name: _padded(a, fixed, a[at : at + 1 or None]) for name, a in arrays.items()} for at in (-1, 0))
    found, other = run(last), run(first)
    require_rows(found, fixed)
    if not all(_alike(found[name][:rows], other[name][:rows], found[name]) for name in found):
        raise Fault(
            "E610",
            f"the model takes {fixed} rows at once and {rows} are left over; they would change each other's answers",
            help=f"give a multiple of {fixed} rows, or --head",
        )
    return {name: array[:rows] for name, array in found.items()}


def _padded(array: Array, fixed: int, filler: Array) -> Array:
    return np.concatenate([array, np.repeat(filler, fixed - len(array), axis=0)])
