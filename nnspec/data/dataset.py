"""From a spec to the rows of its splits: arrays in the exact dtypes and shapes of the model's inputs and targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnspec.data.arrays import dataset_from_arrays
from nnspec.data.assemble import assemble
from nnspec.data.labels import Classes
from nnspec.data.randomness import SPLIT, permutation
from nnspec.data.rows import Dataset
from nnspec.data.slots import TOKENIZER, Request, Slot, slots_of
from nnspec.data.sources import Source
from nnspec.data.text_ids import tokenizers
from nnspec.data.windows import row_slots, windowed
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.codec import decode
from nnspec.ir.spec import Data, Spec, Split

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")


class Splits(NamedTuple):
    """The datasets of a spec; None where the spec has no such split or it was not asked for."""

    train: Dataset | None
    validation: Dataset | None
    test: Dataset | None
    classes: dict[str, Classes]


def load(
    spec: Spec,
    library: Mapping[str, Any],
    folder: Path | str | None = None,
    seed: int | None = None,
    classes: Mapping[str, Classes] | None = None,
    *,
    splits: Collection[str] = SPLITS,
) -> Splits:
    """Read the data of a spec.

    Raises a DataError with all findings, E601 to E609, at the entries of the data section. `library` maps kinds to
    registries, `folder` is where paths start (the spec's folder by default), `seed` draws the fractions (the spec's by
    default). `classes` are those of a trained model; without them the train source decides, whole, before fractions are
    drawn. Only the files that `splits` need are read.
    """
    if spec.data is None:
        raise DataError(
            [Fault("E601", "the spec has no data section", help="add one, or give the rows as arrays").at(None)]
        )
    start = Path(folder) if folder is not None else Path(spec.path).parent
    chosen = seed if seed is not None else spec.train.seed if spec.train else 0
    return _Loader(spec.data, slots_of(spec), library, folder=start, seed=chosen, classes=dict(classes or {})).load(
        splits
    )


class _Loader:
    """One reading of a spec's data."""

    def __init__(
        self,
        data: Data,
        slots: tuple[Slot, ...],
        library: Mapping[str, Any],
        *,
        folder: Path,
        seed: int,
        classes: dict[str, Classes],
    ) -> None:
        self.data = data
        self.slots = slots
        self.library = library
        self.folder = folder
        self.seed = seed
        self.classes = classes
        self.declared = {"train": data.train, "validation": data.validation, "test": data.test}

    def load(self, names: Collection[str]) -> Splits:
        self._read_tokenizer()
        wanted = [name for name in SPLITS if name in names and self.declared[name] is not None]
        found: dict[str, Dataset] = {}
        if self._needs_train(wanted):
            found.update(self._of_train())
        for name in wanted:
            split = self.declared[name]
            if split is not None and split.source is not None and name != "train":
                found[name] = self._read(name, split)
        train, validation, test = (found.get(name) if name in wanted else None for name in SPLITS)
        return Splits(train, validation, test, self.classes)

    def _needs_train(self, wanted: list[str]) -> bool:
        drawn = any(
            split is not None and split.source is None for name, split in self.declared.items() if name in wanted
        )
        unknown = any((slot.label or slot.text) and slot.name not in self.classes for slot in self.slots)
        return "train" in wanted or drawn or (unknown and bool(wanted))

    def _read_tokenizer(self) -> None:
        """Put the tokenizer of the training rows where vocabularies are, unless that of a trained model is there."""
        source = self.data.train.source
        path = str(source.options.get(TOKENIZER) or "") if source else ""
        try:
            self.classes |= tokenizers(self.slots, self.folder, path, self.classes)
        except Fault as fault:
            raise DataError([fault.at(self.data.train.span)]) from fault

    def _of_train(self) -> dict[str, Dataset]:
        """The train source, less the fractions that are taken from it."""
        if self.data.train.source is None or not self._source(self.data.train)[0].ordered:
            return self._divided(self._read("train", self.data.train))
        parts, end = dict[str, tuple[float, float]](), 1.0
        for name in ("test", "validation"):
            split = self.declared[name]
            if split is not None and split.source is None:
                begin = end - (split.fraction or 0.0)
                if begin <= 0:
                    fault = Fault("E609", "the fractions leave nothing of the text for training")
                    raise DataError([fault.at(split.span)])
                parts[name], end = (begin, end), begin
        found = {"train": self._read("train", self.data.train, (0.0, end))}  # first, since its words are those known
        for name, part in parts.items():
            split = self.declared[name]
            found[name] = self._read("train", self.data.train, part, split.span if split else None)
        return found

    def _read(
        self, name: str, split: Split, part: tuple[float, float] = (0.0, 1.0), place: Span | None = None
    ) -> Dataset:
        """All rows of a source, or those of a part; the first to be read fixes the classes."""
        try:
            source, slots = self._source(split)
            table = source.read(self.folder, Request(slots, self.seed, SPLITS.index(name), part, self.classes))
            window = source.windows
            found = assemble(table, row_slots(slots, window) if window else slots, self.classes)
            self.classes = dict(found.classes)
            return windowed(found, slots, window) if window else found
        except Fault as fault:
            raise DataError([fault.at(place or split.span)]) from fault

    def _source(self, split: Split) -> tuple[Source, tuple[Slot, ...]]:
        if split.source is None:
            raise Fault("E601", 'train is a source, such as csv("data.csv"), not a fraction')
        source: Source = decode(self.library, "source", split.source)
        if not source.needs_feeds:
            return source, tuple(slot._replace(columns=(slot.name,), single=True) for slot in self.slots)
        missing = [slot for slot in self.slots if not slot.columns]
        if missing:
            raise DataError(
                [
                    Fault(
                        "E602",
                        f"nothing in the data section feeds {slot.name}, {slot.wanted}",
                        help=f'{slot.name} = "column", or ["a", "b"] for columns side by side',
                    ).at(slot.span)
                    for slot in missing
                ]
            )
        return source, self.slots

    def _divided(self, whole: Dataset) -> dict[str, Dataset]:
        """The train source, less the fractions that are drawn from it."""
        fractions = {name: split for name, split in self.declared.items() if split is not None and split.source is None}
        if not fractions:
            return {"train": whole}
        if whole.span > 1:
            return self._divided_by_time(whole, fractions)
        order = permutation(whole.rows, self.seed, SPLIT) if self.data.shuffle else np.arange(whole.rows)[::-1]
        drawn: dict[str, NDArray[np.int64]] = {}
        # The test rows come first, so that another validation fraction leaves them alone.
        for name in ("test", "validation"):
            if name in fractions:
                split = fractions[name]
                count = _count(name, split, whole.rows)
                drawn[name], order = order[:count], order[count:]
        if not len(order):
            raise DataError(
                [Fault("E609", f"the fractions leave no row of {whole.rows} for training").at(self.data.span)]
            )
        return {name: whole.subset(np.sort(rows)) for name, rows in {"train": order, **drawn}.items()}

    def _divided_by_time(self, whole: Dataset, fractions: Mapping[str, Split]) -> dict[str, Dataset]:
        """Windows of the table's first rows to learn from, then those for validation, the last ones for the test. No
        row is in two of them, neither in a window nor in what follows it."""
        end = whole.rows + whole.span - 1
        found: dict[str, Dataset] = {}
        for name in ("test", "validation", "train"):
            if name != "train" and name not in fractions:
                continue
            begin = 0 if name == "train" else end - _count(name, fractions[name], whole.rows + whole.span - 1)
            starts = np.arange(begin, end - whole.span + 1)
            if not len(starts):
                span = fractions[name].span if name in fractions else self.data.span
                text = f"{name} gets {max(end - begin, 0)} rows, and a window with its horizon takes {whole.span}"
                raise DataError([Fault("E609", text).at(span)])
            found[name] = whole.subset(starts)
            end = begin
        return found


def _count(name: str, split: Split, rows: int) -> int:
    fraction = split.fraction or 0.0
    count = round(fraction * rows)
    if not 0 < fraction < 1 or count < 1:
        raise DataError(
            [
                Fault(
                    "E609",
                    f"{name} = {fraction:g} of {rows} rows is {'no row' if count < 1 else 'not a part of them'}",
                    help="a fraction lies between 0 and 1, and gives at least one row",
                ).at(split.span)
            ]
        )
    return count


__all__ = ["SPLITS", "Dataset", "Splits", "dataset_from_arrays", "load"]
