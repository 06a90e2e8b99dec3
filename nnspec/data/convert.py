"""Arrays to the exact dtype of a model input or target.

Rounding to the nearest float is the only change of a value that is allowed.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.cells import FILL, Place
from nnspec.data.wording import quoted
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import FLOATS, INTEGERS, DType

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = {"float16": 2**11, "bfloat16": 2**8, "float32": 2**24, "float64": 2**53}
"""Whole numbers up to here are floats of that dtype; beyond, only some are."""


def numpy_dtype(dtype: DType) -> np.dtype[Any]:
    """The NumPy dtype of tensors of `dtype`; text is an array of `str` objects, as ONNX Runtime takes it."""
    if dtype == "bfloat16":
        import ml_dtypes

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(object if dtype == "string" else dtype)


def convert(values: NDArray[Any], dtype: DType, place: Place) -> NDArray[Any]:
    """`values`, rows first, as a C-contiguous array of `dtype`; the array itself where it is one. Raises E603 and E605.

    Integers and booleans become floats where no digit is lost; floats never become integers.
    """
    if dtype in FLOATS:
        converted = _floats(values, dtype, place)
    elif dtype in INTEGERS:
        converted = _integers(values, dtype, place)
    else:
        converted = _booleans(values, place) if dtype == "bool" else _strings(values, place)
    return np.ascontiguousarray(converted)


def _floats(values: NDArray[Any], dtype: DType, place: Place) -> NDArray[Any]:
    kind = _kind(values)
    if kind not in "fiub":
        raise _unfit(values, dtype, place)
    if kind == "f":
        _refuse(~np.isfinite(values), values, place, "E605", "is {}, a finite number is needed")
    with np.errstate(over="ignore"):
        converted = values.astype(numpy_dtype(dtype), copy=False)
    if converted is not values:
        _refuse(~np.isfinite(converted), values, place, "E603", f"holds {{}}, which is too large for {dtype}")
    if kind in "iu" and values.size and (values.max() > EXACT[dtype] or values.min() < -EXACT[dtype]):
        _refuse(
            _rounded(values, converted),
            values,
            place,
            "E603",
            f"holds {{}}, which {dtype} would round",
            help="declare the input as float64, or store rounded numbers as floats",
        )
    return converted


def _rounded(values: NDArray[Any], converted: NDArray[Any]) -> NDArray[np.bool_]:
    """Where integers and their floats differ; compared as Python integers, for which nothing overflows."""
    pairs = zip(values.ravel().tolist(), converted.astype(np.float64).ravel().tolist(), strict=True)
    return np.fromiter((int(float_) != whole for whole, float_ in pairs), np.bool_, values.size).reshape(values.shape)


def _integers(values: NDArray[Any], dtype: DType, place: Place) -> NDArray[Any]:
    if _kind(values) not in "iub":
        raise _unfit(values, dtype, place)
    target = numpy_dtype(dtype)
    if values.dtype.kind != "b" and not np.can_cast(values.dtype, target) and values.size:
        low, high = int(np.iinfo(target).min), int(np.iinfo(target).max)
        if int(values.min()) < low or int(values.max()) > high:
            _refuse(
                (values < low) | (values > high),
                values,
                place,
                "E603",
                f"holds {{}}, which is outside {dtype}, {low} to {high}",
            )
    return values.astype(target, copy=False)


def _booleans(values: NDArray[Any], place: Place) -> NDArray[Any]:
    if _kind(values) not in "iub":
        raise _unfit(values, "bool", place)
    if values.dtype.kind != "b":
        _refuse((values != 0) & (values != 1), values, place, "E603", "holds {}, and a bool is 0 or 1")
    return values.astype(np.bool_, copy=False)


def _strings(values: NDArray[Any], place: Place) -> NDArray[Any]:
    if _kind(values) not in "UTO":
        raise _unfit(values, "string", place)
    return values.astype(object, copy=False)


def unboxed(values: NDArray[Any], place: Place) -> NDArray[Any]:
    """An array of Python objects as one of the dtype that they have in common. Raises E605 for the first that is
    missing: None, NaN among text, pandas' NA."""
    boxed = values.tolist()
    flat = boxed if values.ndim == 1 else values.ravel().tolist()
    number = next((number for number, value in enumerate(flat) if _is_missing(value)), None)
    if number is not None:
        raise Fault("E605", f"{place(row_of(number, values.shape))} is missing, a value is needed", help=FILL)
    array = np.asarray(boxed)
    if array.dtype.kind == "U" and not all(isinstance(value, str) for value in flat):
        raise Fault("E603", f"{place(None)} mixes text and other values")
    return array


def _is_missing(value: object) -> bool:
    """Whether a Python object stands for a value that is not there."""
    if isinstance(value, float):
        return isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _kind(values: NDArray[Any]) -> str:
    """NumPy's letter for a kind of dtype; the floats of ml_dtypes are no V but f."""
    return "f" if values.dtype.name == "bfloat16" else values.dtype.kind


def _refuse(
    bad: NDArray[np.bool_], values: NDArray[Any], place: Place, code: str, message: str, *, help: str = ""
) -> None:
    """Raise for the first True of `bad`, naming its row; `{}` in the message stands for the value."""
    if bad.any():
        flat = int(np.flatnonzero(bad)[0])
        value = values.ravel()[flat]
        raise Fault(code, f"{place(row_of(flat, values.shape))} {message.format(quoted(value.item()))}", help=help)


def row_of(flat: int, shape: tuple[int, ...]) -> int:
    """The row of the element number `flat` in row-major order."""
    return flat // max(int(np.prod(shape[1:])), 1)


def _unfit(values: NDArray[Any], dtype: str, place: Place) -> Fault:
    found = {"U": "text", "T": "text", "S": "bytes", "O": "Python objects"}.get(values.dtype.kind, str(values.dtype))
    help = ""
    if dtype in INTEGERS and values.dtype.kind == "f":
        help = f'store whole numbers as integers: array.astype("{dtype}")'
    return Fault("E603", f"{place(None)} holds {found}, {dtype} is needed", help=help)
