"""The settings of the section `data`; its other keys say what feeds the inputs and targets."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nnspec.data.augment.base import Augmentation
from nnspec.data.sources import Source
from nnspec.ir.components import Component
from nnspec.ir.fields import Limits, Rule

Fraction = Annotated[float, Limits(gt=0, lt=1)]


class DataSection(Component):
    """Where rows come from and how they are split."""

    kind: ClassVar[str] = "section"
    name: ClassVar[str] = "data"

    train: Source
    """The rows to learn from: `csv("data/iris.csv")`."""
    validation: Source | Fraction | None = None
    """A source, or a fraction of the training rows."""
    test: Source | Fraction | None = None
    """A source, or a fraction of the training rows."""
    shuffle: bool = True
    """Draw the rows in another order in every epoch."""
    augment: tuple[Augmentation, ...] = ()
    """Random changes of the training rows, in this order."""

    def _check(self) -> None:
        fractions = [split for split in (self.validation, self.test) if isinstance(split, float)]
        if sum(fractions) >= 1:
            raise Rule("test", "validation and test take all rows, and leave none to learn from")
