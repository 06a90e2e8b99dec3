"""Normalization by statistics of the batch, of each row over its positions, and of each row over its features."""

from __future__ import annotations

from nnspec.layers.normalization import batch, features, rows

__all__ = ["batch", "features", "rows"]
