"""Reverse-mode differentiation of graphs: an engine, and one rule per ONNX operator.

A new rule is one function: `@gradient("Name")` in the file of its family, or in a new file that is imported here. The
contract tests then ask for its cases, rows in tests/graph/operator_cases.py.
"""

from __future__ import annotations

from nnspec.autodiff import (
    activation,
    convolution,
    elementwise,
    indexing,
    linear,
    normalization,
    pooling,
    recurrent,
    reduce,
    resize,
    shape,
    softmax,
)
from nnspec.autodiff.engine import GradientError, gradients
from nnspec.autodiff.registry import declared, gradient, inference_only, non_differentiable, rules

__all__ = [
    "GradientError",
    "activation",
    "convolution",
    "declared",
    "elementwise",
    "gradient",
    "gradients",
    "indexing",
    "inference_only",
    "linear",
    "non_differentiable",
    "normalization",
    "pooling",
    "recurrent",
    "reduce",
    "resize",
    "rules",
    "shape",
    "softmax",
]
