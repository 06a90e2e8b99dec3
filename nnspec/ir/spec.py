"""The validated specification: a `.nn` file with names bound, blocks and loops expanded, and every shape known.

Frozen, strict and closed. `Spec.model_dump_json()` and `Spec.model_validate_json()` are inverse, and
`Spec.model_json_schema()` is the schema. Nothing here knows a layer: components are names with options, and the library
gives them meaning (`nnspec.ir.codec`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nnspec.diagnostics.errors import Diagnostic
from nnspec.diagnostics.span import Span
from nnspec.ir.dims import Size
from nnspec.ir.types import DType, TensorType

Dimension = Annotated[int, Field(ge=0)] | Size
Shape = tuple[Dimension, ...]
Options = dict[str, Any]


class Part(BaseModel):
    """Base of all parts of the IR."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class ComponentRef(Part):
    """A component with its resolved options: JSON values, and ComponentRefs for components inside."""

    component: str
    options: Options = {}


class Value(Part):
    """A tensor between nodes."""

    name: str
    """Unique in the spec; the name in the file where it has one."""
    dtype: DType
    shape: Shape
    span: Span

    @property
    def type(self) -> TensorType:
        return TensorType(self.dtype, self.shape)


class Node(Part):
    """One application of a layer, arithmetic operator or loss."""

    path: str
    """Unique: the path of the layer (`logits`, `decoder.0.gpt_layer_1.x.attention_1`)."""
    kind: Literal["layer", "operator", "loss"]
    component: str
    options: Options
    inputs: tuple[str, ...]
    arguments: dict[str, str | tuple[str, ...]]
    """Options that are values: option to value name, or to the names of a list of values."""
    parameters: dict[str, str]
    """Leaf name to parameter path; shared and tied parameters have the path of their owner."""
    outputs: tuple[str, ...]
    macs: Dimension
    span: Span
    origin: tuple[Span, ...] = ()
    """Where the block calls and loops stand that it was expanded from, outermost first."""
    recompute: int = 0
    """Nodes of one number are computed again in the backward pass, together; what is in none, 0, is kept."""

    @property
    def read(self) -> tuple[str, ...]:
        """The values that it reads: its inputs, then those among its options."""
        given = [(names,) if isinstance(names, str) else names for names in self.arguments.values()]
        return (*self.inputs, *(name for names in given for name in names))


class Parameter(Part):
    """A tensor of the model."""

    path: str
    dtype: DType
    shape: tuple[int, ...]
    init: ComponentRef
    trainable: bool
    """False for statistics, which no gradient reaches."""
    groups: int = 1
    """How many weights [out, in, *kernel] lie one behind the other: `init` draws each by itself."""
    transposed: bool = False
    """Whether they lie as [in, out, *kernel]."""
    span: Span


class Output(Part):
    name: str
    value: str
    span: Span


class Feed(Part):
    """What feeds a model input or a target: one column or array (`single`), or several columns side by side."""

    name: str
    columns: tuple[str, ...]
    single: bool
    span: Span


class Split(Part):
    """A source of rows, or a fraction of the training rows."""

    source: ComponentRef | None
    fraction: float | None
    span: Span


class Data(Part):
    train: Split
    validation: Split | None
    test: Split | None
    feeds: tuple[Feed, ...]
    shuffle: bool
    augment: tuple[ComponentRef, ...]
    span: Span


class Target(Part):
    """A value that the loss compares with: `label` targets are classes, int64 in the graph."""

    name: str
    label: bool
    dtype: DType
    shape: Shape
    classes: int | None
    """Of class numbers, in labels or integers: how many the loss expects, from the logits."""
    span: Span

    @property
    def type(self) -> TensorType:
        return TensorType(self.dtype, self.shape)


class Metric(Part):
    name: str
    """As reported: `accuracy`, or `accuracy.digit` where it is used twice."""
    metric: ComponentRef
    inputs: tuple[str, ...]
    arguments: dict[str, str] = {}
    """Options that are values, by name."""
    span: Span


class Train(Part):
    targets: tuple[Target, ...]
    nodes: tuple[Node, ...]
    """The loss expression; its inputs are values of the model and targets."""
    values: tuple[Value, ...]
    loss: str
    optimizer: ComponentRef
    regularize: tuple[ComponentRef, ...]
    clip_norm: float | None
    clip_value: float | None
    metrics: tuple[Metric, ...]
    epochs: int | None
    steps: int | None
    batch_size: int
    accumulate: int
    early_stop: ComponentRef | None
    average: ComponentRef | None
    freeze: tuple[str, ...]
    init: ComponentRef | str | None
    seed: int
    span: Span


class Export(Part):
    opset: int | None
    outputs: tuple[str, ...] | None
    precision: str | None
    quantize: str | None
    span: Span


class Spec(Part):
    """A whole specification."""

    version: Literal[1] = 1
    name: str
    path: str
    """The file it was read from, as given."""
    files: dict[str, str]
    """Text of the file and of all that it uses, by path."""
    settings: dict[str, Any]
    """The model's parameters with the values they have."""
    inputs: tuple[Value, ...]
    values: tuple[Value, ...]
    """Every value that a node makes."""
    nodes: tuple[Node, ...]
    """In an order in which every value is made before it is used."""
    parameters: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    data: Data | None
    train: Train | None
    export: Export | None
    requirements: tuple[str, ...] = ()
    """The lines of the require section."""
    unmet: tuple[Diagnostic, ...] = ()
    """Requirements that do not hold; check, compile and train report them as errors."""
    warnings: tuple[Diagnostic, ...] = ()
    """What a person should know, and what stops nothing; check and train show it."""

    @property
    def parameter_count(self) -> int:
        """Trainable numbers; shared ones count once."""
        total = 0
        for parameter in self.parameters:
            size = 1
            for dim in parameter.shape:
                size *= dim
            total += size if parameter.trainable else 0
        return total
