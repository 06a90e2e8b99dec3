"""The IR as JSON: exact both ways, described by its schema, frozen, strict and closed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nnspec.ir.codec import build, encode
from nnspec.ir.spec import Spec
from nnspec.library import registries
from tests.soak import FACTOR

from .shorthand import ACCEPTANCE, codes, model, raw, spec
from .test_names import BLOCKS, LINES

EXAMPLES = 60 * FACTOR

SCHEMA = Spec.model_json_schema()
TRAIN = """train {
  target y: float32[N, 2]
  target kind: label[N]
  loss = mse(a, y) + 0.3 * cross_entropy(b -> softmax, kind, label_smoothing = 0.1)
  optimizer = adamw(lr = warmup_cosine(peak = 0.1, warmup = 0.05), weight_decay = 0.01)
  regularize = [l2(1e-4), l1(1e-5, on = "a.weight")]
  metrics = [accuracy(b, kind), mae(a, y)]
  early_stop = patience(3)
  average = ema(0.9)
  freeze = ["b.*"]
  steps = 5
}
data {
  train = csv("rows.csv")
  validation = 0.25
  x = ["p", "q", "r", "s"]
  y = ["t", "u"]
  kind = "k"
}
export {
  outputs = ["a"]
}
require { params <= 1_000 }
"""
WHOLE = model(
    "output a = dense(2)",
    "output b = x -> dense(5, init = normal(0.1)) -> dropout(0.5)",
    params="(n = 3, s = [1, 0.5])",
    tail=TRAIN,
)


@st.composite
def specs(draw: st.DrawFn) -> str:
    """Valid specs from lines that fit together, over inputs of several types."""
    dims = draw(st.sampled_from(["N", "8 * N", "N, T", "N, 2 * T + 1", "N, (T - 1) // 2 + 1", "4, 3"]))
    dtype = draw(st.sampled_from(["float32", "float64", "float16"]))
    body = draw(st.lists(LINES.filter(lambda line: line not in ("standardize", "prelu")), min_size=1, max_size=8))
    return raw(f"input x: {dtype}[{dims}, 4]", *body, "output y = dense(3)", blocks=BLOCKS)


def round_trip(found: Spec) -> str:
    text = found.model_dump_json()
    again = Spec.model_validate_json(text)
    assert again == found
    assert again.model_dump_json() == text
    return text


@settings(max_examples=EXAMPLES, deadline=None)
@given(specs())
def test_json_is_exact_both_ways(text: str) -> None:
    assert problems(json.loads(round_trip(spec(text))), SCHEMA) == []


def test_a_whole_spec_is_exact_both_ways() -> None:
    assert problems(json.loads(round_trip(spec(WHOLE))), SCHEMA) == []


def test_acceptance_files_are_exact_both_ways() -> None:
    """Of those whose layers are there."""
    texts = [path.read_text(encoding="utf-8") for path in ACCEPTANCE]
    whole = [text for text in texts if "model " in text and not codes(text)]
    assert len(whole) >= 2
    for text in whole:
        _assert_exact(text)


def _assert_exact(content: str) -> None:
    assert problems(json.loads(round_trip(spec(content))), SCHEMA) == []


def test_components_come_back_from_references() -> None:
    found = spec(WHOLE)
    assert found.train
    for reference, kind in ((found.train.optimizer, "optimizer"), (found.parameters[2].init, "initializer")):
        component = build(registries(), kind, reference.component, json.loads(json.dumps(reference.options)), {})
        assert encode(component) == reference


def test_every_part_is_closed_and_frozen() -> None:
    found = spec(WHOLE)
    with pytest.raises(ValidationError):
        found.name = "other"  # type: ignore[misc]
    for place in (
        [],
        ["inputs", 0],
        ["nodes", 0],
        ["parameters", 0],
        ["train"],
        ["train", "targets", 0],
        ["data"],
        ["export"],
    ):
        content = part = json.loads(found.model_dump_json())
        for step in place:
            part = part[step]
        part["more"] = 1
        with pytest.raises(ValidationError):
            Spec.model_validate_json(json.dumps(content))
        assert problems(content, SCHEMA)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["version"], 2),
        (["name"], 3),
        (["inputs", 0, "dtype"], "float8"),
        (["inputs", 0, "shape"], [-1, 4]),
        (["inputs", 0, "shape"], [1.5, 4]),
        (["inputs", 0, "shape"], "N"),
        (["parameters", 0, "shape"], ["N"]),
        (["parameters", 0, "trainable"], 1),
        (["nodes", 0, "kind"], "lair"),
        (["train", "seed"], "7"),
        (["train", "epochs"], 1.5),
    ],
)
def test_values_are_strict(place: list[Any], value: Any) -> None:
    content = part = json.loads(spec(WHOLE).model_dump_json())
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    with pytest.raises(ValidationError):
        Spec.model_validate_json(json.dumps(content))
    assert problems(content, SCHEMA)


@pytest.mark.parametrize(
    "dim", ["N +", "f(N)", "N.x", "3", "N / 2", "__import__('os')", "1 // 0 * N", "N" * 10 + "(" * 300]
)
def test_a_dimension_is_nothing_else(dim: str) -> None:
    content = json.loads(spec(WHOLE).model_dump_json())
    content["inputs"][0]["shape"] = [dim, 4]
    with pytest.raises(ValidationError):
        Spec.model_validate_json(json.dumps(content))


def problems(value: Any, schema: dict[str, Any], place: str = "spec") -> list[str]:
    """What JSON Schema has against a value, for the keywords that the schema of the IR uses."""
    if "$ref" in schema:
        return problems(value, SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[-1]], place)
    if "anyOf" in schema:
        tried = [problems(value, part, place) for part in schema["anyOf"]]
        return [] if [] in tried else min(tried, key=len)
    unknown = set(schema) - KEYWORDS
    assert not unknown, f"the test does not know {unknown}"
    found = [] if _is(value, schema.get("type")) else [f"{place} is no {schema['type']}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{place} is not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place} is none of {schema['enum']}")
    if not found and "minimum" in schema and value < schema["minimum"]:
        found.append(f"{place} is too small")
    if isinstance(value, dict) and not found:
        named = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        found += [f"{place} has no {name}" for name in schema.get("required", []) if name not in value]
        for name, part in value.items():
            if name in named:
                found += problems(part, named[name], f"{place}.{name}")
            elif others is False:
                found.append(f"{place}.{name} is too much")
            elif isinstance(others, dict):
                found += problems(part, others, f"{place}.{name}")
    if isinstance(value, list) and not found:
        rules = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        for index, (part, rule) in enumerate(zip(value, rules, strict=True)):
            found += problems(part, rule, f"{place}[{index}]")
    return found


KEYWORDS = {
    "type", "const", "enum", "minimum", "properties", "required", "additionalProperties", "items", "prefixItems",
    "minItems",
    "maxItems", "title", "description", "default", "$defs",
}  # fmt: skip


def _is(value: Any, wanted: str | None) -> bool:
    types = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
        "null": type(None),
    }
    if wanted is None:
        return True
    return isinstance(value, types[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
