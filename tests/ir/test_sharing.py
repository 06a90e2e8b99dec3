"""Instances, tied weights, and blocks: arguments, inputs, sizes."""

from __future__ import annotations

import pytest

from .shorthand import codes, findings, kinds, model, outputs, paths, places, raw, result, shapes, spec

TWICE = "block twice(units = 4) {\n  input x\n  x -> dense(units) -> relu -> dense(4, bias = false)\n}\n"


def test_every_use_of_an_instance_shares_its_weights() -> None:
    text = model("layer enc = dense(4)", "y = x -> enc -> enc", "enc")
    assert paths(text) == ["enc.weight", "enc.bias"]
    assert [node.parameters["weight"] for node in spec(text).nodes] == ["enc.weight"] * 3


def test_every_use_of_an_instance_of_a_block_shares_its_weights() -> None:
    text = model("layer enc = twice", "y = x -> enc -> enc", blocks=TWICE)
    assert paths(text) == ["enc.dense_1.weight", "enc.dense_1.bias", "enc.dense_2.weight"]
    used = [node.parameters["weight"] for node in spec(text).nodes if node.component == "dense"]
    assert used == ["enc.dense_1.weight", "enc.dense_2.weight"] * 2


def test_instances_of_blocks_nest() -> None:
    outer = "block outer {\n  input x\n  layer inner = twice\n  x -> inner -> inner -> inner\n}\n"
    text = model("layer m = outer", "m", "m", blocks=TWICE + outer)
    assert paths(text) == ["m.inner.dense_1.weight", "m.inner.dense_1.bias", "m.inner.dense_2.weight"]
    again = model("outer", "outer", blocks=TWICE + outer)
    assert len(paths(again)) == 6


def test_a_layer_instance_inside_a_shared_block() -> None:
    outer = "block outer {\n  input x\n  layer e = dense(4)\n  x -> e -> e\n}\n"
    assert paths(model("layer m = outer", "m", "m", blocks=outer)) == ["m.e.weight", "m.e.bias"]


def test_an_instance_needs_one_kind_of_input() -> None:
    assert places(model("layer e = dense(3)", "x -> e -> e")) == [("E216", 5, 13)]
    assert places(model("layer e = twice(3)", "x -> e", "(x, x) -> concat(axis = 1) -> e", blocks=TWICE)) == [
        ("E216", 10, 8)
    ]


def test_an_instance_has_its_options_where_it_is_declared() -> None:
    assert places(model("layer e = dense(3)", "x -> e(4)")) == [("E202", 5, 10)]
    assert places(model("layer e = densse(3)", "x -> e")) == [("E201", 4, 13)]
    assert places(model("layer e = dense(0)", "x -> e -> relu")) == [("E205", 4, 19)]
    assert places(model("layer e = dense(3)", "layer f = e", "x -> f")) == [("E210", 5, 13)]
    assert places(model("layer relu = dense(3)", "x -> dense(3)")) == [("E210", 4, 9)]


def test_a_value_and_an_instance_are_in_two_name_spaces() -> None:
    assert paths(model("layer e = dense(3)", "e = x -> e", "e + e")) == ["e.weight", "e.bias"]
    assert codes(model("layer e = dense(3)", "e = x -> e", "e")) == ["E211"]


# Ties

TOKENS = "input t: int64[N, T]"


def test_a_parameter_is_tied_to_that_of_an_instance() -> None:
    text = raw(
        TOKENS, "layer emb = embedding(9, 4)", "t -> emb", "output y = dense(9, weight = emb.weight, bias = false)"
    )
    assert shapes(text) == {"emb.weight": [9, 4]}
    assert spec(text).nodes[-1].parameters == {"weight": "emb.weight"}


def test_what_is_not_tied_has_its_own_path() -> None:
    text = raw(TOKENS, "layer emb = embedding(9, 4)", "t -> emb", "logits = dense(9, weight = emb.weight)")
    assert shapes(text) == {"emb.weight": [9, 4], "logits.bias": [9]}


def test_a_parameter_inside_an_instance_of_a_block_can_be_tied() -> None:
    text = model("layer e = twice(4)", "e", "h = dense(4, weight = e.dense_1.weight, bias = false)", blocks=TWICE)
    assert spec(text).nodes[-1].parameters == {"weight": "e.dense_1.weight"}
    assert codes(text.replace("dense_1.weight", "dense_3.weight")) == ["E204"]


def test_a_tie_can_be_an_argument_of_a_block() -> None:
    block = "block head(w) {\n  input x\n  dense(9, weight = w, bias = false)\n}\n"
    text = raw(TOKENS, "layer emb = embedding(9, 4)", "t -> emb -> head(emb.weight)", blocks=block)
    assert paths(text) == ["emb.weight"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("x -> dense(8, weight = emb.weight)", "E216"),
        ("x -> dense(9, weight = emb.bias)", "E204"),
        ("x -> dense(9, weight = foo.weight)", "E204"),
        ("x -> dense(9, weight = x.weight)", "E204"),
        ("x -> dense(9, wieght = emb.weight)", "E202"),
        ("x -> dense(9, weight = late.weight)", "E216"),
        ("let w = emb.weight", "E212"),
        ("y = x + emb.weight", "E217"),
    ],
)
def test_ties_that_do_not_fit(line: str, code: str) -> None:
    text = raw(TOKENS, "layer emb = embedding(9, 4)", "layer late = dense(9)", "x = t -> emb", line, "x -> dense(3)")
    assert codes(text) == [code]


# Blocks


def test_arguments_go_by_position_or_name() -> None:
    block = "block f(a, b = 2 * a, c = 1) {\n  input x\n  dense(100 * a + 10 * b + c)\n}\n"
    assert result("f(1)", blocks=block) == "float32[N, 121]"
    assert result("f(1, 3)", blocks=block) == "float32[N, 131]"
    assert result("f(c = 5, a = 2)", blocks=block) == "float32[N, 245]"


@pytest.mark.parametrize(
    ("call", "code", "column"),
    [
        ("f", "E206", 3),
        ("f(1, 2, 3)", "E202", 11),
        ("f(1, bb = 2)", "E202", 8),
        ("f(1, a = 2)", "E202", 8),
        ("f(a = k)", "E204", 9),
        ('f(1, "a")', "E205", 8),
        ("f(1, 2.5)", "E205", 8),
        ("f(1, true)", "E205", 8),
        ("f(true)", "E212", 3),
        ("(x, x) -> f(1)", "E223", 13),
    ],
)
def test_arguments_that_do_not_fit(call: str, code: str, column: int) -> None:
    block = "block f(a, b = 2) {\n  input x\n  if a == 1 { dense(b) } else { relu }\n}\n"
    if call == "f(true)":
        block = block.replace("a == 1", "a + 1 == 2")
        code, column = "E217", 0
    found = places(model(call, blocks=block))
    assert [place[0] for place in found] == [code]
    assert not column or found[0][1:] == (4, column)


def test_a_value_can_be_an_argument() -> None:
    block = "block up(channels, skip) {\n  input x\n  skip = skip -> dense(channels)\n  x + skip\n}\n"
    assert kinds(model("h = dense(8)", "up(8, x)", blocks=block)) == ["dense", "dense", "add"]
    assert paths(model("h = dense(8)", "up(8, skip = x)", blocks=block))[2:] == ["up_1.skip.weight", "up_1.skip.bias"]


def test_inputs_and_outputs_go_in_the_order_of_their_lines() -> None:
    block = "block f {\n  input a: [N, A]\n  input b: [N, B]\n  output a -> dense(B)\n  output b -> dense(A)\n}\n"
    text = model("h = dense(7)", "p, q = (x, h) -> f", "output p", "output q", blocks=block)
    assert outputs(text) == {"p": "float32[N, 7]", "q": "float32[N, 4]"}
    assert places(model("p = (x, x) -> f", "dense(3)", blocks=block)) == [("E213", 4, 3)]
    assert places(model("p, q, r = (x, x) -> f", "x -> dense(3)", blocks=block)) == [("E213", 4, 3)]
    assert places(model("y = x + ((x, x) -> f)", blocks=block)) == [("E213", 4, 22)]


def test_several_inputs_leave_a_block_without_a_current_value() -> None:
    block = "block f {\n  input a\n  input b\n  relu\n}\n"
    assert places(model("(x, x) -> f", blocks=block)) == [("E209", 9, 3)]


@pytest.mark.parametrize(
    ("given", "declared", "wanted"),
    [
        ("float32[N, 3, 8, 6]", "[N, C, H, W]", {"C": "3", "H": "8", "W": "6", "N": "the symbolic size N"}),
        ("float32[N, 16]", "[N, 8 * H]", {"H": "2"}),
        ("float32[N, 16]", "[N, H * 8]", {"H": "2"}),
        ("float32[N, 16]", "[N, k * H]", {"H": "4"}),
        ("float32[N, 8 * T]", "[N, 8 * H]", {"H": "the symbolic size T"}),
        ("float32[N, 8 * T]", "[N, 4 * H]", {"H": "the symbolic size 2*T"}),
        ("float32[N, 4]", "[N, k]", {"k": "4"}),
        ("float32[N, 5, 5]", "[N, D, D]", {"D": "5"}),
        ("float32[N, 5, 10]", "[N, D, 2 * D]", {"D": "5"}),
        ("float32[N, 12]", "float32[N, 12]", {}),
    ],
)
def test_an_input_binds_its_sizes(given: str, declared: str, wanted: dict[str, str]) -> None:
    for name, value in wanted.items():
        block = f"block f(k = 4) {{\n  input x: {declared}\n  y = {name}\n}}\n"
        (found,) = findings(raw(f"input x: {given}", "f", blocks=block))
        assert found.message == f"this is {value}, not a value of the model"
    assert codes(raw(f"input x: {given}", "f", blocks=f"block f(k = 4) {{\n  input x: {declared}\n  relu\n}}\n")) == []


@pytest.mark.parametrize(
    ("given", "declared", "code"),
    [
        ("float32[N, 12]", "[N, 8 * H]", "E208"),
        ("float32[N, T]", "[N, 8 * H]", "E214"),
        ("float32[N, 5, 6]", "[N, D, D]", "E208"),
        ("float32[N, S, T]", "[N, D, D]", "E214"),
        ("float32[N, 5]", "[N, k]", "E208"),
        ("float32[N, T]", "[N, 4]", "E214"),
        ("float32[N, 5]", "[N, T, D]", "E203"),
        ("int64[N, 5]", "float32[N, D]", "E215"),
    ],
)
def test_inputs_that_do_not_fit_are_reported_at_the_call(given: str, declared: str, code: str) -> None:
    block = f"block f(k = 4) {{\n  input x: {declared}\n  relu\n}}\n"
    (found,) = findings(raw(f"input x: {given}", "y = x -> f", blocks=block))
    assert found.span
    assert (found.code, found.span.line, found.span.column) == (code, 4, 12)
    assert found.label == "this input comes from `x`, line 3"


def test_conditions_may_depend_on_sizes() -> None:
    block = "block f(units) {\n  input x: [N, C]\n  if C != units { x = x -> dense(units) }\n  output x -> relu\n}\n"
    assert kinds(model("f(4)", "f(8)", "f(8)", blocks=block)) == ["relu", "dense", "relu", "relu"]


def test_the_last_value_of_a_block_is_its_result() -> None:
    assert result("twice", blocks=TWICE) == "float32[N, 4]"
    block = "block f {\n  input a\n  input b\n}\n"
    assert places(model("(x, x) -> f", blocks=block)) == [("E220", 6, 7)]


def test_a_block_does_not_see_names_of_its_caller() -> None:
    assert codes(model("let k = 3", "f", blocks="block f {\n  input x\n  dense(k)\n}\n")) == ["E204"]
    assert codes(model("layer e = dense(3)", "f", blocks="block f {\n  input x\n  e\n}\n")) == ["E201"]


def test_a_block_that_nothing_calls_is_checked() -> None:
    block = "block f(n) {\n  input x: [N, C]\n  repeat n { densse(C) -> dense(C, biass = 1) }\n  x + q\n}\n"
    assert places(model("dense(3)", blocks=block)) == [("E201", 8, 14), ("E202", 8, 36), ("E204", 9, 7)]


def test_names_of_definitions_do_not_meet() -> None:
    assert places(model("dense(3)", blocks="block relu {\n  input x\n}\n")) == [("E210", 6, 7)]
    assert places(model("f(1)", blocks="block f(a, a = 2) {\n  input x\n  dense(a)\n}\n")) == [("E210", 6, 12)]
    assert places(model("f(1)", blocks="block f(x) {\n  input x\n  dense(3)\n}\n")) == [("E210", 7, 9)]
    assert places(model("dense(3)", blocks="block f { input x }\nblock f { input x }\n")) == [("E210", 7, 7)]
    assert places(raw("input x: float32[N, 4]", "input x: float32[N, 4]", "x -> dense(3)")) == [("E210", 4, 9)]
