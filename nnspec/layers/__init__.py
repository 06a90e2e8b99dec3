"""The layer library, a file per family. Importing it fills the registries."""

from __future__ import annotations

from nnspec.layers import (
    activations,
    affine,
    attention,
    convolution,
    extent,
    gated,
    initializers,
    normalization,
    operators,
    parts,
    pooling,
    pooling_global,
    positions,
    preprocessing,
    recurrent,
    reductions,
    regularisation,
    resize,
    shape,
)
from nnspec.layers.registry import INITIALIZERS, LAYERS, OPERATORS

__all__ = [
    "INITIALIZERS",
    "LAYERS",
    "OPERATORS",
    "activations",
    "affine",
    "attention",
    "convolution",
    "extent",
    "gated",
    "initializers",
    "normalization",
    "operators",
    "parts",
    "pooling",
    "pooling_global",
    "positions",
    "preprocessing",
    "recurrent",
    "reductions",
    "regularisation",
    "resize",
    "shape",
]
