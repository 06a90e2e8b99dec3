"""Scan: bodies that read values from outside, what passes make of them, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from graph_builds import session

from nnspec.autodiff import gradients
from nnspec.graph import onnx_file
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Array, Graph, GraphError, Value
from nnspec.graph.invariants import check_graph
from nnspec.graph.passes import optimized
from nnspec.graph.scan import Body, scan
from nnspec.graph.text import text

Values = Sequence[Value]


def sums(b: Body, states: Values, slices: Values, fixed: Values) -> tuple[Values, Values]:
    """s = s' + k x; kept are s, and k x twice over."""
    term = b.op("Mul", slices[0], fixed[0])
    total = b.op("Add", b.op("Add", states[0], term), b.op("Sub", term, term))
    return (total,), (total, term, term)


def built(factor: Array | None = None) -> tuple[Graph, tuple[Value, ...], tuple[Value, ...]]:
    """Sums over four steps; the factor is an input, or a constant."""
    g = Graph("sums")
    start, x = g.input("start", tensor_type("float32", (3,))), g.input("x", tensor_type("float32", (4, 3)))
    k = g.input("k", tensor_type("float32", (3,))) if factor is None else g.constant(factor)
    return g, *scan(g, sums, (start,), (x,), (k,))


FEEDS = {"start": np.ones(3, np.float32), "x": np.arange(12, dtype=np.float32).reshape(4, 3)}
FACTOR = np.array([1, 2, 0.5], np.float32)


def run(g: Graph, feeds: dict[str, Array]) -> list[Array]:
    check_graph(g)
    onnx_file.check(onnx_file.to_model(g))
    return session(g).run(None, feeds)  # type: ignore[no-any-return]


@pytest.mark.parametrize("constant", [False, True])
def test_values_from_outside_are_captured_by_name(constant: bool) -> None:
    g, last, kept = built(FACTOR if constant else None)
    for i, value in enumerate((*last, *kept)):
        g.output(f"y{i}", value)
    feeds = FEEDS if constant else FEEDS | {"k": FACTOR}
    for graph in (g, optimized(g)):
        final, every, terms, again = run(graph, feeds)
        wanted = FEEDS["start"] + np.cumsum(FEEDS["x"] * FACTOR, axis=0)
        np.testing.assert_allclose(every, wanted)
        np.testing.assert_allclose(final, wanted[-1])
        np.testing.assert_array_equal(terms, FEEDS["x"] * FACTOR)
        np.testing.assert_array_equal(again, terms)


def test_what_nobody_reads_is_not_kept_and_the_step_is_simplified() -> None:
    g, _, (every, _, _) = built()
    g.output("y", every)
    g = optimized(g)
    (node,) = g.nodes
    body = node.attributes["body"]
    assert len(node.outputs) == 2 and len(body.outputs) == 2
    np.testing.assert_allclose(run(g, FEEDS | {"k": FACTOR})[0][-1], FEEDS["start"] + FEEDS["x"].sum(0) * FACTOR)


def test_a_scan_that_nobody_reads_is_dropped() -> None:
    g, _, _ = built()
    g.output("y", g.inputs[0])
    assert optimized(g).nodes == []


def test_two_scans_with_equal_names_inside() -> None:
    """ONNX wants every name once, in the bodies too."""
    g = Graph("two")
    start, x = g.input("start", tensor_type("float32", (3,))), g.input("x", tensor_type("float32", (4, 3)))
    (first,), (every, *_) = scan(g, sums, (start,), (x,), (start,))
    (second,), _ = scan(g, sums, (first,), (every,), (x.node.outputs[0] if x.node else start,), backwards=True)
    g.output("y", second)
    model = onnx_file.to_model(optimized(g))
    names = [name for node in model.graph.node for name in node.output]
    for node in model.graph.node:
        for attribute in node.attribute:
            names += [info.name for info in attribute.g.input]
            names += [name for inner in attribute.g.node for name in inner.output]
    assert len(names) == len(set(names))
    wanted = FEEDS["start"] + (FEEDS["start"] + np.cumsum(FEEDS["x"], axis=0)).sum(0) + FEEDS["x"].sum(0)
    np.testing.assert_allclose(run(g, FEEDS)[0], wanted)


def test_as_text() -> None:
    g, (last,), _ = built()
    g.output("y", last)
    lines = text(optimized(g)).splitlines()
    assert any("= Scan(start, x, k, num_scan_inputs=1)" in line for line in lines)
    assert "    graph step (opset 21)" in lines
    assert any(line.startswith("      ") and "= Mul(slice_0, captured_0)" in line for line in lines)


def test_a_scan_that_does_not_say_its_gradient_is_refused() -> None:
    g, (last,), _ = built()
    with pytest.raises(GraphError, match="does not say how it is differentiated"):
        gradients(g, g.reduce("ReduceSum", last, [0]), [g.inputs[0]])


def test_operands_must_fit_the_step() -> None:
    g = Graph("wrong")
    start, x = g.input("start", tensor_type("float32", (3,))), g.input("x", tensor_type("float32", (4, 3)))
    (last,), _ = scan(g, sums, (start,), (x,), (start,))
    body = last.node.attributes["body"] if last.node else None
    with pytest.raises(GraphError, match="the step wants float32"):
        g.op("Scan", x, x, start, outputs=4, body=body, num_scan_inputs=1)
