"""Graphs as ONNX models: the only file that imports onnx.

The writer states everything: a type for every value, the versions, the names of outputs as they were declared. The same graph gives the
same bytes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Array, Attribute, Graph, GraphError, Node, Value
from nnspec.graph.older_opsets import adapted
from nnspec.graph.text import text
from nnspec.ir.dims import Dim, parse, symbol
from nnspec.ir.types import TensorType

IR_VERSIONS = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13}
"""Opset -> the oldest format of the file that may hold it, so that the most runtimes load it."""

EXTERNAL_ABOVE = 1_500_000_000
"""Bytes of a model from which its tensors go to a file beside it; protobuf ends at 2 GiB."""


def to_model(
    graph: Graph, initializers: Mapping[str, Array] | None = None, metadata: Mapping[str, str] | None = None, doc: str = ""
) -> onnx.ModelProto:
    """The graph as an ONNX model.

    Parameters whose path is in `initializers` become initializers, the others graph inputs. Outputs have exactly their declared names.
    """
    if graph.opset not in IR_VERSIONS:
        raise GraphError(f"opset {graph.opset} is outside {min(IR_VERSIONS)} to {max(IR_VERSIONS)}")
    writer = _Writer(graph, dict(initializers or {}))
    model = helper.make_model(
        writer.graph(doc), opset_imports=[helper.make_opsetid("", graph.opset)], ir_version=IR_VERSIONS[graph.opset], producer_name="nnspec"
    )
    helper.set_model_props(model, dict(sorted((metadata or {}).items())))
    return model


def check(model: onnx.ModelProto) -> None:
    """ONNX's checker with strict shape inference; a GraphError where it objects."""
    try:
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise GraphError(f"{model.graph.name} is no valid ONNX model: {error}") from error


def to_bytes(model: onnx.ModelProto) -> bytes:
    return bytes(model.SerializeToString(deterministic=True))


def save(model: onnx.ModelProto, path: str | Path) -> None:
    """Write the model so that `path` holds the old file or the whole new one, whatever happens meanwhile."""
    target = Path(path)
    if model.ByteSize() <= EXTERNAL_ABOVE:
        _replace(target, lambda temporary: Path(temporary).write_bytes(to_bytes(model)))
        return
    external = onnx.ModelProto()
    external.CopyFrom(model)
    beside = target.with_name(target.name + ".data")
    _replace(beside, lambda temporary: _move_tensors(external, temporary, beside.name))
    _replace(target, lambda temporary: Path(temporary).write_bytes(to_bytes(external)))


def load(path: str | Path) -> onnx.ModelProto:
    return onnx.load(str(path))


def signature(model: onnx.ModelProto) -> dict[str, TensorType]:
    """The inputs of a model that was loaded, with symbolic sizes by name; unnamed ones are called after input and axis."""
    stored = {tensor.name for tensor in model.graph.initializer}
    return {value.name: _declared(value) for value in model.graph.input if value.name not in stored}


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    """What the file says about itself, by key."""
    return {entry.key: entry.value for entry in model.metadata_props}


def _declared(value: onnx.ValueInfoProto) -> TensorType:
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


def _replace(target: Path, write: Callable[[str], object]) -> None:
    """Let `write` fill a temporary file in the same directory, sync it, put it in the place of `target`, sync the directory."""
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        os.close(handle)
        write(temporary)
        os.chmod(temporary, 0o644)
        _sync(temporary)
        os.replace(temporary, target)
        _sync(target.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move_tensors(model: onnx.ModelProto, temporary: str, name: str) -> None:
    """Write the large tensors to `temporary`, and let the model look for them in the file `name` beside it."""
    with open(temporary, "wb") as file:
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) < 1024:
                continue
            file.write(b"\0" * (-file.tell() % 4096))  # runtimes map whole pages
            place = {"location": name, "offset": str(file.tell()), "length": str(len(tensor.raw_data))}
            file.write(tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in place.items():
                tensor.external_data.add(key=key, value=value)


class _Writer:
    """Writes one graph. Names are settled first; then inputs, nodes, initializers and types follow."""

    def __init__(self, graph: Graph, arrays: dict[str, Array]) -> None:
        self._graph = graph
        self._arrays = arrays
        self._names: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._copies: list[tuple[str, Value]] = []
        self._constants: dict[Value, None] = {}
        self._settle_names()

    def graph(self, doc: str) -> onnx.GraphProto:
        nodes = [self._node(node) for node in self._graph.nodes]
        nodes += [helper.make_node("Identity", [self._name(value)], [name], name=name) for name, value in self._copies]
        outputs = [_value_info(name, value.type) for name, value in self._graph.outputs.items()]
        inner = [value for node in self._graph.nodes for value in node.outputs if self._names[value] not in self._graph.outputs]
        return helper.make_graph(
            nodes, self._graph.name, [_value_info(v.name, v.type) for v in self._inputs()], outputs, initializer=self._initializers(),
            doc_string=doc or None, value_info=[_value_info(self._names[value], value.type) for value in inner],
        )  # fmt: skip

    def _inputs(self) -> list[Value]:
        return [*self._graph.inputs, *(value for path, value in self._graph.parameters.items() if path not in self._arrays)]

    def _settle_names(self) -> None:
        """Inputs and parameters keep their names, a computed output takes the declared one, everything else gives way."""
        for value in (*self._graph.inputs, *self._graph.parameters.values()):
            self._names[value] = value.name
        self._taken = set(self._names.values())
        for name, value in self._graph.outputs.items():
            if name in self._taken:
                raise GraphError(f"the output {name!r} has the name of an input or parameter")
            self._taken.add(name)
            if value.node is None or value in self._names:
                self._copies.append((name, value))
            else:
                self._names[value] = name
        for node in self._graph.nodes:
            for value in node.outputs:
                self._name(value)

    def _name(self, value: Value) -> str:
        if value.constant is not None and value.node is None:
            self._constants[value] = None
        if value not in self._names:
            name, count = value.name, 1
            while name in self._taken:
                count += 1
                name = f"{value.name}_{count}"
            self._taken.add(name)
            self._names[value] = name
        return self._names[value]

    def _node(self, node: Node) -> onnx.NodeProto:
        op_type, inputs, attributes = adapted(node, self._graph)
        try:
            schema = onnx.defs.get_schema(op_type, max_inclusive_version=self._graph.opset)
        except onnx.defs.SchemaError as error:
            raise GraphError(f"{op_type} at {node.origin or self._graph.name} is not in opset {self._graph.opset}") from error
        names = [self._name(value) if value else "" for value in inputs]
        while names and not names[-1]:
            names.pop()
        result = helper.make_node(op_type, names, [self._names[value] for value in node.outputs], name=node.outputs[0].name)
        for name, value in sorted(attributes.items()):
            if name not in schema.attributes:
                raise GraphError(f"{op_type} at {node.origin or self._graph.name} has no attribute {name!r} in opset {self._graph.opset}")
            result.attribute.append(_attribute(name, value, schema.attributes[name].type))
        return result

    def _initializers(self) -> list[TensorProto]:
        used = {value for node in self._graph.nodes for value in node.inputs} | {value for _, value in self._copies}
        tensors = [_tensor(self._arrays[path], value) for path, value in self._graph.parameters.items() if path in self._arrays and value in used]
        for value in self._constants:
            assert value.constant is not None
            tensors.append(_named(value.constant, self._names[value]))
        return tensors


def _attribute(name: str, value: Attribute, kind: onnx.defs.OpSchema.AttrType) -> onnx.AttributeProto:
    """An attribute of the kind that the operator's schema wants: a whole number may stand for a float."""
    if isinstance(value, np.ndarray):
        return helper.make_attribute(name, numpy_helper.from_array(value))
    if name in ("to", "dtype") and isinstance(value, str):
        return helper.make_attribute(name, _element_type(value))
    if kind == onnx.defs.OpSchema.AttrType.FLOAT and isinstance(value, int | float):
        return helper.make_attribute(name, float(value))
    if isinstance(value, int | float | str):
        return helper.make_attribute(name, value)
    if kind == onnx.defs.OpSchema.AttrType.FLOATS:
        return helper.make_attribute(name, [float(item) for item in value], attr_type=onnx.AttributeProto.FLOATS)
    return helper.make_attribute(name, list(value), attr_type=onnx.AttributeProto.INTS)


def _tensor(array: Array, value: Value) -> TensorProto:
    """A parameter's content, which must have the type that the graph was built with."""
    if array.shape != value.shape or _element_type(str(array.dtype)) != _element_type(value.dtype):
        raise GraphError(f"the array for {value} is {array.dtype}{list(array.shape)}")
    return _named(array, value.name)


def _named(array: Array, name: str) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)


def _element_type(dtype: str) -> int:
    """The number of a dtype in ONNX; NumPy calls strings `<U5` or `object`."""
    name = "STRING" if dtype == "object" or dtype.startswith("<U") else {"float32": "FLOAT", "float64": "DOUBLE"}.get(dtype, dtype.upper())
    return int(TensorProto.DataType.Value(name))


def _value_info(name: str, type: TensorType) -> onnx.ValueInfoProto:
    dims = [dim if isinstance(dim, int) else str(dim) for dim in type.shape]
    return helper.make_tensor_value_info(name, _element_type(type.dtype), dims)


__all__ = ["EXTERNAL_ABOVE", "IR_VERSIONS", "check", "load", "metadata", "save", "signature", "text", "to_bytes", "to_model"]
