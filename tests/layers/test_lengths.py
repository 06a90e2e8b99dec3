"""Layers that leave padding out, held against loops over single rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from library_cases import Case, lowered, model_of, onnxruntime

from nnspec.ir.components import Example

LENGTHS = np.array([4, 2, 0])
"""Of three rows; the last has no steps."""

ROW: dict[str, Callable[[Any], Any]] = {
    "last": lambda x: x[-1],
    "mean(1)": lambda x: x.mean(0),
    "sum(1)": lambda x: x.sum(0),
    "max(1)": lambda x: x.max(0),
    "min(1)": lambda x: x.min(0),
    "mean([1, 2])": lambda x: x.mean(),
    "max([1, -1], keepdims = true)": lambda x: x.max().reshape(1, 1),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("call", ROW)
def test_padding_is_left_out(call: str, training: bool) -> None:
    example = Example(call, ("float32[N, T, 3]",), arguments=(("lengths", "int64[N]"),))
    model, feeds = model_of(lowered(Case("layer", example), training=training, symbolic=not training))
    x = feeds["x0"]
    x[np.arange(4) >= LENGTHS[:, None]] = np.nan
    (found,) = onnxruntime(model, feeds | {"lengths": LENGTHS})
    wanted = [
        ROW[call](row[:count]) if count else np.zeros(found.shape[1:]) for row, count in zip(x, LENGTHS, strict=True)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_whole_numbers_have_extremes_too() -> None:
    example = Example("max(1)", ("int64[N, T]",), -9, -1, arguments=(("lengths", "int32[N]"),))
    model, feeds = model_of(lowered(Case("layer", example)))
    (found,) = onnxruntime(model, feeds | {"lengths": LENGTHS.astype(np.int32)})
    x = feeds["x0"]
    assert found.tolist() == [x[0].max(), x[1, :2].max(), 0]


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("options", ["", ", bidirectional = true", ", layers = 2, bidirectional = true"])
def test_a_row_does_not_depend_on_its_neighbours_or_its_padding(kind: str, options: str) -> None:
    """Each row alone, cut to its length, gives what it gives among others: also in the other direction."""
    text = f'{kind}(2, returns = "state"{options})'
    example = Example(text, ("float32[N, T, 3]",), arguments=(("lengths", "int64[N]"),))
    for training in (False, True):
        model, feeds = model_of(lowered(Case("layer", example), training=training))
        feeds["x0"][np.arange(4) >= LENGTHS[:, None]] = np.nan
        every, *states = onnxruntime(model, feeds | {"lengths": LENGTHS})
        alone, weights = model_of(lowered(Case("layer", Example(text, ("float32[N, T, 3]",))), symbolic=True))
        for row in (0, 1):
            given = {name: feeds.get(name, array) for name, array in weights.items()}
            own, *ends = onnxruntime(alone, given | {"x0": feeds["x0"][row : row + 1, : LENGTHS[row]]})
            np.testing.assert_allclose(every[row, : LENGTHS[row]], own[0], rtol=1e-5, atol=1e-6)
            for state, end in zip(states, ends, strict=True):
                np.testing.assert_allclose(state[row], end[0], rtol=1e-5, atol=1e-6)
        assert not every[np.arange(4) >= LENGTHS[:, None]].any()
        assert not any(state[2].any() for state in states)


@pytest.mark.parametrize("call", ["last", "mean(1)", "gru(2)", "lstm(2, bidirectional = true)"])
@pytest.mark.parametrize("wrong", [5, -1])
def test_a_length_that_cannot_be_is_refused(call: str, wrong: int) -> None:
    example = Example(call, ("float32[N, T, 3]",), arguments=(("lengths", "int64[N]"),))
    for training in (False, True):
        model, feeds = model_of(lowered(Case("layer", example), training=training, symbolic=not training))
        with pytest.raises(Exception, match=r"out of data bounds|Invalid value/s in sequence_lens|seq_len"):
            onnxruntime(model, feeds | {"lengths": np.array([4, wrong, 1])})
