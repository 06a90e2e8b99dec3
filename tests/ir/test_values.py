"""The current value, pipelines, several values, arithmetic."""

from __future__ import annotations

import pytest

from .shorthand import codes, findings, kinds, model, outputs, places, raw, result, spec

TWO = ("input a: float32[N, 4]", "input b: float32[N, 4]")

RESULTS = {
    "a statement makes its value current": (["dense(8)", "dense(3)"], "float32[N, 3]"),
    "the right side of a name begins with a layer": (["dense(8)", "h = dense(3)"], "float32[N, 3]"),
    "the right side of output begins with a layer": (["dense(8)", "output y = dense(3)"], "float32[N, 3]"),
    "a value alone becomes current": (["h = dense(8)", "dense(2)", "h", "dense(5)"], "float32[N, 5]"),
    "a pipeline": (["x -> dense(8) -> relu -> dense(3)"], "float32[N, 3]"),
    "an arrow binds loosest": (["dense(4)", "output y = x + x -> dense(2)"], "float32[N, 2]"),
    "the right of an arrow is one layer": (["y = (x -> dense(4)) + x"], "float32[N, 4]"),
    "a name is bound again": (["h = dense(4)", "h = h + x", "h -> dense(2)"], "float32[N, 2]"),
    "let leaves the current value": (["dense(8)", "let k = 2", "dense(3)"], "float32[N, 3]"),
    "layer leaves the current value": (["dense(8)", "layer e = dense(9)", "relu"], "float32[N, 8]"),
    "a branch that is not taken leaves it": (["dense(8)", "if 1 > 2 { dense(5) }", "relu"], "float32[N, 8]"),
    "a branch that is taken makes it": (["dense(8)", "if 2 > 1 { dense(5) }", "relu"], "float32[N, 5]"),
    "a loop makes it": (["repeat 2 { dense(7) }"], "float32[N, 7]"),
    "a loop of no steps leaves it": (["dense(8)", "repeat 0 { dense(7) }"], "float32[N, 8]"),
    "several inputs": (["(x, x) -> concat(axis = 1)"], "float32[N, 8]"),
    "several results": (["a, b = x -> split(2, axis = 1)", "b + a"], "float32[N, 2]"),
    "several results, swapped": (["a, b = x -> split([1, 3], axis = 1)", "a, b = (b, a)", "output a"], "float32[N, 3]"),
    "values in parentheses are expressions": (["(x + x, x -> dense(2)) -> concat(axis = 1)"], "float32[N, 6]"),
    "without an output, the last value": (["h = dense(8)", "h -> dense(2)"], "float32[N, 2]"),
    "max begins a pipeline as the layer": (["max(axis = 1)"], "float32[N]"),
    "max after an arrow is the layer": (["x -> max(axis = 1)"], "float32[N]"),
    "max as an argument is the function": (["dense(max(2, 3))"], "float32[N, 3]"),
    "max as an operand is the function": (["y = x + max(1, 2)"], "float32[N, 4]"),
    "a layer's name with parentheses": (["relu = dense(3)", "relu()"], "float32[N, 3]"),
    "a value and a layer of one name": (["dropout(dropout)"], "float32[N, 4]"),
}


@pytest.mark.parametrize("case", RESULTS)
def test_results(case: str) -> None:
    body, wanted = RESULTS[case]
    params = "(dropout = 0.5)" if "dropout" in body[0] else ""
    assert result(*body, params=params) == wanted


def test_precedence() -> None:
    assert kinds(model("output y = x + x -> relu")) == ["add", "relu"]
    assert kinds(model("y = (x -> relu) + x")) == ["relu", "add"]
    assert kinds(model("y = -x + x * x")) == ["negate", "multiply", "add"]


def test_an_output_keeps_its_value_when_the_name_is_bound_again() -> None:
    found = outputs(model("output h = dense(3)", "h = h -> dense(7)"))
    assert found == {"h": "float32[N, 3]"}


def test_the_last_value_is_named_output() -> None:
    assert outputs(model("dense(3)")) == {"output": "float32[N, 3]"}
    assert outputs(model("h = dense(3)", "output h", "dense(9)")) == {"h": "float32[N, 3]"}


@pytest.mark.parametrize("statement", ["dense(3)", "relu", "y = dense(3)", "output y = dense(3)", "output relu"])
def test_after_several_inputs_there_is_no_current_value(statement: str) -> None:
    (found,) = [one for one in findings(raw(*TWO, statement)) if one.code != "E220"]
    assert found.code == "E209"
    assert "values here are b, a" in found.help


def test_after_several_results_there_is_no_current_value() -> None:
    assert places(model("a, b = x -> split(2, axis = 1)", "relu")) == [("E209", 5, 3)]
    assert places(model("a, b = x -> split(2, axis = 1)", "a -> relu")) == []


@pytest.mark.parametrize(
    ("statement", "column", "help"),
    [
        ("y = x + dense(8)", 11, "x -> dense(8)"),
        ("y = x + relu", 11, "x -> relu()"),
        ("y = -relu", 8, "x -> relu()"),
        ("y = gaussian_noise(dense(8))", 22, "x -> dense(8)"),
        ("y = (x, relu) -> concat(axis = 1)", 11, "x -> relu()"),
    ],
)
def test_nowhere_else_is_a_value_implied(statement: str, column: int, help: str) -> None:
    (found,) = findings(model(statement))
    assert found.span
    assert (found.code, found.span.line, found.span.column, found.help) == ("E218", 4, column, help)


def test_a_name_that_is_both_is_an_error_that_offers_parentheses() -> None:
    (found,) = findings(model("relu = dense(3)", "relu"))
    assert found.code == "E211"
    assert "relu()" in found.help
    assert codes(model("relu = dense(3)", "output relu")) == ["E211"]
    assert codes(model("relu = dense(3)", "y = relu -> dense(2)")) == ["E211"]
    assert codes(model("relu = dense(4)", "y = x + relu")) == []


DTYPES = {
    ("float32", "x + 1"): "float32",
    ("float32", "1 - x"): "float32",
    ("float32", "x * 0.5"): "float32",
    ("float32", "x / 3"): "float32",
    ("float16", "x + 65504"): "float16",
    ("float16", "x + 65505"): None,
    ("float32", "x * 1e39"): None,
    ("float64", "x * 1e39"): "float64",
    ("bfloat16", "x + 1e38"): "bfloat16",
    ("int64", "x + 1"): "int64",
    ("int64", "x + 1.0"): "int64",
    ("int64", "x + 0.5"): None,
    ("int64", "x + 1 / 2"): None,
    ("int64", "x + 4 / 2"): "int64",
    ("int32", "x + 2147483647"): "int32",
    ("int32", "x + 2147483648"): None,
    ("uint8", "x < 255"): "bool",
    ("uint8", "x < 256"): None,
    ("uint8", "x < -1"): None,
    ("int64", "x != 0"): "bool",
    ("float32", "x >= 0"): "bool",
    ("float32", "x == x"): "bool",
    ("bool", "x == true"): "bool",
    ("bool", "x == 1"): None,
    ("float32", "x == true"): None,
    ("float32", 'x == "a"'): None,
    ("string", 'x == "a"'): None,
    ("float32", "x + [1, 2]"): None,
    ("float32", "x // 2"): None,
    ("float32", "x % 2"): None,
}


@pytest.mark.parametrize(("dtype", "expression"), DTYPES)
def test_a_number_takes_the_dtype_of_the_value_if_it_fits(dtype: str, expression: str) -> None:
    text = raw(f"input x: {dtype}[N, 4]", f"output y = {expression}")
    wanted = DTYPES[dtype, expression]
    if wanted is None:
        assert codes(text) == ["E217"]
    else:
        assert outputs(text) == {"y": f"{wanted}[N, 4]"}


def test_a_huge_number_beside_a_value_is_an_error() -> None:
    assert codes(model("let k = 10", "repeat 8 { let k = k * k }", "y = x + k")) == ["E217"]


SHAPES = {
    ("float32[N, 4]", "float32[4]"): "float32[N, 4]",
    ("float32[N, 4]", "float32[N, 1]"): "float32[N, 4]",
    ("float32[N, 1, 4]", "float32[N, 3, 1]"): "float32[N, 3, 4]",
    ("float32[N, T]", "float32[N, T]"): "float32[N, T]",
    ("float32[N, 4]", "float32[N, 3]"): "E208",
    ("float32[N, T]", "float32[N, S]"): "E214",
    ("float32[N, T]", "float32[N, 4]"): "E214",
    ("float32[N, 8 * T]", "float32[N, 4 * T + T * 4]"): "float32[N, 8*T]",
    ("float32[N, 4]", "float64[N, 4]"): "E215",
    ("float32[N, 4]", "int64[N, 4]"): "E215",
}


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_broadcasting(a: str, b: str) -> None:
    text = raw(f"input a: {a}", f"input b: {b}", "output y = a + b")
    wanted = SHAPES[a, b]
    if wanted.startswith("E"):
        assert places(text) == [(wanted, 5, 16)]
    else:
        assert outputs(text) == {"y": wanted}


def test_matmul() -> None:
    text = raw("input a: float32[N, 3, 4]", "input b: float32[N, 4, 5]", "output y = a @ b")
    assert outputs(text) == {"y": "float32[N, 3, 5]"}
    assert codes(text.replace("4, 5", "3, 5")) == ["E208"]


NUMBERS = {
    "7 / 2": "7/2", "6 / 2": "3", "7 // 2": "3", "7 % 3": "1", "-7 // 2": "-4", "2 * 3 + 4": "10", "2 + 3 * 4": "14",
    "1 / 3 + 2 / 3": "1", "0.5 * 4": "2.0", "min(3, 1, 2)": "1", "max([3, 7])": "7", "floor(7 / 2)": "3",
    "ceil(7 / 2)": "4", "len([1, [2, 3]])": "2", 'len("abc")': "3", "[1] + [2, 3]": "[1, 2, 3]",
    "true and not false": "true",
    "1 < 2 or 1 / 0 > 1": "true", "false and 1 / 0 > 1": "false", '"a" == "a"': "true", "[1, 2] == [1, 2]": "true",
    "1 == 1.0": "true", "true == 1": "false", "none == none": "true", '"a" != 1': "true", "2 >= 2": "true",
    "-(-3)": "3",
}  # fmt: skip


@pytest.mark.parametrize("expression", NUMBERS)
def test_compile_time_arithmetic(expression: str) -> None:
    """The value is shown by the message that a value of the model was wanted."""
    (found,) = findings(model(f"let k = {expression}", "y = k"))
    assert found.message == f"this is {NUMBERS[expression]}, not a value of the model"


@pytest.mark.parametrize(
    "expression",
    ["1 / 0", "1 // 0", "1 % 0", "1.5 // 2", "1 + true", '"a" + "b"', '1 + "a"', "[1] + 1", "-true", "not 1",
     "1 < true",
     '"a" < "b"', "none + 1", "1 @ 2", "min()", 'max("a")', "floor(1, 2)", "len(3)", "1e308 * 10", "[1] < [2]"],
)  # fmt: skip
def test_arithmetic_that_is_not_defined(expression: str) -> None:
    assert codes(model(f"let k = {expression}", "relu")) == ["E217"]


def test_whether_a_value_was_given_is_known() -> None:
    block = "block f(skip = none) {\n  input x\n  if skip != none { x + skip } else { x -> dense(4) }\n}\n"
    assert kinds(model("f(x)", blocks=block)) == ["add"]
    assert kinds(model("f", blocks=block)) == ["dense"]


def test_numbers_are_named_by_let() -> None:
    (found,) = findings(model("units = 3", "x -> dense(units)"))
    assert (found.code, found.help) == ("E212", "`let name = 3` names a number")


def test_a_value_of_another_dtype_needs_a_cast() -> None:
    text = raw("input t: int64[N, 4]", "input x: float32[N, 4]", 'output y = x + (t -> cast("float32"))')
    assert spec(text).outputs[0].name == "y"
