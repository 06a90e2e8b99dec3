"""What names mean, and what is said where they mean nothing. Layers and blocks are one name space, values another."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.diagnostics.errors import Fault
from nnspec.ir.advice import article, elsewhere
from nnspec.ir.expected import Expected
from nnspec.ir.files import holding
from nnspec.ir.recipes import besides, recipe
from nnspec.ir.records import Environment, Layerlike, Record
from nnspec.ir.wording import listed, nearest
from nnspec.language import syntax
from nnspec.language.spelling import spelled

CONSTANTS = {"none": "none", "null": "none", "nil": "none", "true": "true", "false": "false"}
"""Words of this and other languages, in small letters, and how they are written here."""


def find(record: Record, env: Environment, name: str) -> Layerlike | None:
    """What `name` means as a layer: an instance, a block or a layer of the library."""
    if name in env.instances:
        return env.instances[name]
    if name in env.blocks:
        return env.blocks[name]
    layers = record.registries["layer"]
    return layers[name] if name in layers else None  # noqa: SIM401  (a registry is no dict)


def unknown_layer(record: Record, env: Environment, name: str) -> Fault:
    """The error for a name after `->` or before `(` that is no layer."""
    if name in env.values:
        return Fault("E201", f"{name} is a value, not a layer", help=f"`layer {name} = …` makes one")
    if fault := _known_otherwise(record, env, name):
        return fault
    value, _, layer = name.rpartition(".")
    if value in env.values:
        return Fault(
            "E201", f"{value} is a value, and has no layers", help=f"layers are joined with `->`: {value} -> {layer}"
        )
    if module := holding(name):
        return Fault("E201", f"there is no layer {name} here", help=f"`use std.{module}: {name}` brings it in")
    near = _nearest_layer(record, env, name)
    help = (
        f"did you mean {near}?{besides(name)}"
        if near
        else f"`block {name}(…) {{ … }}` declares one, and `use` brings one in"
    )
    return Fault("E201", f"there is no layer {name}", help=help, fix=record.registries["layer"].same(name))


def neither(record: Record, env: Environment, name: str) -> Fault:
    """The error for a bare name that begins a pipeline and is nothing."""
    near = nearest(name, env.values, cutoff=0.7)
    fault = None if near else _known_otherwise(record, env, name)
    if fault:
        return fault
    if module := "" if near else holding(name):
        return Fault("E201", f"there is no layer {name} here", help=f"`use std.{module}: {name}` brings it in")
    near = near or _nearest_layer(record, env, name)
    return Fault(
        "E201",
        f"{name} is neither a value nor a layer",
        help=f"did you mean {near}?" if near else values_here(env),
        fix=record.registries["layer"].same(name),
    )


def _known_otherwise(record: Record, env: Environment, name: str) -> Fault | None:
    """The error for what would be a layer in a later version, or is a component of another kind."""
    layers = record.registries["layer"]
    if layers.same(name) or nearest(name, [*env.instances, *env.blocks], cutoff=0.9):
        return None
    if own := layers.planned(name):
        return Fault(
            "E201", f"nnspec has no {own} yet", help="it is part of the language, and comes in a later version"
        )
    if help := recipe(name):
        return Fault("E201", f"there is no layer {name}", help=help)
    message, help = elsewhere(record.registries, name, "layer")
    return Fault("E201", message, help=help) if message else None


def _nearest_layer(record: Record, env: Environment, name: str) -> str:
    own = nearest(name, [*env.instances, *env.blocks], cutoff=0.7)
    return own or record.registries["layer"].nearest(name) or ""


def unknown_value(record: Record, env: Environment, name: str, wanted: Expected) -> Fault:
    """The error for a name that is no value, at a place where `wanted` may stand."""
    if name.lower() in ("inf", "infinity", "nan"):
        return Fault("E204", f"{name} is not defined", help="numbers are finite; most limits may be left out, or none")
    if name in wanted.words:
        return Fault(
            "E204",
            f"{name} is no value here; a word of a fixed set is a string",
            help=f'write "{name}"',
            fix=f'"{name}"',
        )
    if name.lower() in CONSTANTS:
        constant = CONSTANTS[name.lower()]
        return Fault("E204", f"{name} is not defined", help=f"write {constant}", fix=constant)
    close = nearest(name, env.values) or nearest(name, wanted.words)
    for kind in wanted.kinds:
        if not close and (record.registries[kind].nearest(name) or record.registries[kind].planned(name)):
            return unknown_component(record, kind, name)
    if close:
        return Fault("E204", f"{name} is not defined", help=f"did you mean {_quoted(close, wanted)}?")
    if wanted.kinds:
        return unknown_component(record, wanted.kinds[0], name)
    help = f'write "{name}" for the text' if wanted.text else values_here(env)
    return Fault("E204", f"{name} is not defined", help=help)


def unknown_component(record: Record, kind: str, name: str) -> Fault:
    """The error for a name that no component of `kind` has."""
    registry = record.registries[kind]
    message, _ = elsewhere(record.registries, name, kind)
    near = registry.nearest(name)
    if not registry.same(name) and (own := registry.planned(name)):
        return Fault("E403", f"nnspec has no {own} yet", help=f"there are {', '.join(registry)}")
    help = f"did you mean {near}?" if near else f"there are {', '.join(registry)}"
    if kind == "loss" and not near:
        help += "; each is written with its values: mse(prediction, target)"
    return Fault("E403", message or f"{name} is not {article(kind)}", help=help, fix=registry.same(name))


def unknown_call(record: Record, env: Environment, call: syntax.Call, kinds: Sequence[str]) -> Fault:
    """The error for a call of what is no component of `kinds`, no loss where one may stand, and no function."""
    name = call.name.name
    if name == "range" and call.arguments:
        count = spelled(call.arguments[-1].value)
        return Fault("E201", "there is no range", help=f"write `repeat {count} as i {{ … }}`")
    if kinds:
        return unknown_component(record, kinds[0], name)
    return unknown_layer(record, env, name)


def unquoted(env: Environment, expr: syntax.Expr) -> Fault | None:
    """The error for a path or name without quotes where a string stands: `csv(data/iris.csv)`."""
    if isinstance(expr, syntax.Name) or not _is_path(env, expr):
        return None
    written = f'"{spelled(expr).replace(" ", "")}"'
    return Fault("E204", "a string stands in quotes", help=f"write {written}", fix=written)


def _is_path(env: Environment, expr: syntax.Expr) -> bool:
    """Whether an expression is words that mean nothing here, joined by `/`, `-` and `.`."""
    match expr:
        case syntax.Name(name=name) | syntax.Attribute(base=syntax.Name(name=name)):
            known = name in env.values or name in env.instances or name in env.lost
            return not known
        case syntax.Binary(operator="/" | "-", left=left, right=right):
            return _is_path(env, left) and _is_path(env, right)
    return False


def values_here(env: Environment) -> str:
    """A help with the values that could have been meant, the last one first."""
    names = list(env.tensors)
    return f"values here are {listed(names)}" if names else ""


def _quoted(name: str, wanted: Expected) -> str:
    return f'"{name}"' if name in wanted.words else name
