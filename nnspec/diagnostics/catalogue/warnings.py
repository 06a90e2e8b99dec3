"""W3xx: what a person should know about a spec, and what stops nothing."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry
from nnspec.diagnostics.catalogue.training import GOOD

DECAYED = GOOD.replace("adam(lr = 0.01)", "adamw(lr = 0.01, weight_decay = 0.1)")

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "W301",
        "weight decay meets biases and scales",
        """Optimizers decay every parameter, as PyTorch's do. Decay keeps weights small, so that a function is smooth;
        biases, and the scales of normalisation layers, have no part in that, and decay only pulls them from where they
        should be. `decay_on` names the parameters to act on, by patterns in which `*` crosses dots;
        `decay_on = "*"` says that all of them are meant.

        It is said where weight_decay is given, decay_on is not, and a step takes 1e-5 of a parameter or more off it
        (the greatest learning rate times weight_decay: 1 % in 1000 steps). He et al., Bag of Tricks for Image
        Classification, 2019, 3.1.""",
        DECAYED,
        DECAYED.replace("weight_decay = 0.1", 'weight_decay = 0.1, decay_on = "*.weight"'),
    ),
)
