"""When things are computed, and what is computed twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from graph_builds import on_reference

from nnspec.autodiff import gradients
from nnspec.graph import filters_twice as module
from nnspec.graph import onnx_file
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.filters_twice import filters_twice
from nnspec.graph.graph import Graph, Value
from nnspec.graph.invariants import check_graph
from nnspec.graph.passes import optimized
from nnspec.graph.schedule import computed_last_to_first, in_the_shape_they_are_made_in

LAYERS = 6


def chain(dtype: str = "float32") -> Graph:
    """Layers that multiply their input by a transformed parameter, with all gradients as outputs; two are equal."""
    g = Graph("chain", training=True)
    y = g.input("x", tensor_type(dtype, (8, 4)))
    turn = g.constant(np.linspace(-1, 1, 20).reshape(5, 4), dtype)
    for number in range(LAYERS):
        with g.at(f"layer {number}"):
            weight = g.parameter(f"weight {number}", tensor_type(dtype, (2, 2, 4)))
            bank = g.op("Gemm", turn, g.reshape(weight, (4, 4)), transB=1)
            offset = g.parameter(f"offset {number}", tensor_type(dtype, (5,)))
            wide = g.op("MatMul", y, g.transpose(g.reshape(bank, (5, 4)), (1, 0)))
            y = g.op("Tanh", g.op("MatMul", g.op("Add", g.op("Add", wide, offset), offset), g.reshape(bank, (5, 4))))
    loss = g.op("ReduceSum", g.op("Mul", y, y), keepdims=0)
    g.output("loss", loss)
    wanted = tuple(g.parameters.items())
    for (path, _), gradient in zip(wanted, gradients(g, loss, [value for _, value in wanted]), strict=True):
        assert gradient is not None
        g.output(f"gradient/{path}", gradient)
    g.output("again", g.outputs["gradient/offset 0"])
    return optimized(g)


def weights() -> list[str]:
    return [f"gradient/weight {number}" for number in range(LAYERS)]


def feeds(g: Graph) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    values: list[Value] = [*g.inputs, *g.parameters.values()]
    return {value.name: random.normal(size=value.static_shape) / 2 for value in values}


def test_gradients_are_computed_as_soon_as_they_can_be(tmp_path: Path) -> None:
    """By ONNX Runtime, that of a layer before the second layer below it is reached."""
    g = computed_last_to_first(chain(), weights())
    check_graph(g)
    made = [g.outputs[name].node for name in weights()]
    assert list(g.nodes[-LAYERS:]) == made
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(onnx_file.to_bytes(onnx_file.to_model(g)), options)
    session.run(None, {name: array.astype(np.float32) for name, array in feeds(g).items()})
    events = json.loads(Path(session.end_profiling()).read_text())
    done = [event["name"].removesuffix("_kernel_time") for event in events if event["name"].endswith("_kernel_time")]
    for number in range(2, LAYERS):
        below = min(at for at, name in enumerate(done) if name.startswith(f"layer {number - 2}/gradient/"))
        assert done.index(made[number].outputs[0].name) < below


def test_results_that_somebody_reads_stay_where_they_are() -> None:
    g = Graph("read")
    x = g.input("x", tensor_type("float32", (2,)))
    g.output("first", g.op("Exp", x))
    g.output("second", g.op("Neg", g.outputs["first"]))
    assert [node.op_type for node in computed_last_to_first(g, ["second", "first"]).nodes] == ["Exp", "Neg"]


def test_outputs_may_have_the_shape_they_are_made_in() -> None:
    """What somebody else reads, or makes two outputs, or is a part of something, keeps its own."""
    g = Graph("shapes")
    x = g.input("x", tensor_type("float64", (2, 3)))
    for number, name in enumerate(("alone", "read", "twice"), 2):
        g.output(name, g.reshape(g.op("Mul", x, number), (3, 2)))
    g.output("reader", g.op("Neg", g.outputs["read"]))
    g.output("again", g.outputs["twice"])
    g.output("given", g.reshape(x, (6,)))
    g.output("part", g.reshape(g.split(x, [1, 2], 1)[1], (4,)))
    after = in_the_shape_they_are_made_in(g, ["alone", "read", "twice", "given", "part"])
    check_graph(after)
    assert [after.outputs[name].shape for name in g.outputs] == [(2, 3), (3, 2), (3, 2), (3, 2), (3, 2), (6,), (4,)]
    for a, b in zip(on_reference(g, feeds(g)), on_reference(after, feeds(g)), strict=True):
        np.testing.assert_allclose(b.reshape(-1), a.reshape(-1))


def test_what_is_large_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradients read nothing that the forward pass made of a parameter alone, and are the same."""
    monkeypatch.setattr(module, "LARGE", 20)
    before = chain("float64")
    wanted = on_reference(before, feeds(before))
    after = filters_twice(before, before.outputs["loss"])
    check_graph(after)
    for a, b in zip(wanted, on_reference(after, feeds(after)), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-12)
    banks = {node.outputs[0] for node in after.nodes if node.op_type == "Gemm" and not node.attributes.get("transA")}
    banks = {
        value for value in banks if value.shape == (5, 4) and value.node and value.node.inputs[0].constant is not None
    }
    views = {node.outputs[0] for node in after.nodes if node.op_type == "Transpose" and node.inputs[0] in banks}
    readers = [node for node in after.nodes if banks.union(views) & set(node.inputs) and node.op_type == "MatMul"]
    assert len(banks) == LAYERS and not any("gradient" in node.origin for node in readers)


def test_what_is_small_is_kept() -> None:
    g = chain("float64")
    assert filters_twice(g, g.outputs["loss"]).nodes == g.nodes
