"""What changed from one spec to the next, for those who deploy it: who calls the model, and who holds its weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from typing import Literal, NamedTuple

from nnspec.ir import dims
from nnspec.ir.requirements import BYTES
from nnspec.ir.spec import Node, Parameter, Spec, Value
from nnspec.ir.types import shape_text

What = Literal["input", "output", "classes", "parameter", "layer", "cost"]


class Change(NamedTuple):
    """One thing that is not as it was."""

    what: What
    name: str
    change: Literal["added", "removed", "changed", "renamed"]
    before: str
    after: str
    breaks: str = ""
    """Who breaks: `clients`, `weights`, or nobody."""


def differences(old: Spec, new: Spec) -> list[Change]:
    """Every change, what breaks something first within its kind."""
    return [
        *_inputs(old, new),
        *_outputs(old, new),
        *_classes(old, new),
        *_parameters(old, new),
        *_layers(old, new),
        *_costs(old, new),
    ]


# ---- who calls the model


def _inputs(old: Spec, new: Spec) -> Iterator[Change]:
    before, after = _types(old, old.inputs), _types(new, new.inputs)
    for name in before | after:
        if name not in after:
            yield Change("input", name, "removed", before[name].text, "", "clients")
        elif name not in before:
            yield Change("input", name, "added", "", after[name].text, "clients")
        elif before[name].plain != after[name].plain:
            wider = _accepts(after[name], before[name], [type.plain for type in after.values()])
            yield Change("input", name, "changed", before[name].text, after[name].text, "" if wider else "clients")


def _outputs(old: Spec, new: Spec) -> Iterator[Change]:
    before, after = (_types(spec, _output_values(spec)) for spec in (old, new))
    for name in before | after:
        if name not in after:
            yield Change("output", name, "removed", before[name].text, "", "clients")
        elif name not in before:
            yield Change("output", name, "added", "", after[name].text)
        elif before[name].plain != after[name].plain:
            yield Change("output", name, "changed", before[name].text, after[name].text, "clients")


def _classes(old: Spec, new: Spec) -> Iterator[Change]:
    before, after = ({t.name: t.classes for t in spec.train.targets} if spec.train else {} for spec in (old, new))
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            yield Change("classes", name, "changed", str(before[name]), str(after[name]), "clients")


class _Type(NamedTuple):
    text: str
    """As the spec says it."""
    plain: str
    """With its symbols named by their order, so that a symbol that is called otherwise is no change."""


def _types(spec: Spec, values: Sequence[Value]) -> dict[str, _Type]:
    order: dict[str, str] = {}
    for value in spec.inputs:
        for dim in value.shape:
            for name in re.findall(r"[A-Za-z_]\w*", str(dim)):
                order.setdefault(name, f"s{len(order)}")
    found = {}
    for value in values:
        shape = shape_text(value.shape)
        plain = re.sub(r"[A-Za-z_]\w*", lambda match: order.get(match[0], match[0]), shape)
        found[value.name] = _Type(f"{value.dtype}{shape}", f"{value.dtype}{plain}")
    return found


def _output_values(spec: Spec) -> list[Value]:
    known = {value.name: value for value in (*spec.inputs, *spec.values)}
    return [known[output.value].model_copy(update={"name": output.name}) for output in spec.outputs]


def _accepts(after: _Type, before: _Type, all_after: Sequence[str]) -> bool:
    """Whether an input takes all that it took: a number became a symbol that stands nowhere else."""
    one, other = (re.fullmatch(r"(\w+)\[(.*)\]", type.plain) for type in (after, before))
    if not one or not other or one[1] != other[1]:
        return False
    wide, narrow = one[2].split(", "), other[2].split(", ")
    if len(wide) != len(narrow):
        return False
    symbols = re.findall(r"\bs\d+\b", " ".join(all_after))
    fits = (
        w == n or (re.fullmatch(r"s\d+", w) and (n.isdigit() or n[0] == "s") and symbols.count(w) == 1)
        for w, n in zip(wide, narrow, strict=True)
    )
    return all(fits)


# ---- who holds weights


def _parameters(old: Spec, new: Spec) -> Iterator[Change]:
    before, after = ({p.path: p for p in spec.parameters} for spec in (old, new))
    gone = [p for path, p in before.items() if path not in after]
    come = [p for path, p in after.items() if path not in before]
    renamed = _renamed(gone, come)
    for path, parameter in before.items():
        if path in renamed:
            yield Change("parameter", path, "renamed", path, renamed[path], "weights")
        elif path not in after:
            yield Change("parameter", path, "removed", _tensor(parameter), "", "weights")
        elif _tensor(parameter) != _tensor(after[path]):
            yield Change("parameter", path, "changed", _tensor(parameter), _tensor(after[path]), "weights")
    for path, parameter in after.items():
        if path not in before and path not in renamed.values():
            yield Change("parameter", path, "added", "", _tensor(parameter), "weights")


def _renamed(gone: Sequence[Parameter], come: Sequence[Parameter]) -> dict[str, str]:
    """Paths that seem to have moved: the same shape under the same last name, as many before as after, in order."""

    def kind(parameter: Parameter) -> tuple[str, str]:
        return parameter.path.rpartition(".")[2], _tensor(parameter)

    counts = Counter(map(kind, gone)), Counter(map(kind, come))
    return {
        one.path: other.path
        for wanted in counts[0]
        if counts[0][wanted] == counts[1][wanted]
        for one, other in zip(
            [p for p in gone if kind(p) == wanted], [p for p in come if kind(p) == wanted], strict=True
        )
    }


def _tensor(parameter: Parameter) -> str:
    return f"{parameter.dtype}{list(parameter.shape)}"


# ---- what it computes, and what that costs


def _layers(old: Spec, new: Spec) -> Iterator[Change]:
    """Layers that compute something else with the same weights: by path where they have parameters, else by what they
    are, wherever they stand."""
    before, after = ({node.path: node for node in spec.nodes if node.parameters} for spec in (old, new))
    for path in before.keys() & after.keys():
        texts = _layer(before[path]), _layer(after[path])
        if texts[0] != texts[1]:
            yield Change("layer", path, "changed", *texts)
    one, other = (Counter(_layer(node) for node in spec.nodes if not node.parameters) for spec in (old, new))
    for text, count in (one - other).items():
        yield Change("layer", _place(old, text), "removed", _times(text, count), "")
    for text, count in (other - one).items():
        yield Change("layer", _place(new, text), "added", "", _times(text, count))


def _place(spec: Spec, text: str) -> str:
    return next(node.path for node in spec.nodes if not node.parameters and _layer(node) == text)


def _times(text: str, count: int) -> str:
    return text if count == 1 else f"{count} x {text}"


def _layer(node: Node) -> str:
    options = ", ".join(f"{name} = {_spelled(value)}" for name, value in node.options.items() if name != "init")
    return f"{node.component}({options})" if options else node.component


def _spelled(value: object) -> str:
    words = {"True": "true", "False": "false", "None": "none"}
    return f'"{value}"' if isinstance(value, str) else words.get(str(value), str(value))


def _costs(old: Spec, new: Spec) -> Iterator[Change]:
    for name, count in (("params", _count), ("size", _size), ("macs", _macs)):
        before, after = count(old), count(new)
        if before != after:
            yield Change("cost", name, "changed", before, after)


def _count(spec: Spec) -> str:
    return f"{spec.parameter_count:_}"


def _size(spec: Spec) -> str:
    return f"{sum(prod(p.shape) * BYTES[p.dtype] for p in spec.parameters):_} bytes"


def _macs(spec: Spec) -> str:
    total: dims.Dim = 0
    for node in spec.nodes:
        total = total + node.macs
    rows = {name: 1 for value in spec.inputs for name in dims.symbols(value.shape[0] if value.shape else 1)}
    found = dims.substitute(total, rows)
    return f"{found:_}" if isinstance(found, int) else str(found)
