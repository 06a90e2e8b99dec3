"""What a run remembers beside its buffers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nnspec.training.history import History
from nnspec.training.state import Weights
from nnspec.training.tally import Tally


@dataclass
class Memory:
    """History, best weights, and what the data said about itself."""

    history: History
    best: Weights | None = None
    """The weights of the best epoch."""
    last: Weights | None = None
    """The weights to go on from, while the state holds the best ones for use."""
    fitted: bool = False
    """Whether the statistics of the training rows are in the state."""
    tally: Tally | None = None
    """What was measured in the epoch under way; None between two epochs."""
    classes: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """The classes of each label target, once data was seen."""

    def leave_best(self) -> None:
        """The parameters change by hand: those in the state are from now on the ones to use and to go on from."""
        self.best = self.last = None
