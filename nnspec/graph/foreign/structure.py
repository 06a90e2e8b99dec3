"""The graph of a model file: whether it can be computed at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from nnspec.diagnostics.errors import Fault
from nnspec.graph.foreign.tensors import EXTERNAL, MAX_DIM, check_sparse, check_tensor

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft")
"""Those whose operators the plain ONNX Runtime has; `com.microsoft` stands in files that it has optimised itself."""
MAX_OPSET = 1000
MAX_NODES = 1_000_000
"""When functions are put in the place of their calls."""
MAX_SUBGRAPHS = 16
MAX_CALLS = 100
"""Functions that call each other, one inside of the other."""
MAX_NAME = 100_000
MAX_DIM_NAME = 200
TENSORS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16))
"""TensorProto.DataType of those that can be given and taken."""

Function = tuple[str, str, str]
"""Domain, name and overload."""


class Checked(NamedTuple):
    """What was found in a model that is as it should be."""

    bytes: int
    """Those of its tensors."""
    weights: list[Any]
    """Initializers that lie in other files of its folder."""
    constants: list[Any]
    """Other tensors that do."""


def check_model(model: Any, folder: str, source: str) -> Checked:
    """Hold a model, whose file lies in `folder`, against what one can be.

    Raises E731 for tensors that are not what they announce, files outside of the folder, cycles, names that are bound
    twice or never, and calls without end; E705 for operators that ONNX Runtime does not have.
    """
    _check_opsets(model.opset_import, source)
    if model.training_info:
        raise Fault("E705", f"{source} holds a training of its own, which is not run")
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    if len(functions) != len(model.functions):
        raise Fault("E731", f"{source} has two functions of one name")
    checker = _Checker(folder, source, functions)
    for function in model.functions:
        _check_opsets(function.opset_import, source)
        checker.body(function.node, {*function.input}, f"{source}: function {function.name!r:.60}")
    checker.graph(model.graph, set(), f"{source}: graph", 0)
    nodes = len(model.graph.node) + checker.expanded(model.graph.node)
    if nodes > MAX_NODES:
        raise Fault("E731", f"{source} has {nodes:,} nodes, when its functions are put in their places")
    for value in (*model.graph.input, *model.graph.output):
        _check_value(value, source)
    return Checked(checker.bytes, checker.weights, checker.constants)


def _check_opsets(opsets: Iterable[Any], source: str) -> None:
    known: set[str] = set()
    for entry in opsets:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        if domain in known:
            raise Fault("E731", f"{source} names the opset of {domain or 'ai.onnx'!r:.60} twice")
        known.add(domain)
        if not 1 <= entry.version <= MAX_OPSET:
            raise Fault("E731", f"{source} is of opset {entry.version}")
    if not known:
        raise Fault("E731", f"{source} is of no opset")


def _check_value(value: Any, source: str) -> None:
    """Raise for an input or output that is no tensor of a type that can be given."""
    where = f"{source}: {value.name!r:.60}"
    if not value.name or len(value.name) > MAX_NAME:
        raise Fault("E731", f"{source} has an input or output of {'a' if value.name else 'no'} name")
    if not value.type.HasField("tensor_type"):
        raise Fault("E705", f"{where} is no tensor, and only tensors can be given and taken")
    if value.type.tensor_type.elem_type not in TENSORS:
        raise Fault("E705", f"{where} has elements of type {value.type.tensor_type.elem_type}, which cannot be given")
    for dim in value.type.tensor_type.shape.dim:
        if not 0 <= dim.dim_value <= MAX_DIM:
            raise Fault("E731", f"{where} has a dimension of {dim.dim_value}")
        if len(dim.dim_param) > MAX_DIM_NAME:
            raise Fault("E731", f"{where} has a dimension with a name of {len(dim.dim_param)} letters")


class _Checker:
    """Walks through graphs and what is in them."""

    def __init__(self, folder: str, source: str, functions: Mapping[Function, Any]) -> None:
        self._folder, self._source, self._functions = folder, source, functions
        self._sizes: dict[Function, int] = {}
        self.bytes = 0
        self.weights: list[Any] = []
        self.constants: list[Any] = []

    def graph(self, graph: Any, outside: set[str], place: str, depth: int) -> None:
        """One graph; `outside` are the names that it may read of those around it."""
        if depth > MAX_SUBGRAPHS:
            raise Fault("E731", f"{place}: graphs are nested more than {MAX_SUBGRAPHS} deep")
        own = [value.name for value in graph.input]
        stored = [tensor.name for tensor in graph.initializer]
        stored += [sparse.values.name for sparse in graph.sparse_initializer]
        for names in (own, stored):
            twice = next((name for name, count in Counter(names).items() if count > 1), None)
            if twice is not None:
                raise Fault("E731", f"{place}: {twice!r:.60} is bound twice")
        for tensor in graph.initializer:
            self._tensor(tensor, place, weight=depth == 0)
        for sparse in graph.sparse_initializer:
            self.bytes += check_sparse(sparse, self._folder, place)
        known = self.body(graph.node, {*own, *stored}, place, outside, depth)
        for value in graph.output:
            if value.name not in known and value.name not in outside:
                raise Fault("E731", f"{place}: nothing gives the output {value.name!r:.60}")

    def body(self, nodes: Any, own: set[str], place: str, outside: Iterable[str] = (), depth: int = 0) -> set[str]:
        """The names that nodes leave behind, which only read what stands before them."""
        known, around = set(own), set(outside)
        made = {name for node in nodes for name in node.output}
        for node in nodes:
            where = f"{place}: {node.op_type!r:.40}"
            self._require_operator(node, where)
            for name in node.input:
                if name and name not in known and name not in around:
                    why = "stands in a cycle, or before what it reads" if name in made else "reads what nothing gives"
                    raise Fault("E731", f"{where} {why}: {name!r:.60}")
            names = Counter(attribute.name for attribute in node.attribute)
            if any(count > 1 for count in names.values()):
                raise Fault("E731", f"{where} has an attribute twice")
            for attribute in node.attribute:
                self._attribute(attribute, known | around, where, depth)
            for name in node.output:
                if name and name in known:
                    raise Fault("E731", f"{where} gives {name!r:.60}, which is bound already")
                known.add(name)
        return known

    def _tensor(self, tensor: Any, place: str, *, weight: bool = False) -> None:
        self.bytes += check_tensor(tensor, self._folder, place)
        if tensor.data_location == EXTERNAL:
            (self.weights if weight else self.constants).append(tensor)

    def _attribute(self, attribute: Any, known: set[str], where: str, depth: int) -> None:
        for tensor in (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors):
            self._tensor(tensor, where)
        sparse = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
        for item in (*sparse, *attribute.sparse_tensors):
            self.bytes += check_sparse(item, self._folder, where)
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            self.graph(graph, known, where, depth + 1)

    def _require_operator(self, node: Any, where: str) -> None:
        key = (node.domain, node.op_type, node.overload)
        if not node.op_type:
            raise Fault("E731", f"{where}: a node has no operator")
        if key not in self._functions and node.domain not in DOMAINS:
            help = "it needs a library of its own, and code from elsewhere is never loaded"
            raise Fault("E705", f"{where} is of the unknown domain {node.domain!r:.60}", help=help)

    def expanded(self, nodes: Any, above: tuple[Function, ...] = ()) -> int:
        """How many nodes come with the functions that are called. Raises E731 for one that calls itself."""
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type, node.overload)
            if key in above or len(above) > MAX_CALLS:
                raise Fault("E731", f"{self._source}: the function {node.op_type!r:.60} calls itself, or without end")
            if key in self._functions:
                if key not in self._sizes:
                    body = self._functions[key].node
                    self._sizes[key] = len(body) + self.expanded(body, (*above, key))
                total += self._sizes[key]
            for attribute in node.attribute:
                for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                    total += len(graph.node) + self.expanded(graph.node, above)
        return min(total, 2**62)
