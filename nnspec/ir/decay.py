"""The warning where weight decay shrinks biases and the scales of normalisation, which gains nothing and costs some."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir.patterns import matches, matches_any
from nnspec.ir.records import ParameterRecord
from nnspec.ir.wording import counted
from nnspec.language import syntax

FAINT = 1e-4
"""Below this a step takes too little off a parameter to speak of: less than 10 % in 1000 steps."""
LITTLE = 0.1
"""Below this a run of so many steps takes too little off."""
PATTERNS = 6
"""A help with more patterns than these helps nobody."""


def decay_warning(
    call: syntax.Expr,
    optimizer: Any,
    parameters: Mapping[str, ParameterRecord],
    freeze: Sequence[str],
    steps: int | None,
) -> tuple[Fault, syntax.Argument] | None:
    """What to say, and of which argument, where weight decay is asked for and `decay_on` is not.

    Biases and scales are the parameters of one dimension. He et al., Bag of Tricks, 2019, leave them out.
    """
    named = {argument.name.name: argument for argument in getattr(call, "arguments", ()) if argument.name}
    if "weight_decay" not in named or "decay_on" in named:
        return None
    at_most = peak(optimizer) * optimizer.weight_decay
    if at_most < FAINT or (steps is not None and at_most * steps < LITTLE):
        return None
    trained = {
        path: own.spec.shape
        for path, own in parameters.items()
        if own.spec.trainable and not any(matches(pattern, path) for pattern in freeze)
    }
    others = [path for path, shape in trained.items() if len(shape) <= 1]
    weights = [path for path, shape in trained.items() if len(shape) > 1]
    if not others or not weights:
        return None
    kinds = Counter("bias" if path.rpartition(".")[2].startswith("bias") else "scale" for path in others)
    said = [f"{kinds['bias']} bias{'es' * (kinds['bias'] > 1)}"] * ("bias" in kinds)
    said += [counted(kinds["scale"], "scale")] * ("scale" in kinds)
    fault = Fault("W301", f"weight decay shrinks {' and '.join(said)} too, such as {others[0]}")
    if patterns := patterns_of(weights, others):
        texts = [f'"{pattern}"' for pattern in patterns]
        fault.help = f"decay_on = {texts[0] if len(texts) == 1 else '[' + ', '.join(texts) + ']'} spares them"
    else:
        fault.help = "decay_on names the weights that it should act on"
    return fault, named["weight_decay"]


def patterns_of(wanted: Sequence[str], others: Sequence[str]) -> list[str]:
    """A few patterns that cover all `wanted` paths and none of the `others`; empty where there are no few."""
    found: list[str] = []
    left = list(wanted)
    candidates = {pattern for path in wanted for pattern in _candidates(path) if not matches_any(pattern, others)}
    while left and len(found) < PATTERNS:
        covered = {pattern: sum(matches(pattern, path) for path in left) for pattern in candidates}
        best = max(candidates, key=lambda pattern: (covered[pattern], pattern in wanted, -len(pattern), pattern))
        found.append(best)
        left = [path for path in left if not matches(best, path)]
    return [] if left else sorted(found, key=lambda pattern: _first(pattern, wanted))


def _candidates(path: str) -> Iterator[str]:
    """The path, and from general to special patterns that cover it: `*.weight`, `*conv2d_*.weight`, …"""
    yield path
    *scopes, leaf = path.split(".")
    yield f"*.{leaf}"
    for scope in scopes:
        kind = re.sub(r"\d+$", "*", scope)
        if kind != "*":
            yield re.sub(r"\*+", "*", f"{kind}*.{leaf}")
            yield re.sub(r"\*+", "*", f"*{kind}*.{leaf}")


def _first(pattern: str, paths: Iterable[str]) -> int:
    return next(index for index, path in enumerate(paths) if matches(pattern, path))


def peak(optimizer: Any) -> float:
    """The greatest learning rate."""
    rate = optimizer.lr
    return float(rate if isinstance(rate, (int, float)) else max(getattr(rate, "peak", 0.0), getattr(rate, "lr", 0.0)))
