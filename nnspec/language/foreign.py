"""Habits from other languages, answered with the form of this one."""

from __future__ import annotations

from nnspec.diagnostics.errors import Fault
from nnspec.language.situation import Situation
from nnspec.language.tokens import (
    BEFORE_A_DICTIONARY,
    CONSTANTS,
    NAMES,
    NEWLINE,
    OPERAND_ENDS,
    OPERAND_STARTS,
    Token,
)

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
    "try": "nothing fails while a model runs that a spec could catch",
    "raise": "the require section says what must hold: `params <= 1_000`",
    "assert": "the require section says what must hold: `params <= 1_000`",
    "with": "write the layers one after the other",
    "switch": "write `if … { … } else if … { … }`",
    "func": BLOCKS,
    "end": "a body ends with `}`",
}


def word(at: Situation) -> Fault | None:
    """A statement of Python or JavaScript."""
    for token in (at.start, at.before, at.found):
        named = token.kind == "NAME" and token.text in WORDS
        if named and (
            token is not at.start or at.found.kind in OPERAND_STARTS | {"COLON", NEWLINE, "LBRACE", "MULTIPLY"}
        ):
            at.blamed = token
            fix = "else if" if token.text == "elif" and token is at.found else None
            return Fault("E114", f"`{token.text}` is not a word of this language", WORDS[token.text], fix=fix)
    return None


def identity(at: Situation) -> Fault | None:
    """`x is none`."""
    if at.found.text == "is" and at.before.kind in OPERAND_ENDS:
        return Fault("E114", "`is` is not a word of this language", "write `==`, or `!=` for `is not`")
    return None


def power(at: Situation) -> Fault | None:
    """`x ** 2`, `f(**options)`."""
    if at.found.text == "*" and at.before.text == "*" and at.adjacent():
        at.blamed = joined(at.before, at.found)
        return Fault("E114", "there is no `**`", "write the product: `x * x`")
    return None


def augmented(at: Situation) -> Fault | None:
    """`x += 1`, `x := 1`."""
    if at.found.kind == "EQUAL" and at.before.kind in ("PLUS", "MINUS", "MULTIPLY", "COLON") and at.adjacent():
        sign = at.before.text
        at.blamed = joined(at.before, at.found)
        name = at.start.text if at.index == at.first + 2 and at.start.kind in NAMES else "x"
        help = f"write `{name} = …`" if sign == ":" else f"write `{name} = {name} {sign} …`"
        return Fault("E114", f"there is no `{sign}=`", help)
    if at.found.kind == "COLON" and at.after.kind == "EQUAL":
        return Fault("E114", "there is no `:=`", "write `name = value`")
    return None


def arrows(at: Situation) -> Fault | None:
    """`x => dense(3)`."""
    if at.found.text == ">" and at.before.kind == "EQUAL" and at.adjacent():
        at.blamed = joined(at.before, at.found)
        return Fault("E114", "there is no `=>`", "layers are joined with `->`: `x -> dense(64)`")
    return None


def slashes(at: Situation) -> Fault | None:
    """A comment with `//`, which continues the line before; `/* … */`."""
    if at.found.text == "/" and at.after.text == "*" and at.found.end_column == at.after.column:
        return Fault("E114", "`/*` begins no comment", "comments begin with `#`")
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


def dtype_of_a_module(at: Situation) -> Fault | None:
    """`input x: torch.float32[N, 4]`."""
    if at.found.kind == "DOT" and at.start.kind in ("INPUT", "TARGET") and at.after.kind in NAMES:
        at.blamed = at.before
        help = f"write `{at.tokens[at.first + 1].text}: {at.after.text}[…]`"
        return Fault("E116", "a dtype is a plain name", help)
    return None


def prefixed_string(at: Situation) -> Fault | None:
    """`csv(f"iris.csv")`."""
    if at.found.kind == "STRING" and at.adjacent() and at.before.text.lower() in ("f", "r", "b", "u", "rb", "fr"):
        at.blamed = at.before
        return Fault("E114", f"a string has no prefix `{at.before.text}`", "write the string alone")
    return None


def comprehension(at: Situation) -> Fault | None:
    """`[2 * c for c in [8, 16]]`, `if kind in ["a", "b"]`."""
    bracket = at.before_bracket()
    if at.found.kind == "FOR" and at.before.kind in OPERAND_ENDS and bracket:
        return Fault("E114", "`for` begins a statement, and makes no list", "write the entries one by one")
    if at.found.kind == "IN" and at.start.kind in ("IF", "ELSE"):
        help = f'compare with each: `{at.before.text} == "a" or {at.before.text} == "b"`'
        return Fault("E114", "`in` belongs to `for`, and compares nothing", help)
    return None


def stars(at: Situation) -> Fault | None:
    """`block wide(*units)`, `use "file.nn": *`."""
    if at.found.text != "*" or at.place != "item":
        return None
    if at.start.kind == "USE":
        return Fault(
            "E114", "`*` names no block", f"name each block: `use {at.tokens[at.first + 1].text}: stem, stage`"
        )
    if at.before.kind in ("LPAR", "COMMA"):
        return Fault("E114", "a block takes no other parameters than it names", "name each: `block wide(units, rate)`")
    return None


def percent(at: Situation) -> Fault | None:
    """`dropout(50%)`."""
    if at.before.text == "%" and "NUMBER" in at.wanted and at.found.kind in ("RPAR", "COMMA", "RSQB", NEWLINE):
        at.blamed = at.before
        return Fault("E114", "`%` is the remainder of a division", "a part is written as a fraction: 0.5 for 50 %")
    return None


def method_of_the_model(at: Situation) -> Fault | None:
    """`model.fit(epochs = 10)`."""
    if at.found.kind == "DOT" and at.place == "item" and at.start.kind == "MODEL" and at.index == at.first + 1:
        help = "the commands `nnspec train`, `compile` and `run` do that"
        return Fault("E114", "a spec says what the model is, and calls nothing", help)
    return None


def joined(first: Token, second: Token) -> Token:
    """Two signs without a blank between them, as one."""
    return first._replace(text=first.text + second.text)


HINTS = (
    word,
    identity,
    power,
    augmented,
    arrows,
    dtype_of_a_module,
    prefixed_string,
    comprehension,
    stars,
    percent,
    method_of_the_model,
    slashes,
    applied_twice,
    indexed,
    dictionary,
    attribute,
    shape,
    conditional_value,
)
