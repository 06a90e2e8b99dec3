"""Values, nodes and graphs: standard ONNX operators, typed at birth.

`Graph.op` infers dtype and shape at once, so that a mistake fails at the line that makes it. Names are given by the
graph alone. Dimensions are numbers or symbolic sizes; training graphs hold numbers only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, overload

import numpy as np

from nnspec.diagnostics.errors import Fault
from nnspec.graph.caches import Caches
from nnspec.graph.dtypes import dtype_name, numpy_dtype, tensor_type
from nnspec.graph.errors import GraphError
from nnspec.graph.reducing import reduced_before
from nnspec.graph.sizes import shape_tensor, size_tensor
from nnspec.graph.typing import infer
from nnspec.graph.values import Array, Attribute, Node, Number, Value
from nnspec.ir.dims import Dim
from nnspec.ir.types import TensorType

OwnRule = Callable[[Value], tuple[Value, ...]]


class Graph:
    """A graph under construction.

    `training` tells the lowering of a layer which form to build: dropout, noise and batch statistics act in training
    only, and some layers have a form that trains and another that is faster in inference. Running statistics that are
    `frozen` are used in training as in inference. In a graph that is `deployed` the parameters are constants: what
    depends on them alone costs nothing.
    """

    def __init__(
        self,
        name: str,
        *,
        training: bool = False,
        deployed: bool = False,
        opset: int = 21,
        frozen: Collection[str] = (),
    ) -> None:
        self.name = name
        self.training = training
        self.deployed = deployed
        self.opset = opset
        self.frozen = frozen
        """Paths of the parameters that training leaves as they are."""
        self.inputs: list[Value] = []
        self.parameters: dict[str, Value] = {}
        """Graph inputs that hold the model's tensors, by path; an export turns them into initializers."""
        self.outputs: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self.state: dict[str, Value] = {}
        """New values of non-trainable parameters, by path: running statistics."""
        self.own_gradients: dict[Value, tuple[tuple[Value, ...], OwnRule]] = {}
        """Values whose gradient is stated as a whole; see `with_gradient`."""
        self.recomputed: dict[int, set[str]] = {}
        """Groups of layers, by the origin of their nodes, that the backward pass runs again, so that what they make
        need not be kept."""
        self.spared: list[Value] = []
        """Single values of that kind: cheap to make of what is kept anyway."""
        self.caches: Caches | None = None
        """Of a graph that is run step by step, what it keeps of the steps before."""
        self._names: dict[str, int] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Value] = {}
        self._origin = ""
        self._randomness: tuple[Value, Value] | None = None
        self._sites = 0

    def unique(self, name: str) -> str:
        """`name`, or `name_2`, … where it is taken."""
        count = self._names.get(name, 0) + 1
        self._names[name] = count
        return name if count == 1 else self.unique(f"{name}_{count}")

    @contextmanager
    def at(self, origin: str) -> Iterator[None]:
        """Nodes made inside carry this origin and are named after it."""
        before, self._origin = self._origin, origin
        try:
            yield
        finally:
            self._origin = before

    @property
    def origin(self) -> str:
        """What the nodes that are being made are named after: the path of a layer."""
        return self._origin

    def input(self, name: str, type: TensorType) -> Value:
        value = Value(self.unique(name), type)
        self.inputs.append(value)
        return value

    def parameter(self, path: str, type: TensorType) -> Value:
        """The tensor of the model with this path; the same value at every call."""
        if path not in self.parameters:
            self.parameters[path] = Value(self.unique(path), type)
        return self.parameters[path]

    def running(self, parameter: Value) -> Value:
        """A statistic as the uses before this one leave it: a shared layer updates it at each of its uses, in order."""
        return self.state.get(self._path(parameter), parameter)

    def update(self, parameter: Value, value: Value) -> None:
        """State the new value of a statistic."""
        self.state[self._path(parameter)] = value

    def is_frozen(self, parameter: Value) -> bool:
        return self._path(parameter) in self.frozen

    def _path(self, parameter: Value) -> str:
        return next(path for path, value in self.parameters.items() if value is parameter)

    def output(self, name: str, value: Value) -> None:
        """Declare an output. An output needs a name of its own, so an Identity is put in front where it cannot take the
        name.
        """
        if name in self.outputs:
            raise GraphError(f"two outputs are named {name!r}")
        self.outputs[name] = value

    def constant(self, content: Any, dtype: str | None = None) -> Value:
        """A constant from a number, nested lists or an array; equal constants are one value."""
        array = np.asarray(content, dtype=None if dtype is None else numpy_dtype(dtype))
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            type = tensor_type(dtype or dtype_name(array), array.shape)
            self._constants[key] = Value(self.unique("constant"), type, constant=array)
        return self._constants[key]

    @overload
    def op(
        self,
        op_type: str,
        *inputs: Value | Number | None,
        outputs: Literal[1] = 1,
        type: TensorType | None = None,
        **attributes: Attribute,
    ) -> Value: ...

    @overload
    def op(
        self, op_type: str, *inputs: Value | Number | None, outputs: int, type: None = None, **attributes: Attribute
    ) -> Any: ...

    def op(
        self,
        op_type: str,
        *inputs: Value | Number | None,
        outputs: int = 1,
        type: TensorType | None = None,
        **attributes: Attribute,
    ) -> Value | tuple[Value, ...]:
        """Append an operator; its result, or a tuple of `outputs` of them.

        A number among the inputs becomes a scalar constant of the dtype of the first tensor (of a branch, for Where).
        `type` states the type of the (only) result where it cannot be inferred from the operands: the target of a
        dynamic Reshape.
        """
        operands = self._operands(op_type, inputs)
        try:
            types = (type,) if type else infer(op_type, operands, attributes, outputs)
        except (Fault, ValueError, TypeError, IndexError, KeyError) as error:
            given = ", ".join(str(v.type) if v else "-" for v in operands)
            raise GraphError(f"{op_type}({given}, {attributes}) at {self._origin or self.name}: {error}") from error
        base = self._origin or op_type.lower()
        results = tuple(Value(self.unique(f"{base}/{op_type}" if self._origin else base), t) for t in types)
        node = Node(op_type, operands, results, dict(attributes), self._origin)
        for result in results:
            result.node = node
        self.nodes.append(node)
        return results[0] if outputs == 1 else results

    @property
    def has_native_attention(self) -> bool:
        """Whether layers may use Attention, RotaryEmbedding and RMSNormalization, which have no gradient here."""
        return self.deployed and self.opset >= 23

    def _operands(self, op_type: str, inputs: Sequence[Value | Number | None]) -> tuple[Value | None, ...]:
        typical = inputs[1:] if op_type == "Where" else inputs
        like = next((v.dtype for v in typical if isinstance(v, Value)), "float32")
        return tuple(v if v is None or isinstance(v, Value) else self.constant(v, like) for v in inputs)

    def with_gradient(self, y: Value, inputs: Sequence[Value], rule: OwnRule) -> Value:
        """State the gradient of `y` as a function of `inputs`: `rule(dy)` gives one for each, in its shape. What lies
        between them is not differentiated. For formulas whose gradient is shorter than that of their parts."""
        self.own_gradients[y] = tuple(inputs), rule
        return y

    # Shape operators, for which ONNX wants the target as a tensor.

    def reshape(self, x: Value, shape: Sequence[Dim]) -> Value:
        """`x` with the same elements in another shape; symbolic dimensions are allowed, also several."""
        target = tuple(shape)
        if target == x.shape:
            return x
        numbers = self._shape_operand(x, target)
        return self.op("Reshape", x, numbers, type=TensorType(x.type.dtype, target))

    def expand(self, x: Value, shape: Sequence[Dim]) -> Value:
        """`x` broadcast to `shape`."""
        target = tuple(shape)
        if target == x.shape:
            return x
        return self.op("Expand", x, self.shape_tensor(target), type=TensorType(x.type.dtype, target))

    def _shape_operand(self, x: Value, target: tuple[Dim, ...]) -> Value:
        """The target of a Reshape as a constant wherever 0 (copy) and one -1 (the rest) can say it."""
        codes = [d if isinstance(d, int) else 0 if i < x.rank and x.shape[i] == d else -1 for i, d in enumerate(target)]
        if codes.count(-1) <= 1 and not any(d == 0 for d in target):
            return self.constant(codes, "int64")
        return self.shape_tensor(target)

    def shape_tensor(self, shape: Sequence[Dim]) -> Value:
        """A shape as an int64 tensor; symbolic sizes are read from the graph's inputs at run time."""
        return shape_tensor(self, shape)

    def size_tensor(self, size: Dim) -> Value:
        """A size as an int64 tensor of shape [1]."""
        return size_tensor(self, size)

    # Short forms that layers and gradient rules use all the time.

    def reduce(self, kind: str, x: Value, axes: Sequence[int], keepdims: bool = False) -> Value:
        """`ReduceSum`, `ReduceMean`, `ReduceMax` or `ReduceMin` over `axes`; none to reduce leaves `x` as it is."""
        if not axes:
            return x
        whole = sorted(axis % x.rank for axis in axes)
        early = reduced_before(self, kind, x, whole[0], keepdims) if len(whole) == 1 else None
        return early or self.op(kind, x, self.constant(whole, "int64"), keepdims=int(keepdims))

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        return x if list(axes) == list(range(x.rank)) else self.op("Transpose", x, perm=list(axes))

    def cast(self, x: Value, dtype: str) -> Value:
        return x if x.dtype == dtype else self.op("Cast", x, to=dtype)

    def slice(self, x: Value, axis: int, start: int, end: int, step: int = 1) -> Value:
        """`x[start:end:step]` along one axis."""
        bounds = [self.constant([n], "int64") for n in (start, end, axis % x.rank, step)]
        return self.op("Slice", x, *bounds)

    def split(self, x: Value, sizes: Sequence[int], axis: int) -> tuple[Value, ...]:
        if len(sizes) == 1:
            return (x,)
        parts: tuple[Value, ...] = self.op(
            "Split", x, self.constant(list(sizes), "int64"), outputs=len(sizes), axis=axis % x.rank
        )
        return parts

    # Randomness: a function of (seed, step, site), so that a resumed run draws what an uninterrupted one would have.

    def seed_with(self, seed: Value, step: Value) -> None:
        """State the uint32 scalars that random bits depend on."""
        self._randomness = (seed, step)

    def random_key(self) -> tuple[Value, Value, int]:
        """Seed, step and the number of the next site; for `graph.random`."""
        if self._randomness is None:
            raise GraphError("random numbers are drawn in a graph that has no seed")
        self._sites += 1
        return (*self._randomness, self._sites)


__all__ = ["Array", "Attribute", "Graph", "GraphError", "Node", "Number", "Value", "numpy_dtype"]
