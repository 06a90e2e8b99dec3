"""The augmentations of a spec, applied to batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.augment.base import Augmentation, Picture
from nnspec.data.augment.draws import Draws
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.ir.codec import decode
from nnspec.ir.spec import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Augmenter:
    """Changes batches in place. What becomes of a row is a function of seed, epoch and row, and for those that blend
    rows also of the others in the batch."""

    def __init__(self, spec: Spec, library: Mapping[str, Any], seed: int) -> None:
        """Raises E410 where an augmentation has nothing to change."""
        inputs = {item.name: item.type for item in spec.inputs}
        targets = {item.name: item.type for item in (spec.train.targets if spec.train else ())}
        self._seed = seed
        self._steps: list[tuple[Augmentation, list[tuple[str, bool]]]] = []
        for reference in spec.data.augment if spec.data else ():
            augmentation: Augmentation = decode(library, "augmentation", reference)
            try:
                names = augmentation.changed(inputs, targets)
            except Fault as fault:
                raise DataError([fault.at(spec.data.span if spec.data else None)]) from fault
            self._steps.append((augmentation, [(name, name in targets) for name in names]))

    def __bool__(self) -> bool:
        return bool(self._steps)

    def __call__(self, batch: Mapping[str, NDArray[Any]], epoch: int, rows: NDArray[np.int64]) -> None:
        """Change the rows of a batch, whose numbers in the split are `rows`."""
        for stream, (augmentation, names) in enumerate(self._steps):
            pictures = [Picture(_pixels(batch[name]), target) for name, target in names]
            augmentation.apply(pictures, Draws(self._seed, stream, epoch, rows))


def _pixels(array: NDArray[Any]) -> NDArray[Any]:
    """[n, C, H, W]; a view, so that writing changes the array."""
    match array.ndim:
        case 2:
            return array[:, :, None, None]
        case 3:
            return array[:, None]
        case _:
            return array
