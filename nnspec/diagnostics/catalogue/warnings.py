"""W3xx: what a person should know about a spec, and what stops nothing."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry
from nnspec.diagnostics.catalogue.syntax import model
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
    Entry(
        "W302",
        "running statistics that forget",
        """`momentum` of batch_norm and instance_norm is the part that a batch has in the running statistics, as in
        PyTorch: 0.1 by default. What Keras calls momentum is the part that stays, so that its 0.99 is 0.01 here. Above
        0.5 inference is left with the statistics of the last few batches. 1, those of the last batch alone, and none,
        the mean over all of them, are taken as they are meant.""",
        model("y = dense(3) -> batch_norm(momentum = 0.99)"),
        model("y = dense(3) -> batch_norm(momentum = 0.01)"),
    ),
)
