"""Result types of ONNX operators: a small pure function per family, over symbolic dimensions.

A new operator is one rule: write `@typed("Name")` in the file of its family, or in a new file that is imported here.
The contract tests then ask for its cases (tests/graph/typing_cases.py) and for its gradient or the declaration that it
has none (nnspec/autodiff).
"""

from __future__ import annotations

from nnspec.graph.typing import (
    attention,
    convolution,
    elementwise,
    indexing,
    linear,
    normalization,
    pooling,
    quantization,
    recurrent,
    reduce,
    resize,
    shape,
)
from nnspec.graph.typing.call import Underdetermined, infer, operators

__all__ = [
    "Underdetermined",
    "attention",
    "convolution",
    "elementwise",
    "indexing",
    "infer",
    "linear",
    "normalization",
    "operators",
    "pooling",
    "quantization",
    "recurrent",
    "reduce",
    "resize",
    "shape",
]
