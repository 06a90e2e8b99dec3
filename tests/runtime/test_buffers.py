"""Flat buffers: aligned views side by side, with zeros between them."""

import numpy as np
import pytest

from nnspec.runtime.buffers import ALIGNMENT, FlatBuffer, aligned

SHAPES = {"weight": (3, 5), "bias": (3,), "scalar": (), "large": (17, 4)}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_aligned_memory_is_aligned_and_zero(dtype: str) -> None:
    array = aligned((3, 7), dtype)
    assert array.ctypes.data % ALIGNMENT == 0
    assert array.dtype == dtype and array.shape == (3, 7) and not array.any()


def test_every_view_is_aligned_and_part_of_the_whole() -> None:
    buffer = FlatBuffer(SHAPES)
    for number, (name, view) in enumerate(buffer.items(), 1):
        assert view.shape == SHAPES[name] and view.ctypes.data % ALIGNMENT == 0
        view[...] = number
        assert (buffer.flat[buffer.slices[name]] == number).all()
    used = sum(view.size for view in buffer.values())
    assert np.count_nonzero(buffer.flat) == used, "the padding holds zeros"


def test_like_has_the_same_layout_and_other_memory() -> None:
    buffer = FlatBuffer(SHAPES)
    other = buffer.like()
    other.flat[:] = 1
    assert other.slices == buffer.slices and not buffer.flat.any()


def test_no_tensors() -> None:
    assert FlatBuffer({}).flat.shape == (0,)
