"""Tables of a report: the layers, the data, the settings, the epochs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nnspec.data.rows import Dataset
from nnspec.ir.spec import ComponentRef, Spec, Split
from nnspec.report.layers import HEADS, layer_rows, totals
from nnspec.report.markup import Html, tag
from nnspec.report.numbers import number
from nnspec.report.story import Story
from nnspec.training.history import Record

MOST_EPOCHS = 400
"""Rows of the table of epochs; of more, every second, third, … is shown, and the best and the last one."""
MOST_CLASSES = 50
NUMERIC = ("params", "MACs")


def table(heads: Sequence[tuple[str, bool]], rows: Iterable[str]) -> Html:
    """A table; a head is its text and whether the column holds numbers."""
    head = tag("tr", *(tag("th", text, class_="n" if numeric else None) for text, numeric in heads))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="scroll")


def facts(found: Mapping[str, str]) -> Html:
    """Names and what they stand for."""
    rows = (child for name, text in found.items() for child in (tag("dt", name), tag("dd", text)))
    return tag("div", tag("dl", *rows, class_="facts"), class_="panel")


def model(spec: Spec) -> list[Html]:
    """Layers, as `nnspec show` prints them, and their sums."""
    rows = (
        tag(
            "tr",
            *(
                tag("td", text, class_="n" if head in NUMERIC else "code")
                for head, text in zip(HEADS, row, strict=True)
            ),
        )
        for row in layer_rows(spec)
    )
    return [table([(head, head in NUMERIC) for head in HEADS], rows), facts(totals(spec))]


def data(spec: Spec, splits: Mapping[str, Dataset]) -> list[Html]:
    """Rows of every split, what feeds what, and how the targets are distributed."""
    found: list[Html] = []
    if spec.data:
        sources = {
            name: f"{splits[name].rows:,} rows, {_source(split)}" if name in splits else _source(split)
            for name in ("train", "validation", "test")
            if (split := getattr(spec.data, name)) is not None
        }
        feeds = {feed.name: ", ".join(feed.columns) for feed in spec.data.feeds}
        changes = {"augment": ", ".join(map(component, spec.data.augment))} if spec.data.augment else {}
        found.append(facts(sources | feeds | changes))
    elif splits:
        found.append(facts({name: f"{split.rows:,} rows" for name, split in splits.items()}))
    for target in spec.train.targets if spec.train else ():
        classes = next((split.classes[target.name] for split in splits.values() if target.name in split.classes), None)
        if classes is not None:
            found.append(_classes(target.name, [str(name) for name in classes], splits))
        elif splits and target.dtype.startswith("float") and not any(target.name in s.late for s in splits.values()):
            found.append(_numbers(target.name, splits))
    return found


def settings(story: Story) -> Html:
    """How the run was set up."""
    train = story.spec.train
    versions: dict[str, str] = story.facts.get("versions", {})
    found = {
        "optimizer": component(train.optimizer) if train else "",
        "regularize": ", ".join(map(component, train.regularize)) if train else "",
        "early stop": component(train.early_stop) if train and train.early_stop else "",
        "average": component(train.average) if train and train.average else "",
        "batch size": (f"{train.batch_size}" + (f" × {train.accumulate}" if train.accumulate > 1 else ""))
        if train
        else "",
        "seed": str(story.facts.get("seed", "")),
        "spec": story.spec.path,
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    return facts({name: text for name, text in found.items() if text})


def epochs(story: Story) -> Html:
    """A row per epoch, the best one marked."""
    records, best = story.records, story.best_epoch
    names = list(dict.fromkeys(name for record in records for name in record))
    every = -(-len(records) // MOST_EPOCHS) or 1
    kept = [r for i, r in enumerate(records) if i % every == 0 or r["epoch"] == best or r is records[-1]]
    rows = (_epoch(record, names, record["epoch"] == best) for record in kept)
    return table([(name, True) for name in names], rows)


def component(reference: ComponentRef | Mapping[str, Any] | str) -> str:
    """A component as a spec would write it: `sgd(lr = step(…), momentum = 0.9)`; options that are none are left out."""
    if isinstance(reference, str):
        return reference
    name, options = (
        (reference.component, reference.options)
        if isinstance(reference, ComponentRef)
        else (reference["component"], reference.get("options", {}))
    )
    said = ", ".join(f"{key} = {_option(value)}" for key, value in options.items() if value is not None)
    return f"{name}({said})" if said else name


def _option(value: Any) -> str:
    if isinstance(value, Mapping):
        return component(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_option, value))}]"
    return (
        f'"{value}"'
        if isinstance(value, str)
        else re.sub(r"e([+-])0*", lambda sign: f"e{sign[1]}".rstrip("+"), f"{value:g}")
        if isinstance(value, float)
        else str(value)
    )


def _source(split: Split) -> str:
    return component(split.source) if split.source else f"{split.fraction:g} of the training rows, drawn by the seed"


def _epoch(record: Record, names: Sequence[str], best: bool) -> Html:
    cells = (tag("td", number(record[name]) if name in record else "", class_="n") for name in names)
    return tag("tr", *cells, class_="chosen" if best else None)


def _classes(target: str, classes: Sequence[str], splits: Mapping[str, Dataset]) -> Html:
    """How many rows of each class there are."""
    counts = {
        name: np.bincount(labels[labels >= 0], minlength=len(classes))
        for name, split in splits.items()
        if (labels := split.arrays[target].ravel()).dtype.kind in "iu"
    }
    most = max((int(found[: len(classes)].max()) for found in counts.values()), default=0) or 1
    first = next(iter(counts.values()), np.zeros(len(classes)))
    rows = (
        tag(
            "tr",
            tag("td", name),
            *(tag("td", f"{int(found[i]):,}", class_="n") for found in counts.values()),
            tag("td", tag("span", "", style=f"width:{100 * int(first[i]) / most:.1f}%"), class_="bar"),
        )
        for i, name in enumerate(classes[:MOST_CLASSES])
    )
    return table([(f"classes of {target}", False), *((name, True) for name in counts), ("", False)], rows)


def _numbers(target: str, splits: Mapping[str, Dataset]) -> Html:
    """The distribution of a float target."""
    heads = ("mean", "deviation", "least", "median", "greatest")
    rows = (
        tag("tr", tag("td", name), *(tag("td", number(value), class_="n") for value in _spread(split.arrays[target])))
        for name, split in splits.items()
        if split.rows
    )
    return table([(target, False), *((name, True) for name in heads)], rows)


def _spread(values: np.ndarray[Any, Any]) -> tuple[float, ...]:
    return tuple(float(measure(values)) for measure in (np.mean, np.std, np.min, np.median, np.max))
