"""Small specs made by hand, so that these tests need neither the language nor the elaborator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nnspec.data.sources import SOURCES
from nnspec.diagnostics.span import Span
from nnspec.ir.dims import parse
from nnspec.ir.spec import ComponentRef, Data, Feed, Spec, Split, Target, Train, Value

ACCEPTANCE = Path(__file__).parent.parent / "acceptance" / "data"

MakeSpec = Callable[..., Spec]


def _span(line: int) -> Span:
    return Span("spec.nn", line, 3, line, 20)


def _typed(text: str) -> tuple[Any, tuple[Any, ...]]:
    dtype, sizes = text.rstrip("]").split("[")
    return dtype, tuple(parse(size.strip()) for size in sizes.split(",") if size.strip())


def _split(value: Any, line: int) -> Split | None:
    if value is None:
        return None
    if isinstance(value, float):
        return Split(source=None, fraction=value, span=_span(line))
    name, options = value
    return Split(source=ComponentRef(component=name, options=options), fraction=None, span=_span(line))


def _target(name: str, text: str, classes: int | None) -> Target:
    label = text.startswith("label")
    dtype, shape = _typed(text.replace("label", "int64"))
    return Target(name=name, label=label, dtype=dtype, shape=shape, classes=classes, span=_span(30))


def _feeds(feeds: Mapping[str, Any]) -> tuple[Feed, ...]:
    return tuple(
        Feed(
            name=name,
            columns=(value,) if isinstance(value, str) else tuple(value),
            single=isinstance(value, str),
            span=_span(20 + number),
        )
        for number, (name, value) in enumerate(feeds.items())
    )


def build_spec(
    inputs: Mapping[str, str],
    targets: Mapping[str, str] | None = None,
    feeds: Mapping[str, Any] | None = None,
    train: Any = None,
    *,
    validation: Any = None,
    test: Any = None,
    classes: int | None = None,
    shuffle: bool = True,
    path: str = "spec.nn",
    seed: int = 7,
) -> Spec:
    """A spec with inputs, targets and data, and no nodes; types are texts such as `float32[N, 4]` and `label[N]`."""
    source = _split(train, 10)
    data = (
        None
        if source is None
        else Data(
            train=source,
            validation=_split(validation, 11),
            test=_split(test, 12),
            feeds=_feeds(feeds or {}),
            shuffle=shuffle,
            augment=(),
            span=_span(9),
        )
    )
    values = []
    for name, text in inputs.items():
        dtype, shape = _typed(text)
        values.append(Value(name=name, dtype=dtype, shape=shape, span=_span(2)))
    training = Train(
        targets=tuple(_target(name, text, classes) for name, text in (targets or {}).items()),
        nodes=(),
        values=(),
        loss="loss",
        optimizer=ComponentRef(component="sgd"),
        regularize=(),
        clip_norm=None,
        clip_value=None,
        metrics=(),
        epochs=1,
        steps=None,
        batch_size=4,
        accumulate=1,
        early_stop=None,
        average=None,
        freeze=(),
        init=None,
        seed=seed,
        span=_span(29),
    )
    return Spec(
        name="model",
        path=path,
        files={},
        settings={},
        inputs=tuple(values),
        values=(),
        nodes=(),
        parameters=(),
        outputs=(),
        data=data,
        train=training,
        export=None,
    )


@pytest.fixture
def make_spec() -> MakeSpec:
    return build_spec


@pytest.fixture
def library() -> dict[str, Any]:
    return {"source": SOURCES}


@pytest.fixture
def acceptance() -> Path:
    return ACCEPTANCE
