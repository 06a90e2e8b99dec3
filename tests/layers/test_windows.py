"""Windows along an axis: how many there are, by counting them, and what symbolic sizes say about the same."""

from __future__ import annotations

from itertools import product

import pytest
from library_cases import build

from nnspec.ir.dims import Dim, substitute, symbol
from nnspec.ir.fields import OptionError, Rule
from nnspec.layers.windows import Window, amounts_per_axis, per_axis

WINDOWS = [
    Window(kernel, stride, dilation, padding, ceil)
    for kernel, stride, dilation, padding, ceil in product(
        (1, 2, 3, 4), (1, 2, 3, 5), (1, 2), ((0, 0), (1, 1), (0, 2), (2, 1), None), (False, True)
    )
    if padding is None or max(padding) < (kernel - 1) * dilation + 1
]


def counted(window: Window, size: int) -> int:
    """Windows at each stride, as long as they end inside of the padding, or begin before what is behind."""
    assert window.padding is not None
    before, behind = window.padding
    extent = (window.kernel - 1) * window.dilation + 1
    whole = list(range(0, before + size + behind - extent + 1, window.stride))
    if not window.ceil:
        return len(whole)
    last = (whole[-1] + window.stride) if whole else 0
    more = last < before + size and last - window.stride + extent < before + size + behind
    return len(whole) + more


def test_positions() -> None:
    for window, size in product(WINDOWS, range(1, 12)):
        found = window.positions(size)
        if window.padding is None:
            assert found == -(-size // window.stride)
        elif found > 0:  # type: ignore[operator]
            assert found == counted(window, size)


def test_pads_make_all_windows_whole() -> None:
    for window, size in product(WINDOWS, range(1, 12)):
        pads, positions = window.pads(size), window.positions(size)
        assert pads is not None and isinstance(positions, int)
        if positions > 0:
            assert (size + sum(pads) - window.extent) // window.stride + 1 == positions
            assert min(pads) >= 0


def test_symbolic_sizes_say_the_same() -> None:
    height = symbol("H")
    for window, size in product(WINDOWS, range(1, 12)):
        assert known(window.positions(height), size) == window.positions(size)
        assert known(window.lack(height), size) == window.lack(size)
        if pads := window.pads(height):
            assert (size + sum(pads) - window.extent) // window.stride + 1 == window.positions(size)


def known(dim: Dim, size: int) -> Dim:
    return substitute(dim, {"H": size})


def test_same_depends_on_the_size_where_there_is_a_stride() -> None:
    assert Window(3, 1, 2, None).pads(symbol("H")) == (2, 2)
    assert Window(3, 2, 1, None).pads(symbol("H")) is None
    assert Window(3, 2, 1, None).pads(8 * symbol("H")) == (0, 1)


def test_options_for_each_axis() -> None:
    assert per_axis(2, "kernel", 3) == (3, 3)
    assert per_axis(2, "kernel", (3, 1)) == (3, 1)
    assert amounts_per_axis(1, (2, 0)) == ((2, 0),)
    assert amounts_per_axis(2, (2, 0)) == ((2, 2), (0, 0))
    assert amounts_per_axis(2, ((2, 0), 1)) == ((2, 0), (1, 1))
    assert amounts_per_axis(3, "valid") == ((0, 0),) * 3
    assert amounts_per_axis(3, "same") == (None,) * 3
    with pytest.raises(Rule, match="a list of 2, one for each axis"):
        per_axis(2, "kernel", (3, 1, 1))
    with pytest.raises(Rule, match=r"or \[before, behind\]"):
        amounts_per_axis(1, (1, 2, 3))


def test_wrong_options_are_refused_before_any_shape() -> None:
    with pytest.raises(OptionError, match="stride is one number, or a list of 2"):
        build("layer", "avg_pool2d(2, [1, 2, 3])")
