"""What the model takes from a source: one slot per input and target. Import-light."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nnspec.diagnostics.span import Span
from nnspec.ir.spec import Spec
from nnspec.ir.types import INTEGERS, TensorType, shape_text

IGNORE = "ignore"
"""The option of class losses that names a value which stands for no class."""
TOKENIZER = "tokenizer"
"""The option of sources that names a tokenizer.json, and the kind of text that it makes."""
TOKENIZER_FILE = "tokenizer.json"
"""Where a run keeps it."""
Classes = Sequence[str | int | bool]


class Slot(NamedTuple):
    """One model input or target, and the columns that feed it."""

    name: str
    type: TensorType
    columns: tuple[str, ...] = ()
    """Columns or arrays of the source; empty where the data section says nothing."""
    single: bool = True
    """True for one column or array as it is, False for columns side by side."""
    label: bool = False
    classes: int | None = None
    """For targets: how many classes the loss expects."""
    ignored: tuple[int, ...] = ()
    """Values of an integer target that stand for no class."""
    ids: int | None = None
    """For inputs that an embedding reads: how many ids it has, of several the fewest."""
    text: str = ""
    """`characters`, `words` or `tokenizer` where text may feed this integer [N, T]."""
    target: bool = False
    span: Span | None = None
    """The entry of the data section, or else the declaration."""

    @property
    def wanted(self) -> str:
        """The type as a spec says it: `float32[N, 4]` or `label[N]`."""
        return f"label{shape_text(self.type.shape)}" if self.label else str(self.type)


class Request(NamedTuple):
    """What a source is asked for."""

    slots: tuple[Slot, ...]
    seed: int = 0
    stream: int = 0
    """0 for train, 1 for validation, 2 for test: synthetic splits differ."""
    part: tuple[float, float] = (0.0, 1.0)
    """For a source that is in order: from where to where it is read, as fractions of it."""
    known: Mapping[str, tuple[str | int | bool, ...]] = {}
    """Classes and vocabularies that are known already, by the names of their slots."""

    @property
    def columns(self) -> frozenset[str]:
        """The only names that need to be read."""
        return frozenset(column for slot in self.slots for column in slot.columns)


def slots_of(spec: Spec) -> tuple[Slot, ...]:
    """The slots of a spec: its inputs, then its targets."""
    feeds = {feed.name: feed for feed in spec.data.feeds} if spec.data else {}
    ids = embedded_ids(spec)
    slots = [Slot(value.name, value.type, ids=ids.get(value.name), span=value.span) for value in spec.inputs]
    for target in spec.train.targets if spec.train else ():
        slots.append(
            Slot(
                target.name,
                target.type,
                label=target.label,
                classes=target.classes,
                ignored=_ignored(spec, target.name),
                target=True,
                span=target.span,
            )
        )
    kind = _text_kind(spec)
    slots = [_reading(slot, kind) for slot in slots]
    return tuple(
        slot._replace(columns=feeds[slot.name].columns, single=feeds[slot.name].single, span=feeds[slot.name].span)
        if slot.name in feeds
        else slot
        for slot in slots
    )


def input_columns(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Input name to the columns that feed it in training, for `nnspec run` on tables with the same header."""
    return {slot.name: slot.columns for slot in slots_of(spec) if slot.columns and not slot.target}


def tokenizer_path(spec: Spec) -> str:
    """The tokenizer.json of the source to learn from, relative to the folder of the data; empty where it has none."""
    source = spec.data.train.source if spec.data else None
    return str(source.options.get(TOKENIZER) or "") if source else ""


def tokenized(spec: Spec) -> list[str]:
    """The inputs and targets whose ids are those of a tokenizer."""
    return [slot.name for slot in slots_of(spec) if slot.text == TOKENIZER and slot.single]


def without_tokenizer(spec: Spec, classes: Mapping[str, Classes]) -> tuple[dict[str, Classes], str]:
    """Classes and vocabularies without the tokenizer among them, and its content; empty where there is none."""
    own = [name for name in tokenized(spec) if name in classes]
    lists = {name: found for name, found in classes.items() if name not in own}
    return lists, str(classes[own[0]][0]) if own else ""


def _text_kind(spec: Spec) -> str:
    """What text that feeds integers becomes: `characters`, `words`, `tokenizer`, or nothing of that kind."""
    source = spec.data.train.source if spec.data else None
    if source is None:
        return ""
    if source.options.get(TOKENIZER):
        return TOKENIZER
    kind = str(source.options.get("text") or source.options.get("unit") or "")
    return "" if kind == "bytes" else kind


def _reading(slot: Slot, text: str) -> Slot:
    fits = slot.type.rank == 2 and slot.type.dtype in INTEGERS and not slot.label
    return slot._replace(text=text) if fits else slot


def image_options(spec: Spec) -> dict[str, dict[str, object]]:
    """Input name to how its images come to one size on load, for `nnspec run`: the options of the training source."""
    source = spec.data.train.source if spec.data else None
    if source is None or source.component != "images" or source.options.get("size") is None:
        return {}
    kept = {name: source.options[name] for name in ("size", "fit", "resample")}
    return {slot.name: kept for slot in slots_of(spec) if slot.columns == ("image",) and not slot.target}


def pixel_inputs(spec: Spec) -> list[str]:
    """The inputs that images feed in training, as numbers from 0 to 255."""
    source = spec.data.train.source if spec.data else None
    if source is None or source.component not in ("images", "idx"):
        return []
    return [slot.name for slot in slots_of(spec) if slot.columns == ("image",) and not slot.target]


def text_inputs(spec: Spec) -> dict[str, str]:
    """Input name to what it counts of the text that feeds it: `characters`, `words` or the tokens of a `tokenizer`."""
    return {slot.name: slot.text for slot in slots_of(spec) if slot.text and slot.single and not slot.target}


def embedded_ids(spec: Spec) -> dict[str, int]:
    """Input name to the number of ids of the smallest embedding that reads it directly."""
    found: dict[str, int] = {}
    names = {value.name for value in spec.inputs}
    for node in spec.nodes:
        if node.kind == "layer" and node.component == "embedding" and node.inputs[0] in names:
            count = int(node.options["count"])
            found[node.inputs[0]] = min(count, found.get(node.inputs[0], count))
    return found


def _ignored(spec: Spec, target: str) -> tuple[int, ...]:
    nodes = spec.train.nodes if spec.train else ()
    return _integers(node.options.get(IGNORE) for node in nodes if target in node.inputs)


def _integers(values: Iterable[object]) -> tuple[int, ...]:
    return tuple(value for value in values if isinstance(value, int) and not isinstance(value, bool))
