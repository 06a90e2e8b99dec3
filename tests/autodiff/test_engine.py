"""The reverse walk: what is summed, what is dropped, what is an error; and gradients at hard places."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from graph_builds import on_reference, session

from nnspec.autodiff import GradientError, gradients, registry
from nnspec.autodiff.broadcasting import unbroadcast
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Array, Graph, GraphError, Node, Value
from nnspec.graph.invariants import check_graph
from nnspec.graph.passes import optimized


def vector(g: Graph, name: str = "x", size: int = 3) -> Value:
    return g.input(name, tensor_type("float64", (size,)))


def total(g: Graph, x: Value) -> Value:
    return g.reduce("ReduceSum", x, list(range(x.rank)))


def run(g: Graph, results: list[Value | None], feeds: dict[str, Array]) -> list[Array]:
    for i, value in enumerate(results):
        assert value is not None
        g.output(f"result {i}", value)
    check_graph(g)
    return on_reference(g, feeds)


def test_contributions_of_every_use_are_summed() -> None:
    g = Graph("uses")
    x = vector(g)
    loss = total(g, g.op("Add", g.op("Mul", x, x), g.op("Add", x, g.op("Exp", x))))
    feed = np.array([0.1, -0.2, 0.3])
    (dx,) = run(g, gradients(g, loss, [x]), {"x": feed})
    np.testing.assert_allclose(dx, 2 * feed + 1 + np.exp(feed))


def test_what_the_loss_does_not_depend_on_has_no_gradient() -> None:
    g = Graph("independent")
    x, y = vector(g), vector(g, "y")
    g.op("Exp", y)
    before = len(g.nodes)
    assert gradients(g, total(g, x), [y]) == [None]
    assert len(g.nodes) == before + 1


def test_inner_values_and_the_loss_itself() -> None:
    g = Graph("inner")
    x = vector(g)
    inner = g.op("Exp", x)
    loss = total(g, g.op("Mul", inner, inner))
    feed = np.array([0.1, -0.2, 0.3])
    d_inner, d_loss, dx = run(g, gradients(g, loss, [inner, loss, x]), {"x": feed})
    np.testing.assert_allclose(d_inner, 2 * np.exp(feed))
    np.testing.assert_allclose(d_loss, 1)
    np.testing.assert_allclose(dx, 2 * np.exp(2 * feed))


def test_comparisons_and_integers_stop_gradients() -> None:
    g = Graph("stops")
    x = vector(g)
    rounded = g.op("Cast", g.op("Cast", x, to="int64"), to="float64")
    positive = g.op("Cast", g.op("Greater", x, 0), to="float64")
    loss = total(g, g.op("Add", g.op("Add", rounded, positive), g.op("Floor", x)))
    assert gradients(g, loss, [x]) == [None]


def test_work_for_the_data_is_dropped() -> None:
    """The first layer needs no gradient of its input: one product forward, one backward."""
    g = Graph("first layer")
    x, w = g.input("x", tensor_type("float32", (4, 3))), g.parameter("w", tensor_type("float32", (3, 2)))
    loss = total(g, g.op("Tanh", g.op("MatMul", x, w)))
    gradients(g, loss, [w])
    assert sorted(node.op_type for node in g.nodes if node.op_type in ("MatMul", "Gemm")) == ["Gemm", "MatMul"]


def test_a_transposed_factor_moves_no_elements() -> None:
    """ONNX Runtime does a Transpose within the product that reads it; none may come behind one."""
    g = Graph("transposed")
    a, c = g.input("a", tensor_type("float64", (2, 3, 4))), g.input("c", tensor_type("float64", (2, 5, 4)))
    y = g.op("MatMul", a, g.transpose(c, (0, 2, 1)))
    (dc,) = gradients(g, total(g, g.op("Mul", y, y)), [c])
    assert dc is not None
    g.output("dc", dc)
    g = optimized(g)
    readers = {x: node.op_type for node in g.nodes for x in node.inputs}
    moves = [node for node in g.nodes if node.op_type == "Transpose"]
    assert moves and all(readers.get(node.outputs[0]) == "MatMul" for node in moves)
    feeds = {"a": np.ones((2, 3, 4)), "c": np.arange(40.0).reshape(2, 5, 4)}
    wanted = 2 * np.einsum("bij,bkj,bil->bkl", feeds["a"], feeds["c"], feeds["a"])
    np.testing.assert_allclose(on_reference(g, feeds)[0], wanted)


def test_a_mean_stays_small() -> None:
    """The gradient of a mean is one number; no Expand writes it out."""
    g = Graph("mean")
    x = g.input("x", tensor_type("float64", (2, 3)))
    loss = g.op("ReduceMean", g.op("Mul", x, x), keepdims=0)
    (dx,) = gradients(g, loss, [x])
    assert "Expand" not in {node.op_type for node in g.nodes}
    feed = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(run(g, [dx], {"x": feed})[0], feed / 3)


def test_a_bias_below_a_mean() -> None:
    """Broadcasting is undone although the gradient that arrives is smaller than the result."""
    g = Graph("bias")
    x, b = g.input("x", tensor_type("float64", (2, 3))), g.input("b", tensor_type("float64", (3,)))
    loss = g.op("ReduceMean", g.op("Add", x, b), keepdims=0)
    (db,) = run(g, gradients(g, loss, [b]), {"x": np.zeros((2, 3)), "b": np.zeros(3)})
    np.testing.assert_allclose(db, np.full(3, 1 / 3))


def test_unknown_operators_are_named_with_their_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(registry._RULES, "Exp")
    g = Graph("unknown")
    x = vector(g)
    with g.at("encoder.warp"):
        y = g.op("Exp", x)
    with pytest.raises(
        GradientError, match=r"Exp at encoder\.warp has no gradient rule; add one with @gradient\('Exp'\)"
    ):
        gradients(g, total(g, y), [x])


@pytest.mark.parametrize("grads", [(), (None, None)])
def test_a_rule_must_answer_for_every_input(monkeypatch: pytest.MonkeyPatch, grads: tuple[None, ...]) -> None:
    monkeypatch.setitem(registry._RULES, "Exp", registry.Entry(lambda g, node, dy: grads, False))
    g = Graph("short")
    x = vector(g)
    with pytest.raises(GradientError, match=f"gives {len(grads)} gradients for 1 inputs"):
        gradients(g, total(g, g.op("Exp", x)), [x])


def test_a_rule_must_keep_the_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    def narrow(g: Graph, node: Node, dy: Value) -> tuple[Value]:
        return (g.cast(dy, "float32"),)

    monkeypatch.setitem(registry._RULES, "Exp", registry.Entry(narrow, False))
    g = Graph("narrow")
    x = vector(g)
    with pytest.raises(GradientError, match="gives float32"):
        gradients(g, total(g, g.op("Exp", x)), [x])


def test_only_scalars_are_differentiated() -> None:
    g = Graph("vector")
    x = vector(g)
    with pytest.raises(GradientError, match="scalar"):
        gradients(g, g.op("Exp", x), [x])


def test_two_rules_for_one_operator() -> None:
    with pytest.raises(ValueError, match="two gradient rules for Add"):
        registry.gradient("Add")(lambda g, node, dy: ())
    with pytest.raises(ValueError, match="two gradient rules for Add"):
        registry.non_differentiable("Add")


@pytest.mark.parametrize(
    ("op_type", "attributes", "part"),
    [
        ("ScatterElements", {"reduction": "mul"}, "reduction 'mul'"),
        ("LayerNormalization", {}, "statistics of LayerNormalization"),
    ],
)
def test_refusals_name_the_layer(op_type: str, attributes: dict[str, str], part: str) -> None:
    g = Graph("refused")
    x = g.input("x", tensor_type("float32", (2, 3)))
    with g.at("layer_7"):
        if op_type == "ScatterElements":
            y = g.op(op_type, x, g.constant([[0]]), g.constant([[1]], "float32"), **attributes)
        else:
            _, y, _ = g.op(op_type, x, g.constant([1, 1, 1], "float32"), outputs=3)
    with pytest.raises(GraphError, match=part) as caught:
        gradients(g, total(g, y), [x])
    assert "layer_7" in str(caught.value)


def test_dropout_uses_the_mask_of_the_forward_pass() -> None:
    g = Graph("dropout", training=True)
    x = g.input("x", tensor_type("float32", (50,)))
    y, _ = g.op("Dropout", x, g.constant(0.25, "float32"), g.constant(True), outputs=2, seed=3)
    (dx,) = gradients(g, total(g, y), [x])
    assert dx is not None
    g.output("y", y)
    g.output("dx", dx)
    dropped, slope = session(g).run(None, {"x": np.ones(50, np.float32)})
    np.testing.assert_array_equal(dropped, slope)
    assert 0 < np.count_nonzero(slope) < 50


def test_dropout_without_its_mask_is_refused() -> None:
    g = Graph("dropout", training=True)
    x = g.input("x", tensor_type("float32", (5,)))
    y = g.op("Dropout", x, g.constant(0.25, "float32"), g.constant(True))
    with pytest.raises(GraphError, match="mask as a second output"):
        gradients(g, total(g, y), [x])


def shapes() -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Shape of the value, of the gradient that arrives, of the result."""
    yield (3,), (2, 3), (2, 3)
    yield (2, 1), (2, 3), (2, 3)
    yield (1, 3), (2, 3), (2, 3)
    yield (), (2, 3), (2, 3)
    yield (1, 1), (2, 3), (2, 3)
    yield (4, 1, 3), (5, 4, 2, 3), (5, 4, 2, 3)
    yield (3,), (1, 1), (2, 3)
    yield (3,), (), (2, 3)
    yield (2, 1), (2, 1), (2, 3)
    yield (1, 4, 1), (2, 1, 3), (2, 4, 3)
    yield (2, 3), (1, 3), (2, 3)


@pytest.mark.parametrize(("shape", "small", "full"), list(shapes()))
def test_unbroadcast(shape: tuple[int, ...], small: tuple[int, ...], full: tuple[int, ...]) -> None:
    g = Graph("unbroadcast")
    dy = g.input("dy", tensor_type("float64", small))
    g.output("dx", unbroadcast(g, dy, shape, full))
    feed = np.random.default_rng(0).normal(size=small)
    (found,) = on_reference(g, {"dy": feed})
    whole = np.broadcast_to(feed, full)
    padded = (1,) * (len(full) - len(shape)) + shape
    axes = tuple(i for i, (a, b) in enumerate(zip(padded, full, strict=True)) if a == 1 and b != 1)
    np.testing.assert_allclose(np.broadcast_to(found, shape), whole.sum(axes, keepdims=True).reshape(shape))


SATURATING = (
    "Softplus",
    "Mish",
    "Gelu",
    "Sigmoid",
    "Tanh",
    "Elu",
    "Selu",
    "Celu",
    "HardSigmoid",
    "HardSwish",
    "Softsign",
    "Erf",
    "Relu",
)


@pytest.mark.parametrize("op_type", SATURATING)
def test_far_from_zero_the_slope_is_that_of_the_asymptote(op_type: str) -> None:
    feed = np.array([-1e9, -1e4, -100, 100, 1e4, 1e9], np.float32)
    (dx,) = slopes(op_type, feed)
    rising = {"Selu": 1.050701}.get(
        op_type, 0.0 if op_type in ("Sigmoid", "Tanh", "HardSigmoid", "Softsign", "Erf") else 1.0
    )
    tolerance = 1e-3 if op_type == "Softsign" else 1e-6
    np.testing.assert_allclose(dx, [0, 0, 0, rising, rising, rising], atol=tolerance, rtol=1e-6)


@pytest.mark.parametrize("op_type", ["Sqrt", "Abs", "Relu", "ReduceL2", "ReduceProd", "ReduceMax"])
def test_zeros_give_no_nan_where_nothing_arrives(op_type: str) -> None:
    (dx,) = slopes(op_type, np.zeros(4, np.float32), weight=0.0)
    np.testing.assert_array_equal(dx, np.zeros(4))


def test_product_of_numbers_with_zeros() -> None:
    for feed, wanted in [([2, 0, 3], [0, 6, 0]), ([0, 0, 3], [0, 0, 0]), ([2, 5, 3], [15, 6, 10])]:
        (dx,) = slopes("ReduceProd", np.array(feed, np.float32))
        np.testing.assert_allclose(dx, wanted)


@pytest.mark.parametrize("op_type", ["ReduceMax", "ReduceMin"])
def test_ties_share_equally(op_type: str) -> None:
    (dx,) = slopes(op_type, np.array([1, 1, 1, 1], np.float32))
    np.testing.assert_allclose(dx, np.full(4, 0.25))


def test_corners() -> None:
    for op_type, wanted in (("Relu", 0), ("Abs", 0), ("LeakyRelu", 0.01), ("Elu", 1)):
        np.testing.assert_allclose(slopes(op_type, np.zeros(1, np.float32))[0], [wanted], rtol=1e-6)


def slopes(op_type: str, feed: Array, weight: float = 1.0) -> list[Array]:
    """The gradient of the weighted sum of the results, on ONNX Runtime."""
    g = Graph(op_type.lower(), training=True)
    x = g.input("x", tensor_type("float32", feed.shape))
    (dx,) = gradients(g, total(g, g.op("Mul", g.op(op_type, x), weight)), [x])
    assert dx is not None
    g.output("dx", dx)
    return session(optimized(g)).run(None, {"x": feed})  # type: ignore[no-any-return]


def test_parts_that_nobody_reads_get_zeros() -> None:
    g = Graph("split")
    x = g.input("x", tensor_type("float64", (5,)))
    _, middle, _ = g.split(x, [1, 2, 2], 0)
    (dx,) = run(g, gradients(g, total(g, middle), [x]), {"x": np.zeros(5)})
    np.testing.assert_array_equal(dx, [0, 1, 1, 0, 0])
