"""The dtypes of graphs: those of the language, and the integers that only the compiler uses."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from nnspec.ir.dims import Shape
from nnspec.ir.types import DTYPES, FLOATS, DType, TensorType

UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
SIGNED = ("int8", "int16", "int32", "int64")
INTEGRAL = UNSIGNED + SIGNED
GRAPH_DTYPES = tuple(dict.fromkeys(DTYPES + INTEGRAL))


def tensor_type(dtype: str, shape: Shape) -> TensorType:
    """A type with any dtype of graphs: random bits are uint32, which the language has no name for."""
    if dtype not in GRAPH_DTYPES:
        raise ValueError(f"{dtype!r} is no dtype; there are {', '.join(GRAPH_DTYPES)}")
    return TensorType(cast(DType, dtype), shape)


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """The NumPy dtype of a dtype's name; bfloat16 comes from ml_dtypes, which onnx brings along."""
    if dtype == "bfloat16":
        import ml_dtypes

        dtype = ml_dtypes.bfloat16
    return np.dtype(np.str_ if dtype == "string" else dtype)


def dtype_name(array: np.ndarray[Any, Any]) -> str:
    return "string" if array.dtype.kind in "US" else str(array.dtype)
