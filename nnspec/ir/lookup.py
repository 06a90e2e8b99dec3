"""What names mean, and what is said where they mean nothing. Layers and blocks are one name space, values another."""

from __future__ import annotations

from nnspec.diagnostics.errors import Fault
from nnspec.ir.options import Expected
from nnspec.ir.records import Environment, Layerlike, Record
from nnspec.ir.wording import listed, nearest


def find(record: Record, env: Environment, name: str) -> Layerlike | None:
    """What `name` means as a layer: an instance, a block or a layer of the library."""
    if name in env.instances:
        return env.instances[name]
    if name in env.blocks:
        return env.blocks[name]
    layers = record.registries["layer"]
    return layers[name] if name in layers else None  # noqa: SIM401  (a registry is no dict)


def nearest_layer(record: Record, env: Environment, name: str) -> str:
    own = nearest(name, [*env.instances, *env.blocks], cutoff=0.7)
    return own or record.registries["layer"].nearest(name) or ""


def unknown_layer(record: Record, env: Environment, name: str) -> Fault:
    """The error for a name after `->` or before `(` that is no layer."""
    if name in env.values:
        return Fault("E201", f"{name} is a value, not a layer", help=f"`layer {name} = …` makes one")
    near = nearest_layer(record, env, name)
    if near:
        return Fault("E201", f"there is no layer {name}", help=f"did you mean {near}?")
    for kind in ("loss", "metric", "optimizer", "schedule", "initializer", "source"):
        if name in record.registries[kind]:
            return Fault("E201", f"{name} is {_article(kind)}, not a layer")
    return Fault(
        "E201", f"there is no layer {name}", help=f"`block {name}(…) {{ … }}` declares one, and `use` brings one in"
    )


def neither(record: Record, env: Environment, name: str) -> Fault:
    """The error for a bare name that begins a pipeline and is nothing."""
    near = nearest(name, env.values, cutoff=0.7) or nearest_layer(record, env, name)
    return Fault(
        "E201",
        f"{name} is neither a value nor a layer",
        help=f"did you mean {near}?" if near else values_here(env),
    )


def unknown_value(record: Record, env: Environment, name: str, wanted: Expected) -> Fault:
    """The error for a name that is no value, at a place where `wanted` may stand."""
    if name in wanted.words:
        return Fault("E204", f"{name} is no value here; a word of a fixed set is a string", help=f'write "{name}"')
    close = nearest(name, env.values) or nearest(name, wanted.words)
    for kind in wanted.kinds:
        if not close and record.registries[kind].nearest(name):
            return unknown_component(record, kind, name)
    if close:
        return Fault("E204", f"{name} is not defined", help=f"did you mean {_quoted(close, wanted)}?")
    known = [f"{kind}s are {', '.join(record.registries[kind])}" for kind in wanted.kinds]
    return Fault("E204", f"{name} is not defined", help="; ".join(known) or values_here(env))


def unknown_component(record: Record, kind: str, name: str) -> Fault:
    """The error for a name that no component of `kind` has."""
    registry = record.registries[kind]
    near = registry.nearest(name)
    return Fault(
        "E403",
        f"{name} is not {_article(kind)}",
        help=f"did you mean {near}?" if near else f"there are {', '.join(registry)}",
    )


def values_here(env: Environment) -> str:
    """A help with the values that could have been meant, the last one first."""
    names = list(env.tensors)
    return f"values here are {listed(names)}" if names else ""


def _quoted(name: str, wanted: Expected) -> str:
    return f'"{name}"' if name in wanted.words else name


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
