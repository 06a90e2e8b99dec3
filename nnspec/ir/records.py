"""What the elaborator works with before everything has its name: values, parameters, nodes, instances, environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.components import Operator, ParameterSpec, Registry
from nnspec.ir.dims import Dim
from nnspec.ir.files import PREFIX
from nnspec.ir.naming import Scope
from nnspec.ir.types import TensorType
from nnspec.language import syntax

Registries = Mapping[str, Registry[Any]]
Uses = tuple[tuple[Span, int], ...]
"""For each instance around, outermost first: where it is declared, and the number of the use."""

MAX_FINDINGS = 100


class Poison:
    """The result of what was reported already. Everything made from it is poison too, and nothing more is said."""


POISON: Final = Poison()


class Stop(Exception):
    """Nothing more is worth elaborating; why, was reported."""


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
    """A tensor that a layer owns. Equal paths in two uses of one instance are one parameter."""

    entity: Scope
    leaf: str
    spec: ParameterSpec
    span: Span
    uses: Uses

    @property
    def path(self) -> str:
        return f"{self.entity.path}.{self.leaf}"


@dataclass(eq=False, slots=True)
class NodeRecord:
    """One application of a layer, arithmetic operator or loss."""

    entity: Scope
    operator: Operator
    inputs: tuple[Tensor, ...]
    arguments: dict[str, Tensor | tuple[Tensor, ...]]
    parameters: dict[str, ParameterRecord]
    outputs: tuple[Tensor, ...]
    macs: Dim
    """Multiply-accumulate operations of the forward pass."""
    span: Span
    origin: tuple[Span, ...]
    recompute: int
    """The number of the call of a block, or step of a repeat, that is to be computed again in the backward pass; 0 for
    none."""

    @property
    def operands(self) -> list[Tensor]:
        """All values that it takes, those among its options too."""
        given = [own if isinstance(own, tuple) else (own,) for own in self.arguments.values()]
        return [*self.inputs, *(tensor for own in given for tensor in own)]


@dataclass(eq=False, slots=True)
class Block:
    """A block definition with the blocks that its body can see."""

    definition: syntax.Definition
    blocks: dict[str, Block]
    lost: set[str]
    """Names that its file failed to use."""


@dataclass(eq=False, slots=True)
class Instance:
    """`layer enc = …`: a layer or block with its arguments; every use shares its parameters."""

    name: str
    definition: type[Operator] | Block | None
    """None where the layer that was meant is unknown."""
    bound: Any
    """The evaluated arguments."""
    scope: Scope
    span: Span
    parameters: dict[str, ParameterRecord] = field(default_factory=dict)
    """By leaf name; for a block by path below the instance."""
    uses: int = 0


@dataclass(eq=False, slots=True)
class ParameterReference:
    """`emb.weight`: a parameter of an instance, to tie another to."""

    name: str
    record: ParameterRecord

    def __str__(self) -> str:
        return f"the parameter {self.name}"


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
    elsewhere: set[str] = field(default_factory=set)
    """Names that branches which are not taken would have bound."""
    lost: set[str] = field(default_factory=set)
    """Names of layers that something which did not parse may have bound: nothing is said where they are missing."""
    current: Tensor | Poison | None = None
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[tuple[str, Tensor | Poison, Span]] = field(default_factory=list)
    made: list[Scope] = field(default_factory=list)
    """What the present statement made so far, for `naming.settle`."""
    uses: Uses = ()
    symbolic: bool = False
    """True while the type of an input is read: an unknown name is a symbolic dimension."""
    losses: bool = False
    """True while the loss is read: the names of losses are functions there."""

    @property
    def tensors(self) -> Iterator[str]:
        """The names of values, the last one first."""
        return (name for name, value in reversed(self.values.items()) if isinstance(value, Tensor))


SUPPOSED = ("E201", "E202", "E403")
"""Codes of what is wrong whatever the shapes are: layers, options and components that there are not."""


@dataclass(eq=False, slots=True)
class Record:
    """All that the elaboration of one spec finds."""

    registries: Registries
    diagnostics: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    """What stops nothing."""
    nodes: list[NodeRecord] = field(default_factory=list)
    parameters: list[ParameterRecord] = field(default_factory=list)
    origin: tuple[Span, ...] = ()
    """Where the block calls and loops stand that are being run, outermost first."""
    calls: tuple[syntax.Definition, ...] = ()
    """The blocks whose bodies are being run, outermost first."""
    called: set[int] = field(default_factory=set)
    """Identities of the block definitions that were called at all."""
    recompute: int = 0
    """The number of the call or step, counted from 1, that is being run and is to be computed again; 0 for none."""
    recomputes: int = 0
    """How many such calls and steps there were."""
    multiplicity: int = 1
    """How often the present statement will run, by the loops around it."""
    steps: int = 0
    """Statements that ran so far, expanded ones included."""
    work: int = 0
    """Expressions that were evaluated so far, entries of lists included."""
    elements: int = 0
    """Numbers in the parameters so far."""
    idle: list[Span] = field(default_factory=list)
    """The loops of the model's body that ran no time at all."""
    supposing: bool = False
    """Whether a branch that is not taken is looked at, of which no more can be said than SUPPOSED."""
    supposed: set[int] = field(default_factory=set)
    """Identities of the branches that were looked at so."""
    torn: bool = False
    """Whether a brace of a file is missing, so that where bodies end is not known."""
    reported: set[tuple[str, Span | None]] = field(default_factory=set)

    @contextmanager
    def computed_again(self, asked: bool) -> Iterator[None]:
        """What runs inside is to be computed again in the backward pass, where `asked`: a group of its own, unless it
        is part of one."""
        outer = self.recompute
        if asked and not outer:
            self.recomputes += 1
            self.recompute = self.recomputes
        try:
            yield
        finally:
            self.recompute = outer

    def report(self, fault: Fault, span: Span | None) -> Poison:
        """Note the finding, once for each place however often a loop comes by; its result is poison."""
        if (fault.code, span) in self.reported or (self.supposing and fault.code not in SUPPOSED):
            return POISON
        self.reported.add((fault.code, span))
        self.diagnostics.append(self._found(fault, span))
        if len(self.diagnostics) == MAX_FINDINGS:
            self.stop(
                Fault("E126", f"{MAX_FINDINGS} errors in one spec; the rest of it was not read", "mend these first"),
                span,
            )
        return POISON

    def _found(self, fault: Fault, span: Span | None) -> Diagnostic:
        """The finding, which says of a block from where it was reached, and where that began."""
        found = fault.at(span)
        origin = [place for place in self.origin if not (span and place[:2] == span[:2])]  # a loop on one line is seen
        if not origin:
            return found
        first, last = origin[0], origin[-1]
        reached = f"reached from {last}" if first == last else f"reached from {last}, and that from {first}"
        label = f"{found.label}; {reached}" if found.label else reached
        return replace(found, label=label, reached=self.origin[::-1])

    def warn(self, fault: Fault, span: Span | None) -> None:
        """Note what a person should know, and what stops nothing, once for each place: of the standard library, whose
        blocks are as they are, where it was used."""
        if span and span.file.startswith(PREFIX):
            span = next((call for call in reversed(self.origin) if not call.file.startswith(PREFIX)), span)
        if (fault.code, span) in self.reported or self.supposing:
            return
        self.reported.add((fault.code, span))
        self.warnings.append(replace(fault.at(span), severity="warning"))

    def stop(self, fault: Fault, span: Span | None) -> NoReturn:
        """Note the finding, and end the elaboration."""
        self.report(fault, span)
        raise Stop
