"""From opset 23 on, attention, rotary positions and rms_norm are ONNX's own operators, which give the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

import nnspec
from nnspec.compiler.decoder_export import graph_of_steps
from nnspec.compiler.decoding import steps_of
from nnspec.compiler.initial import initial_values
from nnspec.compiler.training_graphs import forward_graph
from nnspec.graph import onnx_file
from nnspec.graph.caches import present_name
from nnspec.library import registries
from nnspec.runtime.session import Session

X = {"x": "float32[N, T, 12]"}
KEYS, PAIRS = {"m": "bool[N, T]"}, {"m": "bool[N, T, T]"}
OTHER = {"e": "float32[N, S, 5]"}
CASES: dict[str, tuple[str, dict[str, str], int]] = {
    "plain": ("attention(3)", {}, 1),
    "causal": ("attention(3, causal = true)", {}, 1),
    "no bias, a scale": ("attention(3, bias = false, scale = 0.3)", {}, 1),
    "shared keys": ("attention(4, kv_heads = 2, head_size = 6, causal = true)", {}, 1),
    "one head of keys": ("attention(4, kv_heads = 1)", {}, 1),
    "window": ("attention(2, window = 2)", {}, 1),
    "causal window": ("attention(2, window = 3, causal = true)", {}, 1),
    "mask of keys": ("attention(2, mask = m)", KEYS, 1),
    "mask of pairs": ("attention(2, mask = m)", PAIRS, 1),
    "causal mask of keys": ("attention(2, mask = m, causal = true)", KEYS, 1),
    "mask of pairs in a window": ("attention(2, mask = m, window = 3)", PAIRS, 1),
    "memory": ("attention(2, memory = e)", OTHER, 1),
    "memory with a mask": ("attention(2, memory = e, mask = n)", {**OTHER, "n": "bool[N, S]"}, 1),
    "memory, shared keys": ("attention(6, kv_heads = 2, memory = e)", OTHER, 1),
    "rotary": ("attention(3, rotary = 10_000)", {}, 1),
    "rotary, shared keys": ("attention(4, kv_heads = 2, head_size = 4, rotary = 500, causal = true)", {}, 1),
    "rotary with a mask": ("attention(3, rotary = 100, mask = m)", KEYS, 1),
    "a length that is known": ("attention(3, causal = true, rotary = 100)", {"x": "float32[N, 5, 12]"}, 1),
    "two layers": ("rms_norm -> attention(3, causal = true) -> dense(24) -> gelu -> dense(12) -> attention(3)", {}, 2),
}


def spec_of(body: str, inputs: Mapping[str, str]) -> nnspec.Spec:
    lines = "\n".join(f"  input {name}: {type}" for name, type in {**X, **inputs}.items())
    return nnspec.loads(f"nnspec 1\nmodel m {{\n{lines}\n  output y = x -> {body}\n}}\n")


def rows_of(spec: nnspec.Spec, batch: int = 3) -> dict[str, Any]:
    """Inputs; the first query of a mask may look at nothing."""
    random, sizes = np.random.default_rng(0), {"N": batch, "T": 5, "S": 7}
    found: dict[str, Any] = {}
    for item in spec.inputs:
        shape = [sizes.get(str(dim), dim) for dim in item.shape]
        found[item.name] = random.normal(size=shape).astype(np.float32)
        if item.dtype == "bool":
            found[item.name] = random.random(shape) < 0.6
            found[item.name][0] = False
    return found


def weights_of(spec: nnspec.Spec) -> dict[str, Any]:
    random = np.random.default_rng(1)
    return {item.path: (0.5 * random.normal(size=item.shape)).astype(np.float32) for item in spec.parameters}


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("opset", [23, 26])
def test_the_same_as_in_parts(case: str, opset: int) -> None:
    body, inputs, count = CASES[case]
    spec = spec_of(body, inputs)
    rows, weights = rows_of(spec), weights_of(spec)
    parts, native = (nnspec.compile(spec, weights, opset=n) for n in (21, opset))
    assert kinds(native.onnx).count("Attention") == count and "Softmax" not in kinds(native.onnx)
    assert kinds(native.onnx).count("RotaryEmbedding") == (2 if "rotary" in body else 0)
    assert len(native.onnx.graph.node) < len(parts.onnx.graph.node)
    wanted = parts.run(rows)["y"]
    (reference,) = ReferenceEvaluator(native.onnx).run(None, rows)
    for found in (native.run(rows)["y"], reference):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * max(np.abs(wanted).max(), 1))


@pytest.mark.parametrize(
    ("body", "native"),
    [("rms_norm", True), ("rms_norm([1, 2], eps = 1e-3)", False), ("rms_norm(affine = false)", False),
     ("rms_norm(axis = 1)", False)],
)  # fmt: skip
def test_rms_norm(body: str, native: bool) -> None:
    spec = spec_of(body, {"x": "float32[N, 5, 12]"})
    rows, weights = rows_of(spec), weights_of(spec)
    parts, new = (nnspec.compile(spec, weights, opset=n) for n in (21, 23))
    assert ("RMSNormalization" in kinds(new.onnx)) == (native or "[1, 2]" in body)
    wanted = parts.run(rows)["y"]
    (reference,) = ReferenceEvaluator(new.onnx).run(None, rows)
    for found in (new.run(rows)["y"], reference):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_float16_and_int8_are_made_of_them_too() -> None:
    spec = spec_of(*CASES["two layers"][:2])
    rows, weights = rows_of(spec), weights_of(spec)
    wanted = nnspec.compile(spec, weights).run(rows)["y"]
    for options, gap in (({"precision": "float16"}, 0.01), ({"quantize": "int8"}, 0.1)):
        small = nnspec.compile(spec, weights, opset=23, **options)  # type: ignore[arg-type]
        assert "Attention" in kinds(small.onnx)
        assert np.abs(small.run(rows)["y"] - wanted).max() < gap * np.abs(wanted).max()


def test_graphs_that_train_or_evaluate_are_made_of_parts() -> None:
    spec = spec_of("rms_norm -> attention(3, rotary = 10_000)", {})
    g = forward_graph(spec, registries(), {"y": spec.outputs[0].value}, opset=23)
    assert {"Attention", "RMSNormalization", "RotaryEmbedding"}.isdisjoint(node.op_type for node in g.nodes)


GPT = """nnspec 1
model m {
  input tokens: int64[N, T]
  tokens -> embedding(20, 12)
  rms_norm -> attention(4, kv_heads = 2, head_size = 4, causal = true, OPTIONS) -> rms_norm
  output y = dense(20)
}
"""


@pytest.mark.parametrize("options", ["rotary = 100", "bias = false", "window = 3"])
def test_step_by_step(options: str) -> None:
    """Steps of three, one and two tokens, each with the keys and values of those before."""
    spec = nnspec.loads(GPT.replace("OPTIONS", options))
    library, weights = registries(), initial_values(spec, registries(), 3)
    tokens = np.random.default_rng(0).integers(0, 20, (1, 6))
    wanted = nnspec.compile(spec, weights).run({"tokens": tokens})["y"]
    for opset in (21, 23):
        g = graph_of_steps(spec, library, steps_of(spec), opset=opset)
        model = onnx_file.to_model(g, weights)
        onnx_file.check(model)
        assert ("Attention" in kinds(model)) == (opset == 23)
        past = {x.name: np.zeros((1, 2, 0, 4), np.float32) for x in g.inputs if x.rank == 4}
        for run in (_session(model), _reference(model)):
            found, held = [], dict(past)
            for start, stop in ((0, 3), (3, 4), (4, 6)):
                feeds = {"tokens": tokens[:, start:stop], "past/steps": np.array(start), **held}
                answers = run(feeds)
                found.append(answers["y"])
                held = {name: answers[present_name(name)] for name in held}
            np.testing.assert_allclose(np.concatenate(found, 1), wanted, rtol=0, atol=1e-5)


def _session(model: Any) -> Any:
    session = Session(onnx_file.to_bytes(model))
    return lambda feeds: session.run({name: feeds[name] for name in session.inputs})


def _reference(model: Any) -> Any:
    evaluator = ReferenceEvaluator(model)
    names = [output.name for output in model.graph.output]
    return lambda feeds: dict(zip(names, evaluator.run(None, feeds), strict=True))
