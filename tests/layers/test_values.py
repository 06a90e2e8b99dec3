"""Forward values of layers against NumPy, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest
from library_cases import Case, build, cases, lowered, model_of, onnxruntime, tensor_type

import nnspec
from nnspec.ir.components import Example

Oracle = Callable[..., Any]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def elu(x: Any, alpha: float = 1.0) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(x))


def gelu(x: Any) -> Any:
    return x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2


def log_softmax(x: Any, axis: int = -1) -> Any:
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def halves(x: Any, axis: int = -1) -> Any:
    return np.split(x, 2, axis)


ELEMENTWISE: dict[str, Oracle] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "leaky_relu(0.2)": lambda x: np.where(x > 0, x, 0.2 * x),
    "softmax": lambda x: np.exp(log_softmax(x)),
    "softmax(axis = 1)": lambda x: np.exp(log_softmax(x, 1)),
    "log_softmax": log_softmax,
    "log_softmax(axis = 1)": lambda x: log_softmax(x, 1),
    "elu": elu,
    "elu(0.5)": lambda x: elu(x, 0.5),
    "selu": lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "celu": elu,
    "celu(0.5)": lambda x: np.maximum(x, 0) + np.minimum(0, 0.5 * np.expm1(x / 0.5)),
    "gelu": gelu,
    'gelu("tanh")': lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "glu": lambda x: halves(x)[0] * sigmoid(halves(x)[1]),
    "glu(axis = 1)": lambda x: halves(x, 1)[0] * sigmoid(halves(x, 1)[1]),
    "swiglu": lambda x: halves(x)[0] * halves(x)[1] * sigmoid(halves(x)[1]),
    "geglu": lambda x: halves(x)[0] * gelu(halves(x)[1]),
    "mean(-1)": lambda x: x.mean(-1),
    "sum([1, 2], keepdims = true)": lambda x: x.sum((1, 2), keepdims=True),
    "max(-1)": lambda x: x.max(-1),
    "min(axis = 1)": lambda x: x.min(1),
    "argmax": lambda x: x.argmax(-1),
    "rescale(1 / 255)": lambda x: x / 255,
    "rescale(2, offset = -1)": lambda x: 2 * x - 1,
    "rescale([1 / 58, 1 / 57], offset = [-2, -1.5])": lambda x: (
        x / np.array([58, 57]).reshape(2, 1, 1) - np.array([2, 1.5]).reshape(2, 1, 1)
    ),
    "clip(-1, 1)": lambda x: np.clip(x, -1, 1),
    "clip(max = 0.5)": lambda x: np.minimum(x, 0.5),
    "one_hot(4)": lambda x: np.eye(4)[x],
    "flatten": lambda x: x.reshape(len(x), -1),
    "reshape(-1, 2, 3)": lambda x: x.reshape(len(x), 2, 2, 3),
    "transpose(0, -1, 1, 2)": lambda x: x.transpose(0, 3, 1, 2),
    "squeeze(1, 3)": lambda x: x.squeeze((1, 3)),
    "stack(axis = -1)": lambda *x: np.stack(x, -1),
    "concat(axis = 1)": lambda *x: np.concatenate(x, 1),
    "slice(axis = 1, start = -5, end = -1, step = 2)": lambda x: x[:, -5:-1:2],
    "slice(1, 2, end = -1)": lambda x: x[:, 2:-1],
    "last": lambda x: x[:, -1],
    "pad([1, 2], axis = 1, value = 0.5)": lambda x: np.pad(x, [(0, 0), (1, 2), (0, 0)], constant_values=0.5),
    'pad(1, axis = [2, 3], mode = "reflect")': lambda x: np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], "reflect"),
    'pad([0, 2], mode = "edge")': lambda x: np.pad(x, [(0, 0), (0, 2)], "edge"),
    'pad([[1, 2], [0, 3]], axis = [3, 2], mode = "circular")': lambda x: np.pad(
        x, [(0, 0), (0, 0), (0, 3), (1, 2)], "wrap"
    ),
    "max_pool1d(2)": lambda x: x[:, :, :6].reshape(*x.shape[:2], 3, 2).max(-1),
    "avg_pool1d(2, divisor = 3)": lambda x: x[:, :, :6].reshape(*x.shape[:2], 3, 2).sum(-1) / 3,
    "tile(1, 3, 2)": lambda x: np.tile(x, (1, 3, 2)),
    "resize(scale = 2)": lambda x: x.repeat(2, 2).repeat(2, 3),
    "resize(7)": lambda x: x[..., np.arange(7) * 3 // 7],
    "dropout(0.5)": lambda x: x,
    "gaussian_noise(0.1)": lambda x: x,
}
BY_CALL = {case.example.call: case for case in cases("layer")}


@pytest.mark.parametrize("call", ELEMENTWISE)
def test_layer_equals_numpy(call: str) -> None:
    for training in (False, True):
        if training and ("dropout" in call or "noise" in call):
            continue
        lowering = lowered(BY_CALL[call], training=training)
        model, feeds = model_of(lowering)
        wide = [array.astype(np.float64) if array.dtype == np.float32 else array for array in feeds.values()]
        (found,) = onnxruntime(model, feeds)
        np.testing.assert_allclose(found, ELEMENTWISE[call](*wide), rtol=1e-5, atol=1e-6)


def test_every_activation_has_an_oracle() -> None:
    from nnspec.library import registries

    layers = registries()["layer"]
    plain = {name for name in layers if layers[name].__module__.endswith((".activations", ".gated"))}
    missing = plain - {call.split("(")[0] for call in ELEMENTWISE} - {"prelu"}
    assert not missing, f"say in ELEMENTWISE of tests/layers/test_values.py what they compute: {sorted(missing)}"


def run(call: str, *inputs: Any, training: bool = False, kind: str = "layer", **parameters: Any) -> Any:
    """One layer on these inputs."""
    names = {
        "float32": "float32",
        "int64": "int64",
        "uint8": "uint8",
        "object": "string",
        "bool": "bool",
        "float64": "float64",
    }
    types = tuple(f"{names[str(x.dtype)]}[{', '.join(map(str, x.shape))}]" for x in inputs)
    lowering = lowered(Case(kind, Example(call, types, 0, 1)), training=training)
    lowering.feeds.update({f"x{i}": x for i, x in enumerate(inputs)}, **parameters)
    model, feeds = model_of(lowering)
    found = onnxruntime(model, feeds)
    return found[0] if len(found) == 1 else found


def test_dense_is_x_wt_plus_b() -> None:
    random = np.random.default_rng(0)
    weight, bias = random.normal(size=(3, 6)).astype(np.float32), random.normal(size=3).astype(np.float32)
    for shape in ((4, 6), (4, 5, 6), (2, 3, 4, 6)):
        x = random.normal(size=shape).astype(np.float32)
        np.testing.assert_allclose(
            run("dense(3)", x, weight=weight, bias=bias), x @ weight.T + bias, rtol=1e-5, atol=1e-5
        )


def test_dense_is_one_gemm_and_no_reshape_of_a_matrix() -> None:
    graph = lowered(Case("layer", Example("dense(3)", ("float32[N, 6]",))), symbolic=True).graph
    assert [node.op_type for node in graph.nodes] == ["Gemm"]


def test_embedding_takes_rows_and_padding_gives_zeros() -> None:
    weight = np.arange(15, dtype=np.float32).reshape(5, 3)
    ids = np.array([[4, 0], [1, 1]])
    np.testing.assert_array_equal(run("embedding(5, 3)", ids, weight=weight), weight[ids])
    found = run("embedding(5, 3, padding = 1)", ids, weight=weight)
    np.testing.assert_array_equal(found, weight[ids] * (ids != 1)[..., None])


def test_lookup_gives_the_index_and_the_length_for_what_is_unknown() -> None:
    words = np.array([["green", "blue"], ["red", ""]], dtype=object)
    assert run('lookup(["red", "green"])', words).tolist() == [[1, 2], [0, 2]]
    assert run("lookup([10, 20, 30])", np.array([30, 11, 10])).tolist() == [2, 3, 0]


def test_lookup_inverted_gives_the_entry() -> None:
    assert run('lookup(["red", "green"], invert = true)', np.array([[1, 0]])).tolist() == [["green", "red"]]
    assert run("lookup([10, 20, 30], invert = true)", np.array([2, 0])).tolist() == [30, 10]


def test_lookup_inverted_has_no_entry_for_what_is_no_index() -> None:
    """Such a row harms no other."""
    assert run('lookup(["red", "green"], invert = true)', np.array([2, 1, -1, 99])).tolist() == ["", "green", "", ""]
    assert run("lookup([10, 20], invert = true)", np.array([2, 1, -2])).tolist() == [-1, 20, -1]


def test_prelu_has_a_slope_per_channel() -> None:
    x, slopes = np.array([[[-1, 2], [-3, -4]]], np.float32), np.array([0.1, 0.5], np.float32)
    np.testing.assert_allclose(run("prelu(true, axis = 1)", x, weight=slopes), [[[-0.1, 2], [-1.5, -2]]], rtol=1e-6)


def test_dropout_scales_what_it_keeps() -> None:
    x = np.ones((40, 500), np.float32)
    y = run("dropout(0.2)", x, training=True)
    assert set(np.unique(y).round(4)) == {0, 1.25}
    assert abs(y.mean() - 1) < 0.03
    channels = run("spatial_dropout(0.5)", np.ones((20, 50, 3), np.float32), training=True)
    assert (channels == channels[..., :1]).all() and abs(channels.mean() - 1) < 0.15


def test_noise_has_the_deviation_and_none_in_inference() -> None:
    x = np.zeros((100, 200), np.float32)
    assert run("gaussian_noise(0.5)", x, training=True).std() == pytest.approx(0.5, rel=0.03)
    assert not run("gaussian_noise(0.5)", x).any()


@pytest.mark.parametrize(("mode", "size"), [("linear", 5), ("linear", 2), ("nearest", 5), ("nearest", 2)])
def test_resize_has_the_coordinates_of_pytorch(mode: str, size: int) -> None:
    """interpolate(align_corners=False): i (in / out) rounded down, or the linear mean around (i + ½) (in / out) - ½."""
    x = np.random.default_rng(0).normal(size=(2, 1, 4)).astype(np.float32)
    places = (
        np.arange(size) * 4 // size if mode == "nearest" else np.clip((np.arange(size) + 0.5) * 4 / size - 0.5, 0, 3)
    )
    wanted = np.stack([np.interp(places, np.arange(4), row) for row in x[:, 0]])[:, None]
    np.testing.assert_allclose(run(f'resize({size}, mode = "{mode}")', x), wanted, rtol=1e-5, atol=1e-6)


def test_standardize_is_the_identity_until_it_is_fitted() -> None:
    x = np.array([[3, 250]], np.uint8)
    found = run("standardize", x, mean=np.zeros(2, np.float32), deviation=np.ones(2, np.float32))
    assert found.dtype == np.float32 and found.tolist() == [[3, 250]]


@pytest.mark.parametrize(("axis", "shape"), [(-1, (101, 3)), (1, (41, 3, 2, 2)), (-1, (50,))])
def test_standardize_fits_mean_and_population_deviation(axis: int, shape: tuple[int, ...]) -> None:
    x = (1e6 + np.random.default_rng(0).normal(size=shape)).astype(np.float64)
    layer: Any = build("layer", f"standardize(axis = {axis})")
    found = layer.fit(iter(np.array_split(x, 7)))
    rows = x[:, None] if x.ndim == 1 else np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    assert found["mean"].dtype == found["deviation"].dtype == np.float32
    np.testing.assert_allclose(found["mean"], rows.mean(0), rtol=1e-7)
    np.testing.assert_allclose(found["deviation"], rows.std(0), rtol=1e-6)


def test_standardize_leaves_constant_columns_and_no_rows_alone() -> None:
    layer: Any = build("layer", "standardize")
    found = layer.fit(iter([np.full((5, 2), [0.1, 7.0]), np.full((3, 2), [0.1, 7.0])]))
    assert found["deviation"].tolist() == [1, 1]
    empty = layer.fit(iter([]))
    assert (empty["mean"].tolist(), empty["deviation"].tolist()) == ([0], [1])


def test_macs_of_products() -> None:
    assert str(build("layer", "dense(3)").macs(tensor_type("float32[N, T, 6]"))) == "18*N*T"  # type: ignore[attr-defined]
    matrices = [tensor_type("float32[2, 3, 4]"), tensor_type("float32[4, 5]")]
    assert build("operator", "matmul").macs(*matrices) == 120  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        ("flatten", (0, 24)),
        ("max_pool1d(2)", (0, 3, 4)),
        ("avg_pool1d(2)", (0, 3, 4)),
        ("max_pool1d(3, stride = 2, padding = 1) -> avg_pool1d(2) -> flatten", (0, 6)),
    ],
)
def test_no_rows_of_signals_of_any_length(layers: str, wanted: tuple[int, ...]) -> None:
    """A model gives nothing for nothing, as one in PyTorch does."""
    spec = nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: float32[N, 3, T]\n  {layers}\n}}\n")
    model = nnspec.compile(spec, {}).onnx
    for rows in (0, 2):
        (y,) = onnxruntime(model, {"x": np.ones((rows, 3, 8), "float32")})
        assert y.shape == (rows, *wanted[1:])
