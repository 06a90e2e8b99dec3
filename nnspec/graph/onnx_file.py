"""Graphs as ONNX models: the only file that imports onnx.

The writer states everything: a type for every value, the versions, the names of outputs as they were declared. The same
graph gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from nnspec.files import replace_file
from nnspec.graph import external_data
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.errors import OpsetError
from nnspec.graph.graph import Array, Graph, GraphError, Node, Value
from nnspec.graph.naming import Names
from nnspec.graph.older_opsets import adapted
from nnspec.graph.scan import Body
from nnspec.graph.spelled_out import spelled_out
from nnspec.graph.text import text
from nnspec.ir.dims import Dim, parse, symbol
from nnspec.ir.types import TensorType

IR_VERSIONS = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13}
"""Opset -> the oldest format of the file that may hold it, so that the most runtimes load it."""


def to_model(
    graph: Graph,
    initializers: Mapping[str, Array] | None = None,
    metadata: Mapping[str, str] | None = None,
    doc: str = "",
    notes: Mapping[str, str] | None = None,
    beside: dict[str, Array] | None = None,
) -> onnx.ModelProto:
    """The graph as an ONNX model.

    Parameters whose path is in `initializers` become initializers, the others graph inputs. Outputs have exactly their
    declared names. `notes` are what people read beside inputs, outputs and nodes, by name or origin. Where `beside` is
    given, it gets the large tensors of a model that is too large for a message; see `external_data`.
    """
    if graph.opset not in IR_VERSIONS:
        raise OpsetError(f"opset {graph.opset} is outside {min(IR_VERSIONS)} to {max(IR_VERSIONS)}")
    large = sum(array.nbytes for array in (initializers or {}).values()) > external_data.ABOVE
    writer = _Writer(spelled_out(graph), initializers or {}, notes or {}, beside=beside if large else None)
    model = helper.make_model(
        writer.graph(doc),
        opset_imports=[helper.make_opsetid("", graph.opset)],
        ir_version=IR_VERSIONS[graph.opset],
        producer_name="nnspec",
    )
    helper.set_model_props(model, dict(sorted((metadata or {}).items())))
    return model


def check(model: onnx.ModelProto) -> None:
    """ONNX's checker with strict shape inference; a GraphError where it objects."""
    if external_data.referring(model):
        model = external_data.as_inputs(model)
    try:
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise GraphError(f"{model.graph.name} is no valid ONNX model: {error}") from error


def to_bytes(model: onnx.ModelProto) -> bytes:
    return bytes(model.SerializeToString(deterministic=True))


def save(model: onnx.ModelProto, path: str | Path, beside: Mapping[str, Array] | None = None) -> None:
    """Write the model so that `path` holds the old file or the whole new one, whatever happens meanwhile. The tensors
    `beside` it are written to `path`.data first."""
    target = Path(path)
    if beside:
        complete, model = model, onnx.ModelProto()
        model.CopyFrom(complete)
        data = target.with_name(target.name + ".data")
        replace_file(data, lambda file: external_data.write(model, beside, file, data.name))
    replace_file(target, lambda file: file.write_bytes(to_bytes(model)))


def from_bytes(data: bytes, source: str) -> onnx.ModelProto:
    """The model in the bytes of a file; a GraphError where it is none. Tensors in other files stay there."""
    try:
        return onnx.load_model_from_string(data)
    except (DecodeError, ValueError) as error:
        raise GraphError(f"{source} is no ONNX model") from error


def signature(model: onnx.ModelProto) -> dict[str, TensorType]:
    """The inputs of a loaded model, with symbolic sizes by name; unnamed ones are called after input and axis."""
    stored = {tensor.name for tensor in model.graph.initializer}
    return {value.name: declared(value) for value in model.graph.input if value.name not in stored}


def results(model: onnx.ModelProto) -> dict[str, TensorType]:
    """The outputs of a loaded model, as `signature` gives its inputs."""
    return {value.name: declared(value) for value in model.graph.output}


def add_metadata(model: onnx.ModelProto, entries: Mapping[str, str]) -> None:
    """Let a model say more about itself."""
    helper.set_model_props(model, dict(sorted({**metadata(model), **entries}.items())))


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    """What the file says about itself, by key."""
    return {entry.key: entry.value for entry in model.metadata_props}


def declared(value: onnx.ValueInfoProto) -> TensorType:
    name = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    dtype = {"float": "float32", "double": "float64"}.get(name, name)
    dims = value.type.tensor_type.shape.dim
    return tensor_type(dtype, tuple(_dim(d, f"{value.name}_{axis}") for axis, d in enumerate(dims)))


def _dim(dim: onnx.TensorShapeProto.Dimension, otherwise: str) -> Dim:
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    try:
        return parse(dim.dim_param)
    except ValueError:
        return symbol(dim.dim_param or otherwise)


class _Writer:
    """Writes one graph. Constants are collected while the nodes are written."""

    def __init__(
        self,
        graph: Graph,
        arrays: Mapping[str, Array],
        notes: Mapping[str, str],
        names: Names | None = None,
        beside: dict[str, Array] | None = None,
    ) -> None:
        self._graph = graph
        self._notes = notes
        self._arrays = arrays
        self._names = names or Names(graph)
        self._constants: dict[Value, Array] = {}
        self._beside = beside

    def graph(self, doc: str = "", captured: int = 0) -> onnx.GraphProto:
        """The graph; its last inputs are `captured` from the graph around it, and have no place in its signature."""
        g = self._graph
        inputs = g.inputs[: len(g.inputs) - captured]
        nodes = [made for node in g.nodes for made in (self._node(node), *self._copies(node.outputs))]
        nodes = [*self._copies([x for _, x in self._names.copies if x.node is None]), *nodes]
        free = [value for path, value in g.parameters.items() if path not in self._arrays]
        made = [(self._names[value], value.type) for node in g.nodes for value in node.outputs]
        outputs = set(self._names.outputs.values())
        return helper.make_graph(
            nodes,
            g.name,
            [self._info(self._names[value], value.type) for value in (*inputs, *free)],
            [self._info(self._names.outputs[name], value.type) for name, value in g.outputs.items()],
            initializer=self._initializers(),
            doc_string=doc or None,
            value_info=[_value_info(name, type) for name, type in made if name not in outputs],
        )

    def _info(self, name: str, type: TensorType) -> onnx.ValueInfoProto:
        return _value_info(name, type, self._notes.get(name, ""))

    def _copies(self, values: Sequence[Value]) -> list[onnx.NodeProto]:
        """Further outputs that are equal to these values. They stand right behind the node that makes them, since what
        stands last decides when ONNX Runtime does what (see `graph.schedule`).
        """
        copies = ((name, x) for name, x in self._names.copies if x in values)
        return [helper.make_node("Identity", [self._read(x)], [name], name=name) for name, x in copies]

    def _node(self, node: Node) -> onnx.NodeProto:
        op_type, inputs, attributes = adapted(node, self._graph)
        place = f"{op_type} at {node.origin or self._graph.name}"
        try:
            schema = onnx.defs.get_schema(op_type, max_inclusive_version=self._graph.opset)
        except onnx.defs.SchemaError as error:
            raise OpsetError(f"{place} needs opset {_since(op_type)}") from error
        read = [self._read(value) if value else "" for value in inputs]
        body = attributes.get("body")
        if isinstance(body, Body):
            attributes = {**attributes, "body": self._body(body, node, read)}
            read = read[: body.states + body.sequences]
        while read and not read[-1]:
            read.pop()
        made = [self._names[value] for value in node.outputs]
        result = helper.make_node(
            op_type, read, made, name=node.outputs[0].name, doc_string=self._notes.get(node.origin)
        )
        for name, value in sorted(attributes.items()):
            if name not in schema.attributes:
                raise OpsetError(f"{place} needs opset {_since(op_type, name)} for its attribute {name!r}")
            result.attribute.append(_attribute(name, value, schema.attributes[name].type))
        return result

    def _body(self, body: Body, node: Node, read: list[str]) -> onnx.GraphProto:
        """The step of a Scan: what stays the same is read by the name that it has outside."""
        own = body.states + body.sequences
        names = self._names.within(body, node.outputs[0].name, dict(zip(body.inputs[own:], read[own:], strict=True)))
        return _Writer(body, {}, self._notes, names).graph(captured=len(read) - own)

    def _read(self, value: Value) -> str:
        if value.constant is not None:
            self._constants[value] = value.constant
        return self._names[value]

    def _initializers(self) -> list[TensorProto]:
        """The parameters that are read and whose content is given, and the constants."""
        used = {x for node in self._graph.nodes for x in node.inputs} | {x for _, x in self._names.copies}
        given = [(path, x) for path, x in self._graph.parameters.items() if path in self._arrays and x in used]
        tensors = [_tensor(self._arrays[path], value, self._beside) for path, value in given]
        return tensors + [_named(content, self._names[value]) for value, content in self._constants.items()]


def _since(op_type: str, attribute: str = "") -> int:
    """The first opset that has an operator, or its attribute. Raises a GraphError where none has."""
    for opset in IR_VERSIONS:
        if onnx.defs.has(op_type, max_inclusive_version=opset):
            schema = onnx.defs.get_schema(op_type, max_inclusive_version=opset)
            if not attribute or attribute in schema.attributes:
                return opset
    raise GraphError(f"{op_type} has no attribute {attribute!r}" if attribute else f"there is no operator {op_type}")


def _attribute(name: str, value: Any, kind: onnx.defs.OpSchema.AttrType) -> onnx.AttributeProto:
    """An attribute of the kind that the operator's schema wants: a whole number may stand for a float."""
    if isinstance(value, np.ndarray):
        return helper.make_attribute(name, numpy_helper.from_array(value))
    if isinstance(value, onnx.GraphProto):
        return helper.make_attribute(name, value)
    if name in ("to", "dtype") and isinstance(value, str):
        return helper.make_attribute(name, _element_type(value))
    if kind == onnx.defs.OpSchema.AttrType.FLOAT and isinstance(value, int | float):
        return helper.make_attribute(name, float(value))
    if isinstance(value, int | float | str):
        return helper.make_attribute(name, value)
    if kind == onnx.defs.OpSchema.AttrType.FLOATS:
        return helper.make_attribute(name, [float(item) for item in value], attr_type=onnx.AttributeProto.FLOATS)
    if kind == onnx.defs.OpSchema.AttrType.STRINGS:
        return helper.make_attribute(name, list(value), attr_type=onnx.AttributeProto.STRINGS)
    return helper.make_attribute(name, list(value), attr_type=onnx.AttributeProto.INTS)


def _tensor(array: Array, value: Value, beside: dict[str, Array] | None) -> TensorProto:
    """A parameter's content, which must have the type that the graph was built with."""
    if array.shape != value.shape or _element_type(str(array.dtype)) != _element_type(value.dtype):
        raise GraphError(f"the array for {value} is {array.dtype}{list(array.shape)}")
    if beside is None or array.nbytes < external_data.SMALL:
        return _named(array, value.name)
    beside[value.name] = np.ascontiguousarray(array)
    tensor = TensorProto(name=value.name, data_type=_element_type(value.dtype), dims=array.shape)
    external_data.refer(tensor, location="beside")
    return tensor


def _named(array: Array, name: str) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)


def _element_type(dtype: str) -> int:
    """The number of a dtype in ONNX; NumPy calls strings `<U5` or `object`."""
    if dtype == "object" or dtype.startswith("<U"):
        return int(TensorProto.STRING)
    return int(TensorProto.DataType.Value({"float32": "FLOAT", "float64": "DOUBLE"}.get(dtype, dtype.upper())))


def _value_info(name: str, type: TensorType, note: str = "") -> onnx.ValueInfoProto:
    dims = [dim if isinstance(dim, int) else str(dim) for dim in type.shape]
    return helper.make_tensor_value_info(name, _element_type(type.dtype), dims, note)


__all__ = [
    "IR_VERSIONS",
    "add_metadata",
    "check",
    "declared",
    "from_bytes",
    "metadata",
    "results",
    "save",
    "signature",
    "text",
    "to_bytes",
    "to_model",
]
