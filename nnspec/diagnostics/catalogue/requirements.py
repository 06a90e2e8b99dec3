"""E5xx: the require section."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry
from nnspec.diagnostics.catalogue.syntax import model

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "E501",
        "a requirement does not hold",
        """The require section states what must be true of the model: budgets for params, macs, size and
        activation_memory, and the types of inputs, outputs and values. check, compile and train hold it against
        the model. The message gives the actual number, and what weighs most.""",
        model("output y = dense(3)") + "\nrequire { params <= 10 }\n",
        model("output y = dense(3)") + "\nrequire { params <= 15 }\n",
    ),
)
