"""The whole library of components, by kind. Importing it fills every registry; nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from nnspec.data.augment import components as augmentations
from nnspec.data.augment.base import AUGMENTATIONS
from nnspec.data.settings import DataSection
from nnspec.data.sources import SOURCES
from nnspec.ir.components import Component, Registry
from nnspec.layers import INITIALIZERS, LAYERS, OPERATORS
from nnspec.recipe import (
    adam,
    adaptive,
    confusion,
    cross_entropy,
    losses,
    metrics,
    optimizers,
    ranking,
    regularizers,
    schedules,
    starts,
    stops,
)
from nnspec.recipe.base import AVERAGES, LOSSES, METRICS, OPTIMIZERS, REGULARIZERS, SCHEDULES, STOPS
from nnspec.recipe.settings import ExportSection, TrainSection
from nnspec.recipe.starts import WEIGHTS

SECTIONS: Registry[Component] = Registry("section")
for _section in (DataSection, TrainSection, ExportSection):
    SECTIONS(_section.name)(_section)

LIBRARY: Mapping[str, Registry[Any]] = MappingProxyType({
    registry.kind: registry
    for registry in (
        LAYERS, OPERATORS, INITIALIZERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES, REGULARIZERS, STOPS, AVERAGES,
        WEIGHTS, SOURCES, AUGMENTATIONS,
        SECTIONS,
    )
})  # fmt: skip


def registries() -> Mapping[str, Registry[Any]]:
    """Kind (`layer`, `loss`, `optimizer`, …) to registry."""
    return LIBRARY


__all__ = [
    "LIBRARY",
    "adam",
    "adaptive",
    "augmentations",
    "confusion",
    "cross_entropy",
    "losses",
    "metrics",
    "optimizers",
    "ranking",
    "registries",
    "regularizers",
    "schedules",
    "starts",
    "stops",
]
