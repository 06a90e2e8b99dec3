"""Conversion to exact dtypes, and shapes against declared types."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nnspec.data.convert import convert, numpy_dtype
from nnspec.data.shapes import Bindings
from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import parse
from nnspec.ir.types import DTYPES, TensorType


def place(row: int | None) -> str:
    return "x" if row is None else f"x, index {row}"


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0.1, 2.5], "float32", np.array([0.1, 2.5], np.float32)),
        ([1, -(2**24)], "float32", np.array([1, -(2**24)], np.float32)),
        ([2**62], "float32", np.array([2**62], np.float32)),
        ([True, False], "float32", np.array([1, 0], np.float32)),
        ([1.5], "bfloat16", np.array([1.5], ml_dtypes.bfloat16)),
        ([0, 255], "uint8", np.array([0, 255], np.uint8)),
        ([True], "int64", np.array([1])),
        ([0, 1], "bool", np.array([False, True])),
        (["a", "b"], "string", np.array(["a", "b"], object)),
    ],
)
def test_what_fits(values: list[object], dtype: str, expected: np.ndarray) -> None:
    found = convert(np.array(values), dtype, place)  # type: ignore[arg-type]
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([[1, 2], [3, np.nan]], "float32", "E605: x, index 1 is nan, a finite number is needed"),
        ([1, -np.inf], "float32", "E605: x, index 1 is -inf, a finite number is needed"),
        ([1, 1e300], "float32", "E603: x, index 1 holds 1e+300, which is too large for float32"),
        ([70000], "float16", "E603: x, index 0 holds 70000, which is too large for float16"),
        ([1, 2**24 + 1], "float32", "E603: x, index 1 holds 16777217, which float32 would round"),
        ([2**63 - 1], "float64", f"E603: x, index 0 holds {2**63 - 1}, which float64 would round"),
        (["a"], "float32", "E603: x holds text, float32 is needed"),
        ([b"a"], "float32", "E603: x holds bytes, float32 is needed"),
        ([1j], "float32", "E603: x holds complex128, float32 is needed"),
        ([1.0], "int64", "E603: x holds float64, int64 is needed"),
        ([[1], [256]], "uint8", "E603: x, index 1 holds 256, which is outside uint8, 0 to 255"),
        ([-1], "uint8", "E603: x, index 0 holds -1, which is outside uint8, 0 to 255"),
        ([0, 2], "bool", "E603: x, index 1 holds 2, and a bool is 0 or 1"),
        ([0.0], "bool", "E603: x holds float64, bool is needed"),
        ([1], "string", "E603: x holds int64, string is needed"),
    ],
)
def test_what_does_not_fit(values: list[object], dtype: str, message: str) -> None:
    with pytest.raises(Fault) as caught:
        convert(np.array(values), dtype, place)  # type: ignore[arg-type]
    assert f"{caught.value.code}: {caught.value.message}" == message


def test_large_uint64_is_outside_int64() -> None:
    with pytest.raises(Fault, match="index 1 holds 18446744073709551615, which is outside int64"):
        convert(np.array([1, 2**64 - 1], np.uint64), "int64", place)


def test_an_array_that_fits_is_not_copied() -> None:
    array = np.ones((2, 3), np.float32)
    assert convert(array, "float32", place) is array
    assert convert(np.asfortranarray(array), "float32", place).flags.c_contiguous


anything = st.one_of(hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(), hnp.boolean_dtypes())


@given(
    anything.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=2, max_side=3))), st.sampled_from(DTYPES)
)
def test_values_are_kept_or_refused(array: np.ndarray, dtype: str) -> None:
    try:
        found = convert(array, dtype, place)  # type: ignore[arg-type]
    except Fault as fault:
        assert fault.code in ("E603", "E605")
        return
    assert found.dtype == numpy_dtype(dtype)  # type: ignore[arg-type]
    if array.dtype.kind != "f":
        assert [int(value) for value in found.ravel()] == [int(value) for value in array.ravel()]


def fit(bindings: Bindings, shape: tuple[int, ...], *dims: str) -> None:
    type = TensorType("float32", tuple(parse(dim) for dim in dims))
    bindings.fit("x", type, str(type), shape, found="d.npz", help="a hint")


@pytest.mark.parametrize(
    ("shape", "dims", "message"),
    [
        ((5, 3), ("N", "4"), "x takes float32[N, 4], d.npz gives [5, 3]: 4 against 3"),
        ((5,), ("N", "4"), "x takes float32[N, 4], d.npz gives [5]: 2 dimensions against 1"),
        ((5, 12), ("N", "8*T"), "x takes float32[N, 8*T], d.npz gives [5, 12]: 12 is not of the form 8*T"),
        ((5, 3, 4), ("N", "T", "T"), "x takes float32[N, T, T], d.npz gives [5, 3, 4]: 3 against 4, since T is 3 in x"),
        (
            (5, 3, 4),
            ("N", "T", "T//2"),
            "x takes float32[N, T, T//2], d.npz gives [5, 3, 4]: 1 against 4, since T is 3 in x",
        ),
        ((5, 1), ("N", "T+1"), "x takes float32[N, T+1], d.npz gives [5, 1]: 1 is not of the form T+1"),
        ((5,), (), "x takes float32[], which has no first dimension for the rows of d.npz"),
    ],
)
def test_shapes_that_do_not_fit(shape: tuple[int, ...], dims: tuple[str, ...], message: str) -> None:
    with pytest.raises(Fault) as caught:
        fit(Bindings(), shape, *dims)
    assert (caught.value.code, caught.value.message) == ("E607", message)


def test_symbols_are_bound_once_for_all_arrays() -> None:
    bindings = Bindings()
    fit(bindings, (5, 16, 3), "N", "8*H", "W")
    fit(bindings, (7, 2, 5), "N", "H", "H+W")
    assert bindings.sizes == {"H": 2, "W": 3}
    with pytest.raises(Fault, match="2 against 4, since H is 2 in x"):
        fit(bindings, (5, 4), "N", "H")
