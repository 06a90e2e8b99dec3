"""Habits from other languages, answered with the form of this one."""

from __future__ import annotations

from nnspec.diagnostics.errors import Fault
from nnspec.language.situation import Situation
from nnspec.language.tokens import BEFORE_A_DICTIONARY, CONSTANTS, NAMES, NEWLINE, OPERAND_ENDS, OPERAND_STARTS

INPUT_TYPE = "float32[N, 4]"
ROWS = "N stands for the rows, which come first"
SHAPES = ("input_shape", "input_size", "input_dim", "in_shape", "shape", "batch_input_shape", "inputs")
BLOCKS = "write `block name(parameters) { … }`, or `model name(parameters) { … }`"
WORDS = {
    "def": BLOCKS,
    "class": BLOCKS,
    "fn": BLOCKS,
    "function": BLOCKS,
    "import": 'write `use "file.nn": name`',
    "from": 'write `use "file.nn": name`',
    "include": 'write `use "file.nn": name`',
    "return": "write `output value`",
    "while": "write `repeat count { … }`; the count is known when the model is compiled",
    "elif": "write `else if`",
    "var": "write `name = value`, or `let name = number`",
    "const": "write `let name = number`",
    "pass": "an empty body is `{ }`",
    "print": "`nnspec show` prints every layer with its shapes",
    "lambda": BLOCKS,
}


def word(at: Situation) -> Fault | None:
    """A statement of Python or JavaScript."""
    for token in (at.start, at.before, at.found):
        named = token.kind == "NAME" and token.text in WORDS
        if named and (
            token is not at.start or at.found.kind in OPERAND_STARTS | {"COLON", NEWLINE, "LBRACE", "MULTIPLY"}
        ):
            at.blamed = token
            return Fault("E114", f"`{token.text}` is not a word of this language", WORDS[token.text])
    return None


def identity(at: Situation) -> Fault | None:
    """`x is none`."""
    if at.found.text == "is" and at.before.kind in OPERAND_ENDS:
        return Fault("E114", "`is` is not a word of this language", "write `==`, or `!=` for `is not`")
    return None


def power(at: Situation) -> Fault | None:
    """`x ** 2`, `f(**options)`."""
    if at.found.text == "*" and at.before.text == "*" and at.adjacent():
        return Fault("E114", "there is no `**`", "write the product: `x * x`")
    return None


def augmented(at: Situation) -> Fault | None:
    """`x += 1`, `x := 1`."""
    if at.found.kind == "EQUAL" and at.before.kind in ("PLUS", "MINUS", "MULTIPLY", "COLON") and at.adjacent():
        sign = at.before.text
        help = "write `name = value`" if sign == ":" else f"write `x = x {sign} …`"
        return Fault("E114", f"there is no `{sign}=`", help)
    if at.found.kind == "COLON" and at.after.kind == "EQUAL":
        return Fault("E114", "there is no `:=`", "write `name = value`")
    return None


def slashes(at: Situation) -> Fault | None:
    """A comment with `//`, which continues the line before; `/* … */`."""
    statement = at.tokens[at.first : at.index + 1]
    for before, token in zip(at.tokens[max(at.first - 1, 0) :], statement, strict=False):
        comment = token.text == "//" and before.line < token.line
        if comment or (token.text == "/" and at.found.text == "*" and token is at.before):
            at.blamed = token
            return Fault("E114", f"`{'//' if comment else '/*'}` begins no comment", "comments begin with `#`")
    return None


def applied_twice(at: Situation) -> Fault | None:
    """`dense(3)(x)`."""
    if at.found.kind == "LPAR" and at.before.kind == "RPAR":
        return Fault("E114", "the result of a layer cannot be called", "a layer is applied with `->`: `x -> dense(3)`")
    return None


def indexed(at: Situation) -> Fault | None:
    """`x[0]`."""
    if at.found.kind == "LSQB" and at.before.kind in (*NAMES, "RPAR", "RSQB") and at.adjacent():
        return Fault("E114", "a value has no index", "take parts with the layers slice and split")
    return None


def dictionary(at: Situation) -> Fault | None:
    """`x = { … }`."""
    if at.found.kind == "LBRACE" and "NUMBER" in at.wanted and at.before.kind in BEFORE_A_DICTIONARY:
        return Fault("E114", "braces hold statements, not values", "lists stand in brackets: `[a, b]`")
    return None


def attribute(at: Situation) -> Fault | None:
    """`self.dense = dense(3)`, `.5`."""
    if at.found.kind == "DOT" and at.after.kind == "NUMBER":
        return Fault("E107", f"`.{at.after.text}` is not a number", f"write `0.{at.after.text}`")
    if at.found.kind == "EQUAL" and at.start.text == "self":
        return Fault("E114", "there is no `self`", f"write `{at.before.text} = …`")
    return None


def shape(at: Situation) -> Fault | None:
    """`input x: (4,)`, `input x: float32(N, 4)`, `input x = (4,)`, `input_shape = (4,)`."""
    declared = at.start.kind == "INPUT" and at.index > at.first + 1
    if declared and at.found.kind == "LPAR" and at.before.kind in ("COLON", "NAME"):
        message = (
            "the sizes of a type stand in brackets" if at.before.kind == "NAME" else "a type begins with its dtype"
        )
        return Fault("E116", message, f"write `{at.tokens[at.first + 1].text}: {INPUT_TYPE}`; {ROWS}")
    if declared and at.found.kind == "EQUAL":
        return Fault("E116", "a type stands behind `:`", f"write `{at.before.text}: {INPUT_TYPE}`; {ROWS}")
    if at.found.kind == "RPAR" and at.before.kind == "COMMA" and "NUMBER" in at.wanted:
        if at.start.text.lower() in SHAPES and at.place == "statement":
            at.blamed = at.start
            return Fault(
                "E114", f"`{at.start.text}` declares no input", f"write `input features: {INPUT_TYPE}`; {ROWS}"
            )
        help = "lists stand in brackets: `[a, b]`"
        return Fault("E101", "nothing follows the `,`", help if at.before_bracket() != at.start else "")
    return None


def conditional_value(at: Situation) -> Fault | None:
    """`a if c else b`."""
    if at.found.kind == "IF" and at.before.kind in OPERAND_ENDS | CONSTANTS:
        return Fault(
            "E114",
            "`if` begins a statement and has no value",
            "write `if … { … } else { … }`, and bind the value inside",
        )
    return None


HINTS = (
    word,
    identity,
    power,
    augmented,
    slashes,
    applied_twice,
    indexed,
    dictionary,
    attribute,
    shape,
    conditional_value,
)
