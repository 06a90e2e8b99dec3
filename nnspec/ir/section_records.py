"""What the elaborator finds in the sections `data` and `train`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnspec.diagnostics.span import Span
from nnspec.ir.records import NodeRecord, Poison, Tensor


@dataclass(eq=False, slots=True)
class TargetRecord:
    """A `target` line."""

    tensor: Tensor | Poison
    label: bool
    """True for classes, which are int64 in the graph."""
    span: Span


@dataclass(eq=False, slots=True)
class MetricRecord:
    """One entry of `metrics`."""

    metric: Any
    inputs: list[Tensor]
    arguments: dict[str, Tensor]
    """Options that are values."""
    span: Span
    name: str = ""
    """As reported: `accuracy`, or `accuracy.digit` where it is used twice."""


@dataclass(eq=False, slots=True)
class TrainRecord:
    """The train section."""

    settings: Any
    """The component of the section."""
    loss: Tensor
    nodes: list[NodeRecord]
    """What the expressions of the loss and the metrics are made of."""
    metrics: list[MetricRecord]
    targets: dict[str, TargetRecord]
    span: Span


@dataclass(eq=False, slots=True)
class FeedRecord:
    """What feeds one input or target."""

    name: str
    columns: tuple[str, ...]
    single: bool
    span: Span


@dataclass(eq=False, slots=True)
class SplitRecord:
    """`train`, `validation` or `test` of the data section."""

    value: Any
    """A source, or a fraction of the training rows."""
    span: Span


@dataclass(eq=False, slots=True)
class DataRecord:
    """The data section."""

    settings: Any
    splits: dict[str, SplitRecord | None]
    feeds: list[FeedRecord]
    span: Span
