"""Winograd's convolution against the direct one: results and gradients in float64, and how far float32 is off."""

from __future__ import annotations

import numpy as np
import pytest
from graph_builds import on_reference, session

from nnspec.autodiff import gradients
from nnspec.graph import winograd as module
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Array, Graph
from nnspec.graph.passes import optimized
from nnspec.graph.winograd import winograd

CASES = {
    "F(2, 3)": ((2, 3, 8, 8), (4, 3, 3, 3), (2, 2), (1, 1), (1, 1, 1, 1)),
    "F(4, 3)": ((2, 3, 8, 8), (4, 3, 3, 3), (4, 4), (1, 1), (1, 1, 1, 1)),
    "ragged": ((1, 2, 7, 9), (3, 2, 3, 3), (4, 4), (1, 1), (1, 1, 1, 1)),
    "large": ((1, 2, 11, 12), (3, 2, 3, 3), (4, 4), (1, 1), (1, 1, 1, 1)),
    "two tiles": ((1, 2, 11, 12), (3, 2, 3, 3), (4, 2), (1, 1), (1, 1, 1, 1)),
    "many filters": ((1, 16, 11, 12), (16, 16, 3, 3), (4, 4), (1, 1), (1, 1, 1, 1)),
    "no border": ((2, 3, 6, 5), (4, 3, 3, 3), (2, 2), (1, 1), (0, 0, 0, 0)),
    "an odd border": ((1, 2, 5, 6), (3, 2, 3, 3), (2, 4), (1, 1), (0, 2, 1, 0)),
    "an end that nothing reads": ((1, 2, 8, 8), (2, 2, 3, 3), (2, 2), (2, 2), (0, 0, 0, 0)),
    "stride 2": ((2, 3, 8, 8), (4, 3, 3, 3), (2, 2), (2, 2), (1, 1, 1, 1)),
    "stride 2, larger tiles": ((1, 2, 11, 13), (3, 2, 3, 3), (4, 4), (2, 2), (1, 1, 1, 1)),
    "strides 1 and 2": ((1, 2, 11, 13), (3, 2, 3, 3), (4, 2), (1, 2), (1, 1, 0, 1)),
    "kernel 2": ((1, 2, 6, 7), (3, 2, 2, 2), (4, 2), (1, 1), (0, 1, 1, 0)),
    "one axis": ((2, 3, 130), (4, 3, 3), (4,), (1,), (1, 1)),
    "three axes": ((1, 2, 4, 5, 6), (3, 2, 3, 3, 3), (2, 2, 2), (1, 1, 1), (1, 1, 1, 1, 1, 1)),
}


def data(*shape: int) -> Array:
    return np.random.default_rng(7).normal(size=shape)


def direct(x: Array, weight: Array, case: str) -> Array:
    """By Conv on the reference evaluator."""
    _, _, _, strides, pads = CASES[case]
    g = Graph("direct")
    inputs = [g.input(name, tensor_type("float64", a.shape)) for name, a in (("x", x), ("weight", weight))]
    g.output("y", g.op("Conv", *inputs, strides=list(strides), pads=list(pads)))
    return on_reference(g, {"x": x, "weight": weight})[0]


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_convolution_and_so_are_its_gradients(case: str) -> None:
    """The convolution is linear in either operand, so its adjoints are known from single ones."""
    x_shape, w_shape, tiles, strides, pads = CASES[case]
    g = Graph("winograd")
    x, weight = g.input("x", tensor_type("float64", x_shape)), g.input("weight", tensor_type("float64", w_shape))
    y = winograd(g, x, weight, tiles, strides, pads)
    dy = g.input("dy", y.type)
    loss = g.reduce("ReduceSum", g.op("Mul", y, dy), list(range(y.rank)))
    dx, dw = gradients(g, loss, [x, weight])
    assert dx is not None and dw is not None
    for name, value in {"y": y, "dx": dx, "dw": dw}.items():
        g.output(f"result {name}", value)
    feeds = {"x": data(*x_shape), "weight": data(*w_shape), "dy": data(*y.static_shape)}
    found, dx_found, dw_found = on_reference(optimized(g), feeds)
    np.testing.assert_allclose(found, direct(feeds["x"], feeds["weight"], case), atol=1e-10)
    images = np.eye(dx_found[0].size).reshape(-1, *x_shape[1:])
    seen = direct(images, feeds["weight"], case)
    wanted = np.tensordot(feeds["dy"], seen, (range(1, y.rank), range(1, y.rank)))
    np.testing.assert_allclose(dx_found.reshape(wanted.shape), wanted, atol=1e-10)
    single = np.eye(dw_found[0].size).reshape(-1, *w_shape[1:])
    wanted = np.tensordot(direct(feeds["x"], single, case), feeds["dy"], ((0, *range(2, y.rank)),) * 2).T
    np.testing.assert_allclose(dw_found.reshape(wanted.shape), wanted, atol=1e-10)


@pytest.mark.parametrize(("tile", "limit"), [(2, 1e-6), (4, 2e-5)])
def test_what_float32_loses(tile: int, limit: float) -> None:
    """Of the largest result; 64 channels, so that sums are long."""
    x, weight = data(2, 64, 16, 16), data(64, 64, 3, 3)
    CASES["precision"] = ((), (), (), (1, 1), (1, 1, 1, 1))
    g = Graph("single")
    operands = g.input("x", tensor_type("float32", x.shape)), g.input("weight", tensor_type("float32", weight.shape))
    g.output("y", winograd(g, *operands, (tile, tile), (1, 1), (1, 1, 1, 1)))
    (found,) = session(g).run(None, {"x": x.astype(np.float32), "weight": weight.astype(np.float32)})
    wanted = direct(x, weight, "precision")
    assert np.abs(found - wanted).max() < limit * np.abs(wanted).max()


@pytest.mark.parametrize(("tile", "kernel"), [(2, 2), (2, 3), (4, 2), (4, 3)])
def test_matrices_of_the_literature(tile: int, kernel: int) -> None:
    """y = R' ((F w) * (D x)) for all w and x, with one product less than tile + kernel."""
    d, f, r = module._correlation(tile, kernel)
    assert d.shape == (tile + kernel - 1,) * 2
    x, w = data(tile + kernel - 1), data(kernel)
    np.testing.assert_allclose(r.T @ ((f @ w) * (d @ x)), np.correlate(x, w, "valid"), atol=1e-12)
