"""What somebody may have meant who wrote an option or argument that does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import floor
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir.accept import MISSING, accept
from nnspec.ir.arithmetic import describe
from nnspec.ir.components import Component, Registry
from nnspec.ir.expected import expected
from nnspec.ir.fields import option_types
from nnspec.ir.planned import plain
from nnspec.ir.wording import nearest, suggestion
from nnspec.language import syntax
from nnspec.language.spelling import call, spelled

Registries = Mapping[str, Registry[Any]]

SIZES_OF_INPUTS = (
    *("input_dim", "input_shape", "input_size", "in_features", "in_channels", "num_features", "n_in"),
    *("normalized_shape", "num_channels", "embed_dim"),
)


OF_OPTIMIZERS = {"lr": "lr", "learning_rate": "lr", "weight_decay": "weight_decay"}
"""Settings of other trainers that are options here."""


# Options that there are not


def foreign_option(cls: type[Component], name: str) -> str:
    """The option of `cls` that another framework calls `name`; an empty text for none."""
    for base in cls.__mro__:
        known: Mapping[str, str] = vars(base).get("foreign_options", {})
        for other, own in known.items():
            if plain(other) == plain(name) and own in cls.option_names:
                return own
    return ""


def misnamed(
    cls: type[Component], argument: syntax.Argument, call_: Sequence[syntax.Argument], registries: Registries
) -> Fault | None:
    """The error for an option that other frameworks have, here under another name or not at all."""
    name = argument.name.name if argument.name else ""
    help = ""
    if own := foreign_option(cls, name):
        help = f"did you mean {own}?"
    elif cls.kind == "layer" and name == "activation":
        rest = [other for other in call_ if other is not argument]
        help = f"an activation is a layer of its own: {call(cls.name, rest)} -> {_activation(argument, registries)}"
    elif cls.kind == "layer" and name in SIZES_OF_INPUTS:
        help = "the size of the input is known: leave it out"
    elif cls.kind == "layer" and name == "data_format":
        help = "channels are on axis 1: transpose(0, 3, 1, 2) makes [N, C, H, W] of [N, H, W, C]"
    elif name == "betas" and "beta2" in cls.option_names:
        help = "they are two options: beta1 and beta2"
    elif cls.kind == "section" and name in OF_OPTIMIZERS:
        help = f"it is an option of the optimizer: adam({OF_OPTIMIZERS[name]} = …)"
    elif not cls.option_names:
        help = cls.needs_none
    return Fault("E202", _none(cls, name), help=help) if help else None


def unknown_option(cls: type[Component], name: str) -> Fault:
    """The error for an option that nothing is known of."""
    known = cls.option_names
    help = suggestion(name, known, f"its {_noun(cls)}{'s are' if len(known) > 1 else ' is'}") if known else ""
    return Fault("E202", _none(cls, name), help=help)


def _none(cls: type[Component], name: str) -> str:
    return f"{cls.name} has no {_noun(cls)} {name}"


def _noun(cls: type[Component]) -> str:
    return "setting" if cls.kind == "section" else "option"


def _activation(argument: syntax.Argument, registries: Registries) -> str:
    value = argument.value
    written = value.name if isinstance(value, syntax.Name) else ""
    if isinstance(value, syntax.Literal) and isinstance(value.value, str):
        written = value.value
    return (registries["layer"].nearest(written) if written else "") or written or "relu"


# Inputs and their sizes among the options


def arrow(name: str, inputs: Sequence[syntax.Argument], rest: Sequence[syntax.Argument] = ()) -> str:
    """`x -> dense(3)` for `dense(x, 3)`: calling a layer with its input is a habit from Python."""
    written = [spelled(argument.value, "x") for argument in inputs]
    only = inputs[0].value if len(inputs) == 1 else None
    head = f"({', '.join(written)})"
    if only:
        head = "x" if isinstance(only, syntax.Literal) else written[0]
        head = f"({head[1:-1]})" if isinstance(only, syntax.ListExpr) else head
    return f"{head} -> {call(name, list(rest))}"


def size_first(cls: type[Component], arguments: Sequence[syntax.Argument], value: Any) -> str:
    """The help for `dense(4, 16)`, in which `value` is the second argument; an empty text where all is well."""
    first, second = (option_types(cls)[name] for name in cls.option_names[:2])
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or accept(first, value) is MISSING or accept(second, value) is not MISSING:
        return ""
    positional = [argument for argument in arguments if argument.name is None]
    rest = [argument for argument in arguments if argument is not positional[cls.size_second]]
    return f"the size of the input is known: {call(cls.name, rest)}"


# Values that do not fit


def other_form(cls: type[Component], option: str, value: Any, registries: Registries) -> str:
    """A help that offers what fits the option and is close to `value`."""
    wanted = expected(cls, option)
    whole = isinstance(value, int) and not isinstance(value, bool) and value > 1
    if cls.kind == "layer" and whole and option == cls.option_names[0] and option in cls.option_defaults:
        return f"the size of the input is known: {cls.name}"
    if value == "causal" and option == "padding":
        return f"{cls.name}(…, padding = [[(kernel - 1) * dilation, 0]]) pads the past alone"
    if isinstance(value, str):
        word = cls.foreign_words.get(value.lower(), value.lower())
        if close := word if word in wanted.words else nearest(value, wanted.words, 0.5):
            return f'did you mean "{close}"?'
        if form := _without_quotes(wanted.kinds, value, registries):
            return form
    if number := _as_number(option_types(cls)[option], value):
        return number
    if isinstance(value, tuple) and (forms := _items_without_quotes(wanted.kinds, value, registries)):
        return f"write without quotes: {option} = {forms}"
    if value is not None and accept(option_types(cls)[option], (value,)) is not MISSING:
        return f"a list stands in brackets: {describe((value,))}"
    return ""


def fitting_form(cls: type[Component], option: str, value: Any, registries: Registries) -> str:
    """The text that stands for `value` beyond doubt: a number without quotes, a word in small letters, a component."""
    annotation, wanted = option_types(cls)[option], expected(cls, option)
    if isinstance(value, str):
        word = cls.foreign_words.get(value.lower(), value.lower())
        if word in wanted.words:
            return f'"{word}"'
        for kind in wanted.kinds:
            own = None if kind in ("loss", "metric") else registries[kind].same(value)  # those take values first
            if own and all(
                name in registries[kind][own].option_defaults for name in registries[kind][own].option_names
            ):
                return own
        return value if _as_number(annotation, value) else ""
    whole = isinstance(value, float) and value == floor(value)
    return str(floor(value)) if whole and accept(annotation, floor(value)) is not MISSING else ""


def _as_number(annotation: Any, value: Any) -> str:
    """The help for a number in quotes, a whole one with a point, one with a fraction, and one in percent."""
    if isinstance(value, str):
        with suppress(ValueError):
            number = int(value) if value.lstrip("-").isdigit() else float(value)
            if accept(annotation, number) is not MISSING:
                return f"write it without quotes: {value}"
    elif isinstance(value, float) and accept(annotation, floor(value)) is not MISSING:
        return f"write {floor(value)}" if value == floor(value) else "`//` divides and rounds down; so does floor(…)"
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and 10 <= value <= 100:
        is_fraction = accept(annotation, value / 100) is not MISSING and accept(annotation, 2) is MISSING
        if is_fraction:
            return f"it is a fraction: {value:g} % is {value / 100:g}"
    return ""


def _without_quotes(kinds: Sequence[str], value: str, registries: Registries) -> str:
    for kind in kinds:
        registry = registries[kind]
        suffix = value.rpartition(".")[2].lower()
        if kind == "source" and suffix in registry and suffix != value:
            return f'write {suffix}("{value}")'
        if name := registry.nearest(value):
            return f"write it without quotes: {sketch(registry[name])}"
    listed = [f"{kind}s are {', '.join(registries[kind])}" for kind in kinds if kind != "loss"]
    return "; ".join(listed)


def _items_without_quotes(kinds: Sequence[str], value: Sequence[Any], registries: Registries) -> str:
    """`[flip, crop(padding = …)]` for the strings "flip" and "crop"; an empty text where one of them is no name."""
    forms = []
    for item in value:
        found = [registries[kind][item] for kind in kinds if isinstance(item, str) and item in registries[kind]]
        if not found:
            return ""
        needed = any(name not in found[0].option_defaults for name in found[0].option_names)
        forms.append(sketch(found[0]) if needed else f"{item}()")
    return f"[{', '.join(forms)}]" if forms else ""


def sketch(cls: type[Component], values: str = "prediction, target") -> str:
    """How a component is written, as far as it is the same for all: `adam(lr = …)`, `mse(prediction, target)`."""
    if cls.kind in ("loss", "metric"):
        return f"{cls.name}({values})"
    needed = [name for name in cls.option_names if name not in cls.option_defaults] or cls.option_names[:1]
    if cls.kind == "source":
        return f'{cls.name}("…")' if "path" in needed else f"{cls.name}(…)"
    return f"{cls.name}({', '.join(f'{name} = …' for name in needed)})" if needed else cls.name


PLACES = {
    "loss": "loss = {} in the train section",
    "metric": "metrics = [{}] in the train section",
    "optimizer": "optimizer = {} in the train section",
    "schedule": "optimizer = adam(lr = {}) in the train section",
    "regularizer": "regularize = {} in the train section",
    "stop": "early_stop = {} in the train section",
    "average": "average = {} in the train section",
    "initializer": "an option of a layer: dense(16, init = {})",
    "source": "train = {} in the data section",
    "augmentation": "augment = [{}] in the data section",
}
"""Where components of each kind stand, in the order in which a name is looked for."""


def elsewhere(registries: Registries, name: str, wanted: str) -> tuple[str, str]:
    """For a name of another kind than `wanted`: what it is, and where it belongs."""
    for kind, place in PLACES.items():
        if kind != wanted and name in registries.get(kind, ()):
            return f"{name} is {article(kind)}, not {article(wanted)}", place.format(sketch(registries[kind][name]))
    return "", ""


def article(kind: str) -> str:
    """`a loss`, `an optimizer`, `weights`."""
    return kind if kind == "weights" else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
