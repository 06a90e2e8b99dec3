"""Every registered operator with its examples, and graphs made of them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from math import erf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from nnspec.graph.graph import Graph, Value, numpy_dtype
from nnspec.graph.onnx_file import to_model
from nnspec.ir.components import Component, Example, Operator
from nnspec.ir.dims import Size, parse, substitute, symbol
from nnspec.ir.types import TensorType
from nnspec.library import registries

sys.path.append(str(Path(__file__).parents[1] / "graph"))
from reference_convolution import REPLACED
from reference_pooling import MaxPool
from reference_recurrent import RECURRENT

SIZES = {"N": 3, "T": 4, "H": 3, "W": 2}
WORDS = {"true": True, "false": False, "none": None}
KINDS = ("layer", "operator", "loss")


class Case(NamedTuple):
    kind: str
    example: Example

    @property
    def component(self) -> Operator:
        return self.built(lambda type: type)

    def built(self, fix: Callable[[TensorType], TensorType]) -> Operator:
        """The component, the types of values and the sizes among its options as `fix` gives them."""
        given = {name: tensor_types(text, fix) for name, text in self.example.arguments}
        component = build(self.kind, self.example.call, given)
        options = {name: _fixed(option, fix) for name, option in vars(component).items()}
        component = type(component)(**options) if options != vars(component) else component
        assert isinstance(component, Operator)
        return component

    @property
    def types(self) -> tuple[TensorType, ...]:
        return tuple(tensor_type(text) for text in self.example.inputs)

    def __str__(self) -> str:
        return f"{self.kind} {self.example.call}({', '.join(self.example.inputs)})"


def _fixed(option: Any, fix: Callable[[TensorType], TensorType]) -> Any:
    """Sizes among the options, as `fix` gives those of types."""
    if isinstance(option, tuple) and not isinstance(option, TensorType):
        return tuple(_fixed(item, fix) for item in option)
    return fix(TensorType("float32", (option,))).shape[0] if isinstance(option, Size) else option


def cases(*kinds: str) -> list[Case]:
    return [
        Case(kind, example)
        for kind in kinds or KINDS
        for name in registries()[kind]
        for example in registries()[kind][name].examples
    ]


def build(kind: str, call: str, values: dict[str, Any] | None = None) -> Component:
    """The component that `call` describes, in the words of a spec."""
    return _component(kind, ast.parse(call, mode="eval").body, values or {})


def option_names(kind: str, call: str) -> set[str]:
    """The options that `call` gives."""
    node = ast.parse(call, mode="eval").body
    return set(_options(registries()[kind][_name(node)], node))


def tensor_type(text: str) -> TensorType:
    """`float32[N, 3]`."""
    dtype, inner = re.fullmatch(r"(\w+)\[(.*)\]", text).groups()  # type: ignore[union-attr]
    return TensorType(dtype, tuple(parse(dim.strip()) for dim in inner.split(",") if dim.strip()))  # type: ignore[arg-type]


def tensor_types(
    text: str | tuple[str, ...], fix: Callable[[TensorType], TensorType]
) -> TensorType | tuple[TensorType, ...]:
    """A type, or those of a list of values."""
    return fix(tensor_type(text)) if isinstance(text, str) else tuple(fix(tensor_type(one)) for one in text)


def sized(type: TensorType) -> TensorType:
    """The type with numbers for the symbols."""
    return type.with_shape(*(substitute(dim, SIZES) for dim in type.shape))


class Lowered(NamedTuple):
    graph: Graph
    feeds: dict[str, Any]
    results: tuple[Value, ...]


def lowered(case: Case, *, training: bool = False, symbolic: bool = False) -> Lowered:
    """The graph of a case, with data for its inputs."""
    fix = (lambda type: type) if symbolic else sized
    g, random = Graph("case", training=training), np.random.default_rng(len(str(case)))
    component, types = case.built(fix), tuple(fix(type) for type in case.types)
    feeds: dict[str, Any] = {}
    inputs = []
    for i, type in enumerate(types):
        inputs.append(g.input(f"x{i}", type))
        feeds[f"x{i}"] = _data(case, i, sized(type), random)
    named: dict[str, Any] = {}
    for name, texts in case.example.arguments:
        values = []
        for i, text in enumerate((texts,) if isinstance(texts, str) else texts):
            type, own = tensor_type(text), name if isinstance(texts, str) else f"{name}_{i}"
            values.append(g.input(own, fix(type)))
            feeds[own] = _argument(type, random)
        named[name] = values[0] if isinstance(texts, str) else tuple(values)
    for name, spec in component.parameters(*types).items():
        named[name] = g.parameter(name, TensorType(spec.dtype, spec.shape))
        feeds[name] = random.uniform(0.5, 1.5, spec.shape).astype(spec.dtype)
    if training:
        g.seed_with(g.constant(7, "uint32"), g.constant(3, "uint32"))
    with g.at(component.name):
        made = component.lower(g, *inputs, **named)
    return Lowered(g, feeds, made if isinstance(made, tuple) else (made,))


def _argument(type: TensorType, random: np.random.Generator) -> Any:
    """Numbers around 1; whole ones are lengths, from none to all of the steps; of a mask the last row is all false."""
    shape = tuple(int(dim) for dim in sized(type).shape)  # type: ignore[arg-type]
    if type.dtype == "bool":
        found = random.integers(0, 2, shape).astype(bool)
        found[-1] = False
        return found
    if type.dtype.startswith("int"):
        return np.resize(np.arange(SIZES["T"], -1, -2), shape).astype(type.dtype)
    return random.uniform(0.5, 1.5, shape).astype(np.float32)


def _data(case: Case, index: int, type: TensorType, random: np.random.Generator) -> Any:
    low, high = case.example.low, case.example.high
    shape = tuple(int(dim) for dim in type.shape)  # type: ignore[arg-type]
    if type.dtype == "string":
        return random.choice(np.array(["red", "green", "blue"], dtype=object), shape)
    if type.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if type.dtype not in ("float32", "float64"):
        return random.integers(int(low), int(high), shape).astype(type.dtype)
    if case.kind == "loss" and index == 0 and case.example.inputs[1:2] != case.example.inputs[:1]:
        low, high = -2.0, 2.0
    return random.uniform(low, high, shape).astype(numpy_dtype(type.dtype))


def in_float64(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with float64 in the place of float32 everywhere."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    _widen(wide.graph)
    return wide


def _widen(graph: onnx.GraphProto) -> None:
    for info in (*graph.input, *graph.output, *graph.value_info):
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.DOUBLE
        if attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float64)))
        if attribute.name == "body":
            _widen(attribute.g)


class Erf(OpRun):
    """In the precision of its input; the one of the reference evaluator works in float32."""

    op_domain = ""

    def _run(self, x: Any) -> tuple[Any]:
        return (np.vectorize(erf, otypes=[x.dtype])(x),)


def reference(model: onnx.ModelProto, feeds: dict[str, Any]) -> list[Any]:
    return list(ReferenceEvaluator(model, new_ops=[Erf, MaxPool, *REPLACED, *RECURRENT]).run(None, feeds))


def onnxruntime(model: onnx.ModelProto, feeds: dict[str, Any]) -> list[Any]:
    import onnxruntime as ort

    return list(ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds))


def model_of(lowering: Lowered) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """The model with outputs y0, y1, …, and the feeds that it still has as inputs."""
    for i, result in enumerate(lowering.results):
        lowering.graph.output(f"y{i}", result)
    model = to_model(lowering.graph)
    names = {info.name for info in model.graph.input}
    return model, {name: array for name, array in lowering.feeds.items() if name in names}


def inferred_by_onnx(model: onnx.ModelProto) -> list[tuple[str, list[Any]]]:
    """dtype and dimensions of the outputs as ONNX infers them from the types of the inputs alone; None if unknown."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for info in bare.graph.output:
        info.type.tensor_type.ClearField("shape")
    known = onnx.shape_inference.infer_shapes(bare, check_type=True, strict_mode=True, data_prop=True)
    found = []
    for info in known.graph.output:
        dims = [
            d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in info.type.tensor_type.shape.dim
        ]
        found.append((helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type).name, dims))
    return found


def _component(kind: str, node: ast.expr, values: dict[str, TensorType]) -> Component:
    cls = registries()[kind][_name(node)]
    options = {name: _value(argument) for name, argument in _options(cls, node).items()}
    built = cls(**options, **values)
    assert isinstance(built, Component)
    return built


def _name(node: ast.expr) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    assert isinstance(called, ast.Name)
    return called.id


def _options(cls: type[Component], node: ast.expr) -> dict[str, Any]:
    if not isinstance(node, ast.Call):
        return {}
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    if cls.variadic:
        return {cls.variadic: ast.Tuple(node.args, ast.Load()), **named}
    return {**dict(zip(cls.option_names, node.args, strict=False)), **named}


def _value(node: Any) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=word):
            return symbol(word) if word in SIZES else WORDS[word]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return tuple(_value(item) for item in items)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _value(left) / _value(right)
    return _component("initializer" if _name(node) in registries()["initializer"] else "schedule", node, {})
