"""Names of parameters, exactly as the contract says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import FACTOR

from .shorthand import codes, model, paths, places, raw, spec

EXAMPLES = 60 * FACTOR

CASES = {
    "without a name: kind and number": (
        ["dense(4, bias = false)", "relu", "dense(4, bias = false)", "standardize"],
        ["dense_1.weight", "dense_2.weight", "standardize_1.mean", "standardize_1.deviation"],
    ),
    "the only one takes the name": (["logits = dense(4, bias = false) -> relu -> softmax"], ["logits.weight"]),
    "several stand below it": (
        ["stem = dense(4, bias = false) -> relu -> dense(4, bias = false) -> prelu"],
        ["stem.dense_1.weight", "stem.dense_2.weight", "stem.prelu_1.weight"],
    ),
    "so in an expression": (
        ["x = x + (x -> dense(8, bias = false) -> relu -> dense(4, bias = false))"],
        ["x.dense_1.weight", "x.dense_2.weight"],
    ),
    "an output is a named statement": (["output y = dense(4, bias = false)"], ["y.weight"]),
    "a name given again counts on": (
        ["h = dense(4, bias = false)", "h = h -> dense(4, bias = false)", "h -> relu"],
        ["h.weight", "h_2.weight"],
    ),
    "a name without parameters does not count": (
        ["h = relu", "h = h -> dense(4, bias = false)"],
        ["h.weight"],
    ),
    "a block is a scope": (
        ["pair", "pair"],
        ["pair_1.dense_1.weight", "pair_1.h.weight", "pair_2.dense_1.weight", "pair_2.h.weight"],
    ),
    "a block takes the name of its statement": (["b = pair -> relu"], ["b.dense_1.weight", "b.h.weight"]),
    "blocks and layers stand below a name": (
        ["b = pair -> dense(4, bias = false)"],
        ["b.pair_1.dense_1.weight", "b.pair_1.h.weight", "b.dense_1.weight"],
    ),
    "blocks in blocks": (
        ["deep"],
        [f"deep_1.{part}.weight" for part in ("inner.dense_1", "inner.h", "pair_1.dense_1", "pair_1.h")],
    ),
    "a block without parameters takes no number": (["empty", "e = empty -> dense(4, bias = false)"], ["e.weight"]),
    "a named repeat is a scope": (
        ["layers = repeat 2 { pair", "h = dense(4, bias = false) }"],
        ["layers.0.pair_1.dense_1.weight", "layers.0.pair_1.h.weight", "layers.0.h.weight",
         "layers.1.pair_1.dense_1.weight", "layers.1.pair_1.h.weight", "layers.1.h.weight"],
    ),
    "a repeat without a name is none": (["repeat 2 { dense(4, bias = false) }"], ["dense_1.weight", "dense_2.weight"]),
    "nor are if and for": (
        ["if true { dense(4, bias = false) }", "for c in [1, 2] { h = dense(4, bias = false) }"],
        ["dense_1.weight", "h.weight", "h_2.weight"],
    ),
    "named repeats nest": (
        ["a = repeat 1 { b = repeat 2 { dense(4, bias = false) } }"],
        ["a.0.b.0.dense_1.weight", "a.0.b.1.dense_1.weight"],
    ),
    "a named repeat given again counts on": (
        ["a = repeat 1 { dense(4, bias = false) }", "a = repeat 1 { dense(4, bias = false) }"],
        ["a.0.dense_1.weight", "a_2.0.dense_1.weight"],
    ),
    "an instance is named where it is declared": (
        ["layer e = dense(4, bias = false)", "y = x -> e -> dense(4, bias = false)"],
        ["e.weight", "y.weight"],
    ),
}  # fmt: skip
BLOCKS = """block pair { input x
  dense(4, bias = false)
  h = dense(4, bias = false)
}
block deep { input x
  inner = pair
  pair
}
block empty { input x
  relu
}
"""


@pytest.mark.parametrize("case", CASES)
def test_paths(case: str) -> None:
    body, wanted = CASES[case]
    assert paths(model(*body, blocks=BLOCKS)) == wanted


def test_the_leaves_are_those_of_pytorch() -> None:
    found = spec(model("logits = dense(3)"))
    assert [(p.path, p.shape) for p in found.parameters] == [("logits.weight", (3, 4)), ("logits.bias", (3,))]


def test_two_equal_paths_are_an_error() -> None:
    assert places(model("dense(4)", "dense_1 = dense(3)")) == [("E221", 5, 13)]
    assert codes(model("h = dense(4)", "h = h -> dense(4)", "h_2 = h -> dense(4)")) == ["E221"]
    assert codes(model("layer e = dense(4)", "e", "e = dense(3)")) == []
    assert paths(model("layer e = dense(4)", "e", "e = x -> dense(3)"))[2:] == ["e_2.weight", "e_2.bias"]


def test_equal_paths_in_different_parts_of_an_instance_are_an_error() -> None:
    blocks = "block a {\n  input x\n  dense(4)\n}\nblock b {\n  input x\n  dense(4)\n  dense_1 = dense(4)\n}\n"
    assert codes(model("layer m = b", "m", "m", blocks=blocks)) == ["E221"]


LINES = st.sampled_from(
    [
        "dense(4)", "relu", "h = dense(4)", "h = relu", "g = dense(4) -> dense(4)", "pair", "b = pair",
        "deep -> dense(4)",
        "repeat 2 { dense(4) }", "r = repeat 2 { dense(4) }", "if true { h = dense(4) }", "layer e = dense(4)\n  e",
        "x + x",
        "prelu", "standardize", "empty",
    ]
)  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=8), LINES)
def test_names_do_not_move_when_a_line_is_added_below(body: list[str], line: str) -> None:
    before = paths(model(*body, "dense(4)", blocks=BLOCKS))
    after = paths(model(*body, "dense(4)", line, "relu", blocks=BLOCKS))
    assert after[: len(before)] == before


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(
    st.lists(LINES, min_size=1, max_size=5),
    st.sampled_from(["relu", "h = relu", "empty", "x + x", "let k = 1", "k = empty -> relu"]),
)
def test_a_line_that_owns_nothing_moves_no_name_wherever_it_stands(body: list[str], line: str) -> None:
    wanted = paths(model(*body, "relu", blocks=BLOCKS))
    for index in range(len(body)):
        assert paths(model(*body[:index], line, "x -> relu", *body[index:], "relu", blocks=BLOCKS)) == wanted


def test_values_have_unique_names() -> None:
    found = spec(
        model("h = dense(4)", "h = h + x", "r = repeat 2 { h = dense(4)", "relu }", "pair -> pair", blocks=BLOCKS)
    )
    names = [value.name for value in (*found.inputs, *found.values)]
    assert len(set(names)) == len(names)
    assert names[:3] == ["x", "h", "h_2"]
    assert len({node.path for node in found.nodes}) == len(found.nodes)


def test_paths_of_the_character_model() -> None:
    """The forms of the contract on a transformer of dense layers."""
    blocks = (
        "block layer_1(units) {\n  input x: [N, D]\n  x = x + (x -> dense(units) -> dense(D))\n"
        "  output x + (x -> dense(D))\n}\n"
    )
    text = raw("input x: float32[N, 4]", "decoder = repeat 2 { layer_1(8) }", "output y = dense(3)", blocks=blocks)
    assert [path for path in paths(text) if path.endswith("weight")] == [
        "decoder.0.layer_1_1.x.dense_1.weight",
        "decoder.0.layer_1_1.x.dense_2.weight",
        "decoder.0.layer_1_1.dense_1.weight",
        "decoder.1.layer_1_1.x.dense_1.weight",
        "decoder.1.layer_1_1.x.dense_2.weight",
        "decoder.1.layer_1_1.dense_1.weight",
        "y.weight",
    ]
