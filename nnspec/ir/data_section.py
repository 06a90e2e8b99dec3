"""The section `data`: sources and fractions, and what feeds each input and target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import symbol
from nnspec.ir.expressions import shown
from nnspec.ir.files import PREFIX
from nnspec.ir.records import POISON, NodeRecord, Poison, Tensor
from nnspec.ir.section_records import DataRecord, FeedRecord, SplitRecord, TargetRecord
from nnspec.ir.sections import Settings
from nnspec.ir.types import TensorType, shape_text
from nnspec.ir.wording import counted, listed, nearest
from nnspec.language import syntax


def rows_left_out(section: syntax.Section | None, name: str, type: TensorType) -> Fault | None:
    """The error for an input float32[4] that four columns feed: its type is that of one row."""
    for entry in section.entries if section else ():
        if isinstance(entry, syntax.Setting) and entry.key.name == name and isinstance(entry.value, syntax.ListExpr):
            count = len(entry.value.items)
            if count > 1 and type.shape == (count,):
                rows = type.with_shape(symbol("N"), count)
                return Fault("E410", f"{name} is {type}, and {count} columns feed it", f"the rows come first: {rows}")
    return None


SPLITS = ("train", "validation", "test")
PIXELS = ("images", "idx")
"""Sources whose `image` is bytes."""
MOVING = ("cast", "flatten", "reshape", "transpose", "unsqueeze", "squeeze", "resize", "pad", "identity", "slice")
"""Layers that leave pixels what they are."""
WEIGHING = ("conv", "depthwise_conv", "dense")


class DataReader:
    """Reads the section for the inputs of a model and the targets of its training."""

    def __init__(self, settings: Settings, targets: dict[str, TargetRecord]) -> None:
        self.settings = settings
        self.record = settings.record
        self.targets = targets
        self.wanted: dict[str, Tensor | Poison] = {tensor.name: tensor for tensor in settings.env.inputs}
        self.wanted |= {name: target.tensor for name, target in targets.items()}

    def read(self) -> DataRecord | None:
        """The data section; None where something in it was reported."""
        options = self.settings.component.option_names
        feeds = [entry for key, entry in self.settings.entries.items() if key not in options]
        bound = self.settings.bind(skip=[entry.key.name for entry in feeds])
        window = None if isinstance(bound, Poison) else getattr(bound.component.train, "window", None)
        found = [self._feed(entry, window) for entry in feeds]
        fed = [feed for feed in found if isinstance(feed, FeedRecord)]
        if isinstance(bound, Poison) or len(fed) < len(found):
            return None
        if bound.component.train.needs_feeds and not self._all_fed(fed, bound.component.train.name):
            return None
        if not self._all_changed(bound.component.augment):
            return None
        self._warn_of_bytes(fed, bound.component.train.name)
        splits = {key: self._split(key, getattr(bound.component, key)) for key in SPLITS}
        return DataRecord(bound.component, splits, fed, self.settings.section.span)

    def _all_fed(self, fed: list[FeedRecord], source: str) -> bool:
        named = {feed.name for feed in fed}
        missing = {name: tensor for name, tensor in self.wanted.items() if name not in named}
        missing = {name: tensor for name, tensor in missing.items() if isinstance(tensor, Tensor)}
        for name, tensor in missing.items():
            what = "target" if name in self.targets else "input"
            column = "column"
            if source in PIXELS:
                column = "label" if isinstance(tensor, Tensor) and len(tensor.type.shape) < 2 else "image"
            fault = Fault("E405", f"nothing feeds the {what} {name}", help=f'{name} = "{column}"')
            self.record.report(fault, self.settings.section.span)
        return not missing

    def _warn_of_bytes(self, fed: Sequence[FeedRecord], source: str) -> None:
        """W323: a layer with weights that reads pixels from 0 to 255 as they are."""
        names = {feed.name for feed in fed if feed.columns == ("image",)} if source in PIXELS else set()
        pixels = {id(tensor) for name, tensor in self.wanted.items() if name in names and name not in self.targets}
        for node in self.record.nodes if pixels else ():
            if not any(id(tensor) in pixels for tensor in node.inputs):
                continue
            if node.operator.name in MOVING:
                pixels |= {id(tensor) for tensor in node.outputs}
            elif node.operator.name.startswith(WEIGHING) and not self._normalized(node):
                spans = (node.span, *reversed(node.origin))
                fault = Fault(
                    "W323",
                    f"{node.operator.name} reads pixels as they are in the files, 0 to 255",
                    help="rescale(1 / 255) before it, or standardize(axis = 1), brings them to about 1",
                )
                self.record.warn(fault, next((span for span in spans if not span.file.startswith(PREFIX)), spans[0]))

    def _normalized(self, node: NodeRecord) -> bool:
        """Whether a normalization reads what a layer gives, so that its scale is of no matter."""
        users = [user for user in self.record.nodes if any(tensor in node.outputs for tensor in user.inputs)]
        return any(user.operator.name.endswith("_norm") for user in users)

    def _all_changed(self, augmentations: Sequence[Any]) -> bool:
        """Whether every augmentation has something to change."""
        types = {name: tensor.type for name, tensor in self.wanted.items() if isinstance(tensor, Tensor)}
        if len(types) < len(self.wanted):
            return True  # reported where they stand
        inputs = {name: type for name, type in types.items() if name not in self.targets}
        targets = {name: type for name, type in types.items() if name in self.targets}
        fit = True
        for index, augmentation in enumerate(augmentations):
            try:
                augmentation.changed(inputs, targets)
            except Fault as fault:
                self.record.report(fault, self.settings.place("augment", index))
                fit = False
        return fit

    def _feed(self, entry: syntax.Setting, window: int | None) -> FeedRecord | Poison:
        name, place = entry.key.name, entry.value.span
        tensor = self.wanted.get(name) or self.settings.env.values.get(name)
        if name not in self.wanted and tensor is not POISON:
            return self.record.report(self._unknown(name), entry.key.span)
        if fault := self._without_quotes(name, entry.value):
            return self.record.report(fault, place)
        value = self.settings.expressions.evaluate(self.settings.env, entry.value)
        if isinstance(value, Poison) or not isinstance(tensor, Tensor):
            return POISON
        columns = value if isinstance(value, tuple) else (value,)
        if not columns or not all(isinstance(column, str) and column for column in columns):
            fault = Fault(
                "E410", f"{name} is fed by the name of a column or array, or a list of them, got {shown(value)}"
            )
            return self.record.report(fault, place)
        twice = next((column for column in columns if columns.count(column) > 1), None)
        if twice:
            return self.record.report(Fault("E410", f'{name}: the column "{twice}" is given twice'), place)
        shape = tensor.type.shape
        single = isinstance(value, str)
        ranks = ((2, 3) if name in self.targets else (3,)) if window else (2,)
        if not single and (len(shape) not in ranks or (isinstance(shape[-1], int) and shape[-1] != len(columns))):
            steps = (window,) if window and name not in self.targets else ()
            gives = shape_text((shape[0] if shape else 1, *steps, len(columns)))
            give = "gives" if len(columns) == 1 else "give"
            fault = Fault("E410", f"{counted(len(columns), 'column')} {give} {gives}, and {name} is {tensor.type}")
            return self.record.report(fault, place)
        return FeedRecord(name, columns, single, entry.span)

    def _without_quotes(self, name: str, value: syntax.Expr) -> Fault | None:
        """The error for `species = species`, or a list of columns without quotes."""
        items = value.items if isinstance(value, syntax.ListExpr) else [value]
        names = [item.name for item in items if isinstance(item, syntax.Name)]
        decided = [
            one for one in names if not isinstance(self.settings.env.values.get(one, self), (DataReader, Tensor))
        ]
        if not names or len(names) < len(items) or decided:
            return None
        quoted = ", ".join(f'"{one}"' for one in names)
        written = f"[{quoted}]" if isinstance(value, syntax.ListExpr) else quoted
        what = "the name of a column is a string" if len(names) == 1 else "the names of columns are strings"
        return Fault("E410", f"{name}: {what}", help=f"write {name} = {written}")

    def _unknown(self, name: str) -> Fault:
        options = self.settings.component.option_names
        if name in self.settings.record.registries["section"]["train"].option_names:
            return Fault("E404", f"{name} is a setting of the train section", help=f"move it there: {name} = …")
        close = nearest(name, [*self.wanted, *options])
        known = f"inputs and targets are {listed(self.wanted)}; settings are {listed(options)}"
        return Fault(
            "E404",
            f"{name} is neither an input, a target nor a setting of data",
            help=f"did you mean {close}?" if close else known,
        )

    def _split(self, key: str, value: Any) -> SplitRecord | None:
        return None if value is None else SplitRecord(value, self.settings.entries[key].span)
