"""What the elaborator works with before everything has its name: tensors, parameters, nodes, layer instances, environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.components import Operator, ParameterSpec, Registry
from nnspec.ir.dims import Dim
from nnspec.ir.naming import Scope
from nnspec.ir.types import TensorType
from nnspec.language import syntax

Registries = Mapping[str, Registry[Any]]


class Poison:
    """The result of what was reported already. Everything made from it is poison too, and nothing more is said."""


POISON: Final = Poison()


@dataclass(eq=False, slots=True)
class Tensor:
    """A value of the model under elaboration."""

    type: TensorType
    span: Span
    made_by: str
    """For messages: `flatten`, or `input`."""
    name: str = ""
    """The name it was given first; without one it is called after its node."""
    scope: Scope | None = None
    """The scope in which the name was given."""
    final: str = ""
    """Its unique name in the IR, known at the end."""

    def __str__(self) -> str:
        return f"{self.name}: {self.type}" if self.name else str(self.type)


@dataclass(eq=False, slots=True)
class ParameterRecord:
    """A tensor that a layer owns. `use` counts the uses of a shared instance: equal paths in two uses are one parameter."""

    entity: Scope
    leaf: str
    spec: ParameterSpec
    span: Span
    shared: Instance | None
    use: int

    @property
    def path(self) -> str:
        return f"{self.entity.path}.{self.leaf}"


@dataclass(eq=False, slots=True)
class NodeRecord:
    entity: Scope
    operator: Operator
    inputs: tuple[Tensor, ...]
    arguments: dict[str, Tensor]
    parameters: dict[str, ParameterRecord]
    outputs: tuple[Tensor, ...]
    macs: Dim
    span: Span
    origin: tuple[Span, ...]


@dataclass(eq=False, slots=True)
class Block:
    """A block definition with what its body can see."""

    definition: syntax.Definition
    blocks: dict[str, Block]


@dataclass(eq=False, slots=True)
class Instance:
    """`layer enc = …`: a layer or block with its arguments; every use shares its parameters."""

    name: str
    definition: type[Operator] | Block
    call: syntax.Call | syntax.Name
    bound: Any
    """The evaluated arguments."""
    scope: Scope
    span: Span
    parameters: dict[str, ParameterRecord] = field(default_factory=dict)
    uses: int = 0


@dataclass(eq=False, slots=True)
class ParameterReference:
    """`emb.weight`: a parameter of an instance, to tie another to."""

    instance: Instance
    leaf: str
    record: ParameterRecord

    def __str__(self) -> str:
        return f"the parameter {self.instance.name}.{self.leaf}"


Layerlike = type[Operator] | Block | Instance


@dataclass(eq=False, slots=True)
class Environment:
    """The names that a model or block body sees, and its current value."""

    blocks: dict[str, Block]
    scope: Scope
    values: dict[str, Any] = field(default_factory=dict)
    """Values of the model (Tensor), parameters and names bound by `let`, loops and input sizes."""
    fixed: dict[str, str] = field(default_factory=dict)
    """Names in `values` that `name =` must not rebind, with what they are: a parameter, a size, a `let`."""
    instances: dict[str, Instance] = field(default_factory=dict)
    current: Tensor | Poison | None = None
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[tuple[str, Tensor | Poison, Span]] = field(default_factory=list)
    made: list[Scope] = field(default_factory=list)
    """What the present statement made so far, for `naming.settle`."""
    incomplete: bool = False
    """True after a statement that did not parse: a name that is missing may have been bound there."""
    shared: Instance | None = None
    use: int = 0
    symbolic: bool = False
    """True while the type of an input is read: an unknown name is a symbolic dimension."""
    losses: bool = False
    """True while the loss is read: the names of losses are functions there."""


@dataclass(eq=False, slots=True)
class TargetRecord:
    tensor: Tensor | Poison
    label: bool
    """True for classes, which are int64 in the graph."""
    span: Span


@dataclass(eq=False, slots=True)
class MetricRecord:
    metric: Any
    inputs: list[Tensor]
    span: Span


@dataclass(eq=False, slots=True)
class TrainRecord:
    settings: Any
    """The component of the section."""
    loss: Tensor
    nodes: list[NodeRecord]
    """What the loss expression is made of."""
    metrics: list[MetricRecord]
    targets: dict[str, TargetRecord]
    span: Span


@dataclass(eq=False, slots=True)
class FeedRecord:
    name: str
    columns: tuple[str, ...]
    single: bool
    span: Span


@dataclass(eq=False, slots=True)
class SplitRecord:
    value: Any
    """A source, or a fraction of the training rows."""
    span: Span


@dataclass(eq=False, slots=True)
class DataRecord:
    settings: Any
    splits: dict[str, SplitRecord | None]
    feeds: list[FeedRecord]
    span: Span


@dataclass(eq=False, slots=True)
class Record:
    """All that the elaboration of one spec finds."""

    registries: Registries
    diagnostics: list[Diagnostic] = field(default_factory=list)
    nodes: list[NodeRecord] = field(default_factory=list)
    parameters: list[ParameterRecord] = field(default_factory=list)
    origin: tuple[Span, ...] = ()
    calls: tuple[syntax.Definition, ...] = ()
    """The blocks whose bodies are being run, outermost first."""
    called: set[int] = field(default_factory=set)
    """Identities of the block definitions that were called at all."""
    multiplicity: int = 1
    """How often the present statement will run, by the loops around it."""
    steps: int = 0
    """Statements that ran so far, expanded ones included."""
    elements: int = 0
    """Numbers in the parameters so far."""

    def report(self, fault: Fault, span: Span | None) -> Poison:
        """Note the finding, once for each place however often a loop comes by; its result is poison."""
        if all((found.code, found.span) != (fault.code, span) for found in self.diagnostics):
            found = fault.at(span)
            if self.origin and not found.label:
                found = replace(found, label=f"reached from {self.origin[-1]}")
            self.diagnostics.append(found)
        return POISON
