"""What the language promises and the library does not have yet: the one list of it.

A name counts no more as soon as a component of its kind is registered under it; delete it here then, and take over the
names of other frameworks that lead to it.
"""

from __future__ import annotations

from collections.abc import Mapping

PLANNED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "layer": {},
    "metric": {"precision": (), "recall": (), "f1": ("f1_score",), "auc": ("roc_auc", "AUROC")},
    "optimizer": {"rmsprop": (), "adagrad": (), "adadelta": (), "lion": (), "lamb": ()},
    "source": {
        "parquet": ("read_parquet",),
    },
}


def planned(kind: str, name: str) -> str:
    """The planned component of this kind that somebody who wrote `name` meant; an empty text for none."""
    wanted = plain(name)
    items = PLANNED.get(kind, {}).items()
    return next((own for own, other in items if wanted in map(plain, (own, *other))), "")


def plain(name: str) -> str:
    """A name without its module, its capitals and its underscores: `nn.LeakyReLU` and `leaky_relu` are one."""
    return name.rsplit(".", 1)[-1].lower().replace("_", "")
