"""Passes: what they remove, what they keep, and that results stay the same."""

from __future__ import annotations

import numpy as np
import pytest
from graph_builds import on_reference
from operator_cases import CASES, Case, names

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Graph, GraphError, Node, Value
from nnspec.graph.invariants import check_graph
from nnspec.graph.passes import PASSES, drop_dead, fold_constants, merge_equal, optimized, simplify


@pytest.mark.parametrize("row", CASES, ids=names())
def test_folding_computes_what_the_operator_computes(row: Case) -> None:
    """Every operand is a constant, so everything that can be folded is."""
    graphs = []
    for _ in range(2):
        g = Graph("constants", opset=max(21, row.since))
        operands = [None if array is None else g.constant(array) for array in row.arrays("float32")]
        results = g.op(row.op_type, *operands, outputs=row.outputs, **row.options("float32"))
        for i, value in enumerate(results if isinstance(results, tuple) else (results,)):
            g.output(f"y{i}", value)
        graphs.append(g)
    folded = optimized(graphs[1])
    check_graph(folded)
    for a, b in zip(on_reference(graphs[0], {}), on_reference(folded, {}), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def operators(g: Graph) -> list[str]:
    return [node.op_type for node in g.nodes]


def built() -> tuple[Graph, Value]:
    g = Graph("g", training=True)
    return g, g.input("x", tensor_type("float32", (2, 3)))


def after(g: Graph, value: Value, *passes: object) -> Graph:
    g.output("y", value)
    for run in passes or PASSES:
        g = run(g)  # type: ignore[operator]
        check_graph(g)
    return g


def test_shape_arithmetic_is_folded() -> None:
    g, x = built()
    rows = g.op("Gather", g.op("Shape", x), g.constant([0]), axis=0)
    target = g.op("Concat", rows, g.constant([-1]), axis=0)
    y = g.op("Reshape", x, target, type=tensor_type("float32", (2, 3)))
    g = after(g, y)
    assert operators(g) == []
    assert g.outputs["y"] is x


def test_large_fills_stay_operators() -> None:
    g, x = built()
    zeros = g.op("ConstantOfShape", g.constant([1000, 3]))
    g = after(g, g.op("Concat", x, zeros, axis=0), fold_constants)
    assert operators(g) == ["ConstantOfShape", "Concat"]


def test_equal_operators_are_merged_and_random_ones_are_not() -> None:
    g, x = built()
    a, b = g.op("Add", g.op("Exp", x), g.op("Exp", x)), g.op("Add", g.op("Dropout", x), g.op("Dropout", x))
    g = after(g, g.op("Add", a, b), merge_equal)
    assert sorted(operators(g)) == ["Add", "Add", "Add", "Dropout", "Dropout", "Exp"]


def test_attributes_tell_operators_apart() -> None:
    g, x = built()
    g = after(g, g.op("Sub", g.op("Softmax", x, axis=0), g.op("Softmax", x, axis=1)))
    assert operators(g) == ["Softmax", "Softmax", "Sub"]


def test_dead_operators_are_dropped() -> None:
    g, x = built()
    g.op("Exp", g.op("Neg", x))
    g.state["mean"] = g.op("Abs", x)
    g = after(g, g.op("Tanh", x), drop_dead)
    assert operators(g) == ["Abs", "Tanh"]


@pytest.mark.parametrize("name", ["identity", "cast", "reshapes", "transposes", "one", "zero", "sum"])
def test_what_changes_nothing_is_removed(name: str) -> None:
    g, x = built()
    y = {
        "identity": lambda: g.op("Identity", x),
        "cast": lambda: g.op("Cast", x, to="float32"),
        "reshapes": lambda: g.op("Reshape", g.op("Reshape", x, g.constant([6])), g.constant([2, 3])),
        "transposes": lambda: g.op("Transpose", g.op("Transpose", x), perm=[1, 0]),
        "one": lambda: g.op("Div", g.op("Mul", 1, x), 1),
        "zero": lambda: g.op("Sub", g.op("Add", x, 0), 0),
        "sum": lambda: g.op("Sum", x),
    }[name]()
    assert operators(after(g, g.op("Exp", y))) == ["Exp"]


def test_a_neutral_constant_that_broadcasts_stays() -> None:
    g, x = built()
    g = after(g, g.op("Mul", x, g.constant(np.ones((1, 1, 1), np.float32))))
    assert operators(g) == ["Mul"]


def test_scalings_are_joined_unless_somebody_reads_between() -> None:
    g, x = built()
    g = after(g, g.op("Mul", g.op("Mul", x, 3), 0.5))
    assert operators(g) == ["Mul"]
    g, x = built()
    between = g.op("Mul", x, 3)
    g.output("between", between)
    assert operators(after(g, g.op("Mul", between, 0.5))) == ["Mul", "Mul"]


def test_chains_of_reshapes_and_transpositions_become_one() -> None:
    g, x = built()
    wide = g.reshape(g.reshape(g.reshape(x, (6,)), (3, 2)), (1, 6))
    y = g.op("Transpose", g.op("Transpose", g.reshape(wide, (1, 2, 3)), perm=[1, 2, 0]), perm=[2, 1, 0])
    g = after(g, y)
    assert operators(g) == ["Reshape", "Transpose"]
    (found,) = on_reference(g, {"x": np.arange(6, dtype=np.float32).reshape(2, 3)})
    np.testing.assert_array_equal(found, np.arange(6).reshape(1, 2, 3).transpose(1, 2, 0).transpose(2, 1, 0))


def test_simplify_twice_finds_nothing_new() -> None:
    g, x = built()
    g = after(g, g.op("Exp", g.op("Identity", g.op("Identity", x))))
    assert operators(simplify(optimized(g))) == ["Exp"]


def test_the_checker_sees_order_types_and_double_assignment() -> None:
    g, x = built()
    a = g.op("Exp", x)
    g.op("Neg", a)
    g.nodes.reverse()
    with pytest.raises(GraphError, match="nothing before it makes"):
        check_graph(g)
    g, x = built()
    y = g.op("Exp", x)
    g.nodes.append(Node("Neg", (x,), (y,)))
    with pytest.raises(GraphError, match="made twice"):
        check_graph(g)
    g, x = built()
    g.op("Exp", x, type=tensor_type("float32", (7,)))
    with pytest.raises(GraphError, match=r"gives .*not"):
        check_graph(g)
    g, x = built()
    g.outputs["y"] = Value("stranger", x.type)
    with pytest.raises(GraphError, match="the output 'y' reads stranger"):
        check_graph(g)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_what_was_transposed_is_reduced_before(axis: int, keepdims: bool) -> None:
    g = Graph("reduced")
    x = g.input("x", tensor_type("float64", (2, 3, 4)))
    g.output("y", g.reduce("ReduceMean", g.transpose(x, (2, 0, 1)), [axis], keepdims))
    small = optimized(g)
    assert small.nodes[0].op_type == "ReduceMean"
    content = np.random.default_rng(1).normal(size=(2, 3, 4))
    (found,) = on_reference(small, {"x": content})
    np.testing.assert_allclose(found, content.transpose(2, 0, 1).mean(axis, keepdims=keepdims))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_what_keeps_its_first_axes_is_reduced_before(axis: int, keepdims: bool) -> None:
    """Axis 1 has another size before the reshape."""
    g = Graph("reduced")
    x = g.input("x", tensor_type("float64", (2, 3, 4)))
    g.output("y", g.reduce("ReduceMax", g.reshape(x, (2, 12)), [axis], keepdims))
    small = optimized(g)
    assert (small.nodes[0].op_type == "ReduceMax") == (axis == 0)
    content = np.random.default_rng(1).normal(size=(2, 3, 4))
    (found,) = on_reference(small, {"x": content})
    np.testing.assert_array_equal(found, content.reshape(2, 12).max(axis, keepdims=keepdims))
