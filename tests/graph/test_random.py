"""Random numbers in graphs: distribution, independence, repeatability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from graph_builds import session

from nnspec.graph import random
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Array, Graph, GraphError, Value
from nnspec.graph.passes import optimized

Draw = Callable[[int, int], list[Array]]


def drawn(*makers: Callable[[Graph], Value], threads: int = 1) -> Draw:
    """The results of the makers as a function of seed and step, on ONNX Runtime."""
    g = Graph("random", training=True)
    g.seed_with(g.input("seed", tensor_type("uint32", ())), g.input("step", tensor_type("uint32", ())))
    for i, make in enumerate(makers):
        g.output(f"y{i}", make(g))
    run = session(optimized(g), threads)
    return lambda seed, step: run.run(None, {"seed": np.array(seed, np.uint32), "step": np.array(step, np.uint32)})


def correlation(a: Array, b: Array) -> float:
    return float(np.corrcoef(a.reshape(-1), b.reshape(-1))[0, 1])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_keep_rate_and_scale(rate: float) -> None:
    (mask,) = drawn(lambda g: random.keep_mask(g, (512, 256), rate))(1, 1)
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1)}
    kept = np.mean(mask != 0)
    deviation = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(kept - (1 - rate)) < 4 * deviation
    assert np.std((mask != 0).mean(0)) < 1.5 * np.sqrt(rate * (1 - rate) / 512)
    assert np.std((mask != 0).mean(1)) < 1.5 * np.sqrt(rate * (1 - rate) / 256)


def test_rows_columns_and_corners_are_independent() -> None:
    """Correlations of neighbours and products over the corners of rectangles are as for independent bits: 4 deviations
    of 1/sqrt(n).
    """
    draw = drawn(lambda g: random.keep_mask(g, (512, 256), 0.5))
    for step in range(5):
        bits = 2 * draw(7, step)[0] - 1
        limit = 4 / np.sqrt(bits.size)
        for shift in (1, 2, 16):
            assert abs(np.mean(bits[shift:] * bits[:-shift])) < limit
            assert abs(np.mean(bits[:, shift:] * bits[:, :-shift])) < limit
        corners = bits[1:, 1:] * bits[:-1, 1:] * bits[1:, :-1] * bits[:-1, :-1]
        assert abs(corners.mean()) < limit


def test_seeds_steps_and_sites_are_independent() -> None:
    draw = drawn(*[lambda g: random.keep_mask(g, (128, 128), 0.5)] * 2, *[lambda g: random.uniform(g, (128, 128))] * 2)
    kinds = [(seed, step) for seed in (0, 1, 2**31) for step in (0, 1, 2)]
    results = {kind: draw(*kind) for kind in kinds}
    masks = [result[i] for result in results.values() for i in (0, 1)]
    uniforms = [result[i] for result in results.values() for i in (2, 3)]
    for group in (masks, uniforms):
        correlations = np.corrcoef([values.reshape(-1) for values in group]) - np.eye(len(group))
        assert np.abs(correlations).max() < 5 / 128


@pytest.mark.parametrize("threads", [1, 4])
def test_the_same_seed_and_step_give_the_same_numbers(threads: int) -> None:
    makers = [lambda g: random.keep_mask(g, (64, 96), 0.3), lambda g: random.normal(g, (64, 96))]
    (first, other), again = drawn(*makers)(3, 9), drawn(*makers, threads=threads)(3, 9)
    assert first.tobytes() == again[0].tobytes()
    np.testing.assert_allclose(other, again[1], rtol=1e-6)


def test_uniform_numbers() -> None:
    (x,) = drawn(lambda g: random.uniform(g, (300, 301)))(5, 0)
    assert x.dtype == np.float32
    assert x.min() >= 0 and x.max() < 1
    counts, _ = np.histogram(x, 64, (0, 1))
    expected = x.size / 64
    assert np.sum((counts - expected) ** 2 / expected) < 63 + 4 * np.sqrt(2 * 63)
    assert abs(correlation(x.reshape(-1)[1:], x.reshape(-1)[:-1])) < 4 / np.sqrt(x.size)


def test_normal_numbers() -> None:
    (x,) = drawn(lambda g: random.normal(g, (401, 301)))(5, 2)
    n = np.sqrt(x.size)
    assert abs(x.mean()) < 4 / n
    assert abs(x.var() - 1) < 4 * np.sqrt(2) / n
    assert abs((x**3).mean()) < 4 * np.sqrt(15) / n
    assert abs((x**4).mean() - 3) < 4 * np.sqrt(96) / n
    assert 3.5 < np.abs(x).max() < 6
    assert abs(correlation(x.reshape(-1)[: x.size // 2], x.reshape(-1)[x.size // 2 : x.size // 2 * 2])) < 6 / n


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4, 5), (1, 1)])
def test_every_shape(shape: tuple[int, ...]) -> None:
    makers = [
        lambda g: random.keep_mask(g, shape, 0.5),
        lambda g: random.uniform(g, shape),
        lambda g: random.normal(g, shape),
    ]
    for values in drawn(*makers)(1, 2):
        assert values.shape == shape
        assert np.all(np.isfinite(values))


def test_a_graph_without_a_seed_draws_nothing() -> None:
    with pytest.raises(GraphError, match="no seed"):
        random.uniform(Graph("g"), (2,))
