"""How far two sides are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def error(found: Any, expected: Any, least: float = 0.0) -> float:
    """max |found - expected| / max |expected|: relative to the largest entry of the tensor, in the maximum norm.

    There is no floor but what the caller says is the `least` to be relative to: where all of `expected` is 0 (the
    gradient of what the loss does not depend on), `found` must be 0 as well.
    """
    a, b = np.asarray(found), np.asarray(expected)
    assert a.shape == b.shape, f"shapes {a.shape} and {b.shape}"
    if b.dtype.kind in "biu":
        assert a.dtype == b.dtype
        return float(np.any(a != b))
    gap, size = np.abs(a.astype(np.float64) - b).max(), max(float(np.abs(b).max()), least)
    return float(gap) if gap == 0 else float(gap) / size if size else float("inf")


def worst(found: Mapping[str, Any], expected: Mapping[str, Any], least: float = 0.0) -> tuple[float, str]:
    """The largest error among tensors of the same names, and whose it is."""
    assert set(found) == set(expected)
    return max((error(found[name], expected[name], least), name) for name in found)
