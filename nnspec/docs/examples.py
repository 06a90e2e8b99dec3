"""The examples of components as text of a spec. Each is elaborated when the page is made: one that fails stops it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import nnspec
from nnspec.ir.components import Component, Example
from nnspec.ir.spec import Spec
from nnspec.ir.types import shape_text


class Shown(NamedTuple):
    """The lines of the page that show an example."""

    lines: tuple[str, ...]


def layer_example(cls: type[Any]) -> Shown:
    """The first example of a layer as the body of a model, the type of its results, and the parameters that it has."""
    example = cls.examples[0]
    inputs = {"x" if len(example.inputs) == 1 else "abcdefgh"[i]: type for i, type in enumerate(example.inputs)}
    given = {name: _named(name, types) for name, types in example.arguments}
    inputs |= {own: type for names in given.values() for own, type in names.items()}
    heads = list(inputs)[: len(example.inputs)]
    count = _results(cls, example)
    names = ", ".join(f"y{i}" for i in range(1, count + 1)) if count > 1 else "y"
    head = heads[0] if len(heads) == 1 else f"({', '.join(heads)})"
    call = _with(example.call, [f"{name} = {_listed(name, own)}" for name, own in given.items()])
    lines = [*(f"input {name}: {type}" for name, type in inputs.items()), f"{names} = {head} -> {call}"]
    lines += [f"output {name.strip()}" for name in names.split(",")] if count > 1 else []
    spec = nnspec.loads("nnspec 1\n\nmodel example {\n" + "\n".join(f"  {line}" for line in lines) + "\n}\n")
    return Shown(("Example:", "", "```nnspec fragment", *lines, "```", "", *_facts(spec)))


def train_example(cls: type[Any]) -> Shown:
    """The first example of a loss or metric as a line of the train section."""
    example = cls.examples[0]
    prediction = "logits" if not example.inputs[1].startswith("float") else "prediction"
    call = _with(example.call, [], [prediction, "wanted"])
    line = f"metrics = [{call}]" if cls.kind == "metric" else f"loss = {call}"
    loss = f"loss = {call}" if cls.kind == "loss" else f"loss = mse({prediction}, {prediction})\n  {line}"
    nnspec.loads(
        f"nnspec 1\n\nmodel example {{\n  input {prediction}: {example.inputs[0]}\n  output y = identity\n}}\n\n"
        f"train {{\n  target wanted: {example.inputs[1]}\n  {loss}\n  optimizer = adam\n  epochs = 1\n}}\n"
    )
    types = f"`{prediction}: {example.inputs[0]}` and `wanted: {example.inputs[1]}`"
    return Shown((f"Example, for {types}:", "", "```text", line, "```", ""))


def example_of(cls: type[Component]) -> Shown | None:
    """The example of a component; None where its class has none."""
    if not cls.examples:
        return None
    return layer_example(cls) if cls.kind == "layer" else train_example(cls)


def _with(call: str, last: list[str], first: list[str] | None = None) -> str:
    """A call with more arguments."""
    name, inside = re.fullmatch(r"(\w+)(?:\((.*)\))?", call).groups()  # type: ignore[union-attr]
    arguments = [*(first or []), *([inside] if inside else []), *last]
    return f"{name}({', '.join(arguments)})" if arguments else str(name)


def _named(option: str, types: str | tuple[str, ...]) -> dict[str, str]:
    """Inputs for an option that is a value, or a list of them."""
    if isinstance(types, str):
        return {option: types}
    return {f"{option}_{i}": type for i, type in enumerate(types, 1)}


def _listed(option: str, names: dict[str, str]) -> str:
    return option if list(names) == [option] else f"[{', '.join(names)}]"


def _results(cls: type[Any], example: Example) -> int:
    """How many values the layer makes, as its error says where one name is not enough."""
    text = "nnspec 1\n\nmodel example {\n  input x: " + example.inputs[0] + f"\n  y = x -> {example.call}\n}}\n"
    if len(example.inputs) > 1 or example.arguments:
        return 1
    try:
        return len(nnspec.loads(text).nodes[-1].outputs)
    except nnspec.SpecError as error:
        found = re.search(r"1 name for (\d+) values", error.diagnostics[0].message)
        if found is None:
            raise
        return int(found[1])


def _facts(spec: Spec) -> list[str]:
    """The types of the outputs, and a table of parameters."""
    values = {value.name: value for value in (*spec.inputs, *spec.values)}
    types = " and ".join(f"`{item.name}: {values[item.value].type}`" for item in spec.outputs)
    said = f"It gives {types}"
    owned = [(p.path, shape_text(p.shape), "" if p.trainable else ", a statistic") for p in spec.parameters]
    listed = ", ".join(f"`{path}` {shape}{note}" for path, shape, note in owned)
    return [f"{said}, with the parameters {listed}." if owned else f"{said}.", ""]
