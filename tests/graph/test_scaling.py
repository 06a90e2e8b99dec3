"""Factors that matrix products take with them."""

from __future__ import annotations

import numpy as np
import pytest
from graph_builds import session

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Graph, Value
from nnspec.graph.passes import optimized


def built(make: object) -> tuple[list[str], dict[str, np.ndarray]]:  # type: ignore[type-arg]
    """Operators after the passes, and the outputs, which must be those of the graph as it is."""
    results = []
    random = np.random.default_rng(0)
    shapes = {"x": (6, 4), "w": (5, 4), "b": (5,), "v": (3, 5)}
    feeds = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for passes in (lambda g: g, optimized):
        g = Graph("g")
        values = {name: g.input(name, tensor_type("float32", shape)) for name, shape in shapes.items()}
        make(g, **values)  # type: ignore[operator]
        g = passes(g)
        run = session(g)
        used = {item.name for item in run.get_inputs()}
        results.append(run.run(None, {name: array for name, array in feeds.items() if name in used}))
    for found, wanted in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    return [node.op_type for node in g.nodes], dict(zip(g.outputs, results[1], strict=True))


def before(g: Graph, x: Value, w: Value, b: Value, v: Value) -> None:
    """The Gemm that makes it takes the factor, through reshapes; its offset is scaled apart."""
    y = g.reshape(g.op("Gemm", x, w, b, transB=1), (2, 3, 5))
    g.output("y", g.op("Relu", g.op("Mul", y, 3.0)))


def behind(g: Graph, x: Value, w: Value, b: Value, v: Value) -> None:
    """All products that read it take the factor; a constant of ones as well."""
    y = g.op("Mul", g.op("Relu", g.op("Gemm", x, w, transB=1)), 0.5)
    g.output("one", g.op("Gemm", y, v, transB=1))
    g.output("two", g.op("Gemm", y, x, transA=1))
    g.output("three", g.op("MatMul", g.constant(np.ones(6, np.float32)), y))


def through_products(g: Graph, x: Value, w: Value, b: Value, v: Value) -> None:
    """A product that is scaled, and reads what is scaled."""
    y = g.op("Mul", g.op("Exp", g.op("Gemm", x, w, transB=1)), 0.5)
    g.output("y", g.op("Abs", g.op("Mul", g.op("Gemm", y, v, transB=1), -2.0)))


def twice(g: Graph, x: Value, w: Value, b: Value, v: Value) -> None:
    """A factor behind a factor."""
    y = g.op("Mul", g.op("Transpose", g.op("Mul", g.op("Gemm", x, w, transB=1), 0.5), perm=[1, 0]), 3.0)
    g.output("y", g.op("Gemm", y, y, transB=1))


@pytest.mark.parametrize(
    ("make", "count"), [(before, 1), (behind, 0), (through_products, 0)], ids=lambda x: getattr(x, "__name__", "")
)
def test_products_take_the_factor(make: object, count: int) -> None:
    operators, _ = built(make)
    assert operators.count("Mul") == count  # one for the offset, which is small


def test_the_square_of_a_scaled_matrix_keeps_its_value() -> None:
    built(twice)


def test_what_others_read_stays_scaled() -> None:
    def make(g: Graph, x: Value, w: Value, b: Value, v: Value) -> None:
        y = g.op("Mul", g.op("Relu", x), 0.5)
        g.output("product", g.op("Gemm", y, w, transB=1))
        g.output("sum", g.reduce("ReduceSum", y, [0]))
        z = g.op("Mul", g.op("Gemm", x, w, transB=1), 0.5)
        g.output("z", z)
        g.output("offset", g.op("Gemm", x, w, g.op("Mul", g.op("Exp", b), 2.0), transB=1))

    operators, _ = built(make)
    assert operators.count("Mul") == 2
