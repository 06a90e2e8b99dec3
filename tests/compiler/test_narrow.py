"""float16 and int8: what is in the file, how near its answers are, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import nnspec
from nnspec.compiler.initial import initial_values
from nnspec.compiler.int8_weights import PRODUCT, rounded
from nnspec.diagnostics.errors import RunError
from nnspec.library import registries

BODIES = {
    "convolutions": ("conv2d(16, 3, padding = 1) -> relu -> max_pool2d(2); conv2d(16, 3) -> batch_norm -> relu; "
                     "flatten -> dense(10) -> softmax", "uint8[N, 3, 12, 12]"),
    "residual": ("a = conv2d(16, 3, padding = 1) -> relu; b = conv2d(16, 3, padding = 1); a + b -> relu; "
                 "global_avg_pool -> dense(40)", "float32[N, 3, 8, 8]"),
    "rows": ("standardize -> dense(64) -> tanh -> dense(32) -> gelu; dense(5) -> softmax", "float32[N, 20]"),
    "sequence": ("lstm(24) -> dense(16)", "float32[N, T, 24]"),
    "text": ("layer e = embedding(100, 16); e -> layer_norm -> attention(4, causal = true) -> dense(64) -> gelu; "
             "dense(16) -> dense(100, weight = e.weight, bias = false)", "int64[N, T]"),
}  # fmt: skip


def spec_of(name: str) -> nnspec.Spec:
    body, type = BODIES[name]
    lines = "\n".join(f"  {line}" for line in body.split("; "))
    head = "rescale(1 / 255) -> " if type.startswith("uint8") else ""
    return nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: {type}\n  {head}{lines.strip()}\n}}\n")


def inputs(spec: nnspec.Spec, rows: int, seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    shape = [rows, *(dim if isinstance(dim, int) else 6 for dim in spec.inputs[0].shape[1:])]
    dtype = spec.inputs[0].dtype
    made = random.normal(size=shape) if dtype == "float32" else random.integers(0, 100, shape)
    return {"x": made.astype(dtype)}


def weights_of(spec: nnspec.Spec) -> dict[str, Any]:
    return initial_values(spec, registries(), 3)


def bytes_of(model: Any) -> int:
    return sum(len(tensor.raw_data) for tensor in model.onnx.graph.initializer)


FORMS = {
    "float16": {"precision": "float16"},
    "float16 ends": {"precision": "float16", "float16_ends": True},
    "int8-dynamic": {"quantize": "int8-dynamic"},
    "int8-static": {"quantize": "int8-static"},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", BODIES)
def test_answers_are_near_those_of_float32(name: str, form: str) -> None:
    spec = spec_of(name)
    options: dict[str, Any] = dict(FORMS[form])
    if form == "int8-static":
        options["calibration"] = inputs(spec, 200, seed=1)
    plain, small = nnspec.compile(spec, weights_of(spec)), nnspec.compile(spec, weights_of(spec), **options)
    given = inputs(spec, 32)
    wanted, found = plain.run(given)["output"], small.run(given)["output"]
    assert found.dtype == ("float16" if options.get("float16_ends") else "float32")
    gap = np.max(np.abs(found.astype(np.float32) - wanted)) / np.max(np.abs(wanted))
    assert gap < (0.01 if "float16" in form else 0.1)
    assert bytes_of(small) < (0.52 if "float16" in form else 0.4) * bytes_of(plain)
    assert not any(node.domain for node in small.onnx.graph.node)


@pytest.mark.parametrize("name, options", [("text", {"quantize": "int8"}), ("rows", {"precision": "float16"})])
def test_the_reference_evaluator_agrees(name: str, options: dict[str, Any]) -> None:
    spec = spec_of(name)
    model, given = nnspec.compile(spec, weights_of(spec), **options), inputs(spec, 5)
    (wanted,) = ReferenceEvaluator(model.onnx).run(None, given)
    found = model.run(given)["output"]
    np.testing.assert_allclose(found, wanted, atol=(2e-2 if options.get("precision") else 1e-4) * np.abs(wanted).max())


def test_int8_is_static_with_convolutions_and_dynamic_without() -> None:
    images, text = spec_of("convolutions"), spec_of("text")
    static = nnspec.compile(images, weights_of(images), quantize="int8", calibration=inputs(images, 64))
    assert static.form.quantize == "int8-static"
    kinds = {node.op_type for node in static.onnx.graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= kinds and "MatMulInteger" not in kinds
    dynamic = nnspec.compile(text, weights_of(text), quantize="int8")
    kinds = {node.op_type for node in dynamic.onnx.graph.node}
    assert dynamic.form.quantize == "int8-dynamic" and {"MatMulInteger", "DynamicQuantizeLinear"} <= kinds
    tables = [tensor for tensor in dynamic.onnx.graph.initializer if list(tensor.dims) == [100, 16]]
    assert [tensor.data_type for tensor in tables] == [onnx.TensorProto.INT8]  # once, for the embedding and the logits


def test_each_channel_has_its_scale() -> None:
    weight = np.array([[1, -0.25], [100, 75], [0, 0]], np.float32)
    integers, scale = rounded(weight, 0, PRODUCT)
    np.testing.assert_array_equal(integers, [[63, -16], [63, 47], [0, 0]])
    np.testing.assert_allclose(scale, [1 / 63, 100 / 63, 1], rtol=1e-6)


def test_no_product_overflows_on_a_processor_without_vnni() -> None:
    """Two products of uint8 and int8 are added in int16 there."""
    assert 2 * 255 * PRODUCT < 2**15


def test_inputs_beyond_float16_are_prepared_in_float32() -> None:
    spec = spec_of("rows")
    weights = weights_of(spec)
    for path, array in weights.items():
        if path.endswith(("mean", "deviation")):
            array[...] = 1e6 if path.endswith("mean") else 1e5
    given = {"x": (1e6 + 1e5 * inputs(spec, 20)["x"]).astype(np.float32)}
    wanted = nnspec.compile(spec, weights).run(given)["output"]
    found = nnspec.compile(spec, weights, precision="float16").run(given)["output"]
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_a_model_that_overflows_is_refused() -> None:
    spec = nnspec.loads("nnspec 1\nmodel m {\n  input x: float32[N, 20]\n  dense(20, bias = false) -> exp\n}\n")
    weights = {"dense_1.weight": 9 * np.eye(20, dtype=np.float32)}
    with pytest.raises(RunError, match=r"E722.*exp_1 reaches \S+, float16 ends at 65504"):
        nnspec.compile(spec, weights, precision="float16")


def test_the_same_bytes() -> None:
    spec = spec_of("residual")
    options: dict[str, Any] = {"quantize": "int8", "calibration": inputs(spec, 70)}
    first, second = (nnspec.compile(spec, weights_of(spec), **options).onnx.SerializeToString() for _ in range(2))
    assert first == second


def test_requests_that_cannot_be_met() -> None:
    spec = spec_of("convolutions")
    for options, said in (
        ({"precision": "float16", "quantize": "int8"}, "E721.*in float16 or in int8, not in both"),
        ({"precision": "bfloat16"}, "E721.*no precision 'bfloat16'"),
        ({"quantize": "int4"}, "E721.*no quantization 'int4'"),
        ({"float16_ends": True}, "E721.*float16 alone"),
        ({"quantize": "int8"}, "E722.*int8-static needs rows"),
    ):
        with pytest.raises(RunError, match=said):
            nnspec.compile(spec, **options)


def test_the_export_section_is_for_deployment(tmp_path: Path) -> None:
    """A run keeps its model in the numbers that it was trained in."""
    text = (Path(__file__).parent.parent / "acceptance" / "iris.nn").read_text()
    spec = nnspec.loads(text + 'export { precision = "float16" }\n')
    half = nnspec.compile(spec).onnx
    assert {tensor.data_type for tensor in half.graph.initializer} >= {onnx.TensorProto.FLOAT16}
    assert {entry.key: entry.value for entry in half.metadata_props}["nnspec.precision"] == "float16"
    random = np.random.default_rng(0)
    rows = {"features": random.normal(size=(30, 4)).astype(np.float32), "species": np.arange(30) % 3}
    nnspec.Trainer(spec).fit(train=rows, epochs=1, run=tmp_path)
    kinds = {tensor.data_type for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in kinds
