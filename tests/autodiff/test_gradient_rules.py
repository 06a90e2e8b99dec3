"""Every gradient rule: finite differences in float64, ONNX Runtime in float32, threads, opsets, completeness."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from graph_builds import applied, on_reference, projected, reference, session
from operator_cases import CASES, Case, Real, names

from nnspec.autodiff import declared, gradients, inference_only, normalization, rules
from nnspec.graph import onnx_file
from nnspec.graph.graph import Array, Graph, Value
from nnspec.graph.invariants import check_graph
from nnspec.graph.passes import optimized
from nnspec.graph.typing import operators

DIFFERENTIABLE = tuple(
    row for row in CASES if row.op_type in rules() and any(isinstance(x, Real) for x in row.operands)
)
ADDING = tuple(row for row in DIFFERENTIABLE if row.op_type.startswith(("Gather", "Scatter", "TopK", "OneHot")))
CENTRED = ("BatchNormalization", "InstanceNormalization")
STEP = 1e-5
WHOLE = 40
"""Inputs of at most so many elements are moved element by element; all are moved in a random direction."""


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=names(DIFFERENTIABLE))
def test_gradients_agree_with_finite_differences(row: Case) -> None:
    g, feeds = gradients_graph(row, "float64")
    check_graph(g)
    found = on_reference(g, feeds)
    loss, _ = loss_graph(row, "float64")
    evaluate = reference(loss)
    for name, gradient in zip(feeds, found, strict=True):
        assert gradient.dtype == np.float64
        for direction in directions(feeds[name].shape):
            high, low = (evaluate(feeds | {name: feeds[name] + sign * STEP * direction})[0] for sign in (1, -1))
            np.testing.assert_allclose(np.sum(gradient * direction), (high - low) / (2 * STEP), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("row", [row for row in DIFFERENTIABLE if row.op_type in CENTRED])
def test_large_values_are_normalized_in_another_form(row: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalization, "THREADED", 1)
    test_gradients_agree_with_finite_differences(row)
    test_passes_and_runtime_keep_the_gradients(row)


@pytest.mark.parametrize("statistic", [1, 2])
def test_gradients_of_the_statistics_of_a_batch(statistic: int) -> None:
    """Of mean or variance alone, without the normalized value."""
    row = next(row for row in DIFFERENTIABLE if row.attributes.get("momentum") == 0)

    def loss(g: Graph) -> tuple[list[Value], Value, dict[str, Array]]:
        inputs, results, feeds = applied(g, row, "float64")
        return list(inputs), projected(g, [results[statistic]]), feeds

    g, other = Graph("gradient", training=True), Graph("loss")
    inputs, weighted, feeds = loss(g)
    (dx, *others) = gradients(g, weighted, inputs)
    assert dx is not None and not any(others)
    g.output("dx", dx)
    other.output("loss", loss(other)[1])
    evaluate, (found,) = reference(other), on_reference(g, feeds)
    for direction in directions(feeds["x0"].shape):
        high, low = (evaluate(feeds | {"x0": feeds["x0"] + sign * STEP * direction})[0] for sign in (1, -1))
        np.testing.assert_allclose(np.sum(found * direction), (high - low) / (2 * STEP), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=names(DIFFERENTIABLE))
def test_passes_and_runtime_keep_the_gradients(row: Case) -> None:
    """What ONNX Runtime makes of the optimized float32 graph is what the reference evaluator makes of the graph as
    built, in float64.
    """
    g, feeds = gradients_graph(row, "float32")
    g = optimized(g)
    check_graph(g)
    onnx_file.check(onnx_file.to_model(g))
    found = session(g).run(None, feeds)
    wide, _ = gradients_graph(row, "float64")
    for ours, wanted in zip(
        found, on_reference(wide, {k: v.astype(np.float64) for k, v in feeds.items()}), strict=True
    ):
        np.testing.assert_allclose(ours, wanted, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=names(DIFFERENTIABLE))
def test_gradients_are_valid_in_every_opset(row: Case) -> None:
    for opset in (17, 21, 26):
        if opset >= row.since:
            g, _ = gradients_graph(row, "float32", opset)
            onnx_file.check(onnx_file.to_model(optimized(g)))


@pytest.mark.parametrize("row", ADDING, ids=names(ADDING))
def test_sums_at_indices_do_not_depend_on_threads(row: Case) -> None:
    g, feeds = gradients_graph(row, "float32")
    g = optimized(g)
    first = session(g, 1).run(None, feeds)
    many = session(g, 4)
    for _ in range(50):
        for a, b in zip(first, many.run(None, feeds), strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("rows", [50, 300])
def test_large_sums_at_indices_lose_nothing(rows: int) -> None:
    """Whole numbers add up exactly in any order, so that a lost update shows. 4096 reads of a small table made the racy
    form fail.
    """
    random = np.random.default_rng(0)
    indices = random.integers(0, rows, 4096)
    g = Graph("embedding", training=True)
    row = Case("Gather", (Real((rows, 64), -1, 1, ()), indices), {})
    inputs, (y,), feeds = applied(g, row, "float32")
    weights = random.integers(-8, 9, y.static_shape).astype(np.float32)
    loss = g.reduce("ReduceSum", g.op("Mul", y, g.constant(weights)), [0, 1])
    (dx,) = gradients(g, loss, inputs)
    assert dx is not None
    g.output("dx", dx)
    wanted = np.zeros((rows, 64), np.float32)
    np.add.at(wanted, indices, weights)
    run = session(optimized(g), 4)
    for _ in range(50):
        np.testing.assert_array_equal(run.run(None, feeds)[0], wanted)


def test_every_operator_has_a_rule_or_is_declared() -> None:
    missing = set(operators()) - set(rules()) - set(declared()) - set(inference_only())
    assert not missing, f"write a @gradient rule in nnspec/autodiff/ or declare non_differentiable: {sorted(missing)}"


def test_every_rule_has_a_case_and_an_operator() -> None:
    missing = set(rules()) - {row.op_type for row in DIFFERENTIABLE}
    assert not missing, f"add rows to tests/graph/operator_cases.py: {sorted(missing)}"
    unknown = {*rules(), *declared()} - set(operators())
    assert not unknown, f"write @typed rules in nnspec/graph/typing/: {sorted(unknown)}"


def test_rules_use_differentiable_operators_only() -> None:
    """The set of rules is closed: a gradient can be differentiated again."""
    used = {node.op_type for row in DIFFERENTIABLE for node in gradients_graph(row, "float32")[0].nodes}
    assert used <= {*rules(), *declared()}


@pytest.mark.parametrize(
    "op_type", ["Exp", "Tanh", "Sigmoid", "Softmax", "LogSoftmax", "MatMul", "LayerNormalization", "Gelu", "Div"]
)
def test_second_order(op_type: str) -> None:
    """The gradient of a projection of the gradient, against finite differences of the gradient."""
    row = next(row for row in DIFFERENTIABLE if row.op_type == op_type)
    g, feeds = gradients_graph(row, "float64")
    weighted = projected(g, list(g.outputs.values()))
    inputs = list(g.inputs)
    g.outputs = {"loss": weighted}
    evaluate = reference(g)
    second = gradients(g, weighted, inputs)
    g.outputs = {f"d{i}": value for i, value in enumerate(second) if value is not None}
    found = dict(zip(g.outputs, on_reference(g, feeds), strict=True))
    for i, name in enumerate(feeds):
        for direction in directions(feeds[name].shape):
            high, low = (evaluate(feeds | {name: feeds[name] + sign * STEP * direction})[0] for sign in (1, -1))
            wanted = (high - low) / (2 * STEP)
            np.testing.assert_allclose(np.sum(found.get(f"d{i}", 0) * direction), wanted, rtol=1e-4, atol=1e-6)


def loss_graph(row: Case, dtype: str) -> tuple[Graph, dict[str, Array]]:
    g = Graph(row.op_type.lower(), opset=max(row.since, 21))
    _, results, feeds = applied(g, row, dtype)
    g.output("loss", projected(g, weighed(row, results)))
    return g, feeds


def gradients_graph(row: Case, dtype: str, opset: int = 21) -> tuple[Graph, dict[str, Array]]:
    """The gradients of all sampled operands are the outputs."""
    g = Graph(row.op_type.lower(), training=True, opset=max(row.since, opset))
    inputs, results, feeds = applied(g, row, dtype)
    inputs = list(inputs)
    for i, dx in enumerate(gradients(g, projected(g, weighed(row, results)), inputs)):
        g.output(f"dx{i}", dx or g.expand(g.constant(0, dtype), inputs[i].shape))
    return g, feeds


def weighed(row: Case, results: list[Value]) -> list[Value]:
    """The first result alone where the others are statistics or masks; of Split every part, and of a normalization the
    statistics of the batch, where they are what it gives out.
    """
    of_the_batch = row.op_type == "BatchNormalization" and row.attributes.get("momentum") == 0
    return results if row.op_type == "Split" or of_the_batch else results[:1]


def directions(shape: tuple[int, ...]) -> Iterator[Array]:
    yield np.random.default_rng(3).uniform(-1, 1, shape)
    count = int(np.prod(shape))
    if count <= WHOLE:
        yield from np.eye(count).reshape(count, *shape)
