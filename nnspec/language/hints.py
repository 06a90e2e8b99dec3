"""What a writer may have meant where the grammar is broken: one function per mistake, asked in the order of HINTS."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from nnspec.diagnostics.errors import Fault
from nnspec.language.foreign import HINTS as FOREIGN_HINTS
from nnspec.language.situation import Situation
from nnspec.language.tokens import (
    ARROW,
    CLOSERS,
    CONSTANTS,
    DEFINITION_WORDS,
    END,
    HEADER_WORDS,
    ITEM_WORDS,
    NAMES,
    NEWLINE,
    OPENERS,
    OPERAND_ENDS,
    OPERAND_STARTS,
    RESERVED,
    STATEMENT_WORDS,
)

Hint = Callable[[Situation], Fault | None]
AFTER_A_NAME = frozenset({"EQUAL", "COMMA", "RPAR", NEWLINE, END})
EQUALS = " ="
"""What a `:` behind a name becomes."""
SECTION_PLACES = ("setting", "training_entry", "requirement")


def nothing_to_continue(at: Situation) -> Fault | None:
    """A body or section that begins with `->`."""
    if at.at_start and at.found.kind == ARROW:
        return Fault("E101", "`->` has nothing on its left", "begin with a layer or a value")
    return None


def lonely_else(at: Situation) -> Fault | None:
    """An `else` that follows no `if`."""
    if at.found.kind == "ELSE" and at.place == "statement" and (at.at_start or NEWLINE in at.wanted):
        return Fault("E101", "`else` follows no `if`", "it stands behind the `}` of an `if`")
    return None


def reserved_as_name(at: Situation) -> Fault | None:
    """`let = 3`, `layer if = dense(4)`, `f(in = 3)`, `for in in [1]`."""
    if at.place == "item":
        return None
    if at.found.kind == "EQUAL" and at.before.kind in RESERVED - CONSTANTS:
        word = at.before
    elif at.found.kind in RESERVED and "NAME" in at.wanted:
        word = at.found
    else:
        return None
    if word is at.found and "NUMBER" in at.wanted and at.after.kind not in AFTER_A_NAME:
        return _statement_as_value(at) if word.kind in ("IF", "FOR", "REPEAT") else None
    at.blamed = word
    message = f"`{word.text}` is a reserved word and cannot be a name"
    help = f"choose another, such as `{word.text}_1`"
    if word.kind == "OUTPUT" and not (at.place == "statement" and at.found.kind == "EQUAL"):
        help = "give the output a name in the model: `output prediction = …`"
    return Fault("E112", message, help)


def _statement_as_value(at: Situation) -> Fault:
    help = "give it lines of its own, and bind the value inside"
    return Fault("E101", f"`{at.found.text}` begins a statement and has no value", help)


def one_per_line(at: Situation) -> Fault | None:
    """`input x, y`."""
    if at.found.kind == "COMMA" and at.start.kind in ("INPUT", "OUTPUT", "LAYER", "LET") and not at.before_bracket():
        word = at.start.text
        return Fault("E101", f"a line with `{word}` names one thing", f"give each its own line with `{word}`")
    return None


def misplaced_item(at: Situation) -> Fault | None:
    """`use "a": b` or `train { … }` inside a model."""
    if at.place != "statement" or at.start.kind not in ITEM_WORDS or at.index != at.first + 1:
        return None
    if at.found.kind not in NAMES | {"STRING", "LBRACE"}:
        return None
    at.blamed = at.start
    return Fault("E117", f"`{at.start.text}` stands inside a model or block", "move it to the level of the file")


def chained_comparison(at: Situation) -> Fault | None:
    """`a < b < c`."""
    if at.found.kind != "COMPARE" or at.before.kind not in OPERAND_ENDS:
        return None
    depth = 0
    for token in reversed(at.tokens[at.first : at.index]):
        depth += (token.kind in OPENERS) - (token.kind in CLOSERS)
        if depth < 0 or (depth == 0 and token.kind in ("AND", "OR", "NOT", "COMMA", "EQUAL", ARROW, "IF")):
            return None
        if depth == 0 and token.kind == "COMPARE":
            return Fault("E113", "comparisons do not chain", "write both, joined with `and`: `a < b and b < c`")
    return None


def colon_for_equals(at: Situation) -> Fault | None:
    """`key: value` in a section, `f(option: 3)`, `x: dense(3)`, `if c:`."""
    if at.found.kind != "COLON":
        return None
    header = at.place == "item" and at.start.kind in ITEM_WORDS - {"USE"} and "LBRACE" in at.wanted
    if header or at.start.kind in ("IF", "FOR", "REPEAT", "ELSE") or at.before.kind == "ELSE":
        return Fault("E116", "`:` begins no body", "a body stands in braces: `{ … }`")
    if at.start.kind == "STRING":
        return Fault("E116", "a key is a plain word, without quotes", "write `key = value`")
    if at.before_bracket() and at.place == "item":
        help = f"what it is follows from its use; a default makes it optional: `{at.before.text} = 16`"
        return Fault("E116", "a parameter is declared without a type", help)
    if at.before_bracket():
        return Fault("E116", "an option is written with `=`", f"write `{at.before.text} = …`", fix=EQUALS)
    if at.place in SECTION_PLACES and at.before.kind in NAMES | RESERVED:
        fix = EQUALS if at.index == at.first + 1 else None
        return Fault("E116", "a setting is written with `=`", f"write `{at.before.text} = …`", fix=fix)
    if at.place == "statement" and at.before.kind in NAMES:
        help = f"write `{at.before.text} = …`; a type stands on an `input` line"
        return Fault("E116", "a value is named with `=`", help, fix=EQUALS if at.index == at.first + 1 else None)
    return None


def equals_for_comparison(at: Situation) -> Fault | None:
    """`if a = 3`, `params = 10` in require, `key == value` in a section."""
    if at.found.kind == "COMPARE" and at.found.text == "==" and at.place in SECTION_PLACES and at.index == at.first + 1:
        return Fault("E116", "a setting is written with one `=`", f"write `{at.before.text} = …`")
    if at.found.kind != "EQUAL":
        return None
    if at.place == "requirement":
        return Fault("E116", "a requirement is a comparison; `=` compares nothing", "write `==`, `<=` or `>=`")
    if at.start.kind == "IF" or at.before.kind == "EQUAL":
        return Fault("E116", "`=` names a value and compares nothing", "to compare, write `==`")
    if "COLON" in at.wanted:
        return Fault("E116", "a type stands behind `:`", f"write `{at.before.text}: …`")
    return None


def unassignable(at: Situation) -> Fault | None:
    """`a + b = c`, `f(x) = y`, `a.b = c`."""
    if at.found.kind != "EQUAL" or at.before.kind not in OPERAND_ENDS or at.before_bracket() or at.place == "item":
        return None
    return Fault(
        "E116", "only a name can stand on the left of `=`", "write `name = …`, or `a, b = …` for several results"
    )


def missing_brace(at: Situation) -> Fault | None:
    """A header that ends without its body."""
    if "LBRACE" not in at.wanted or at.found.kind not in (NEWLINE, END, "RBRACE"):
        return None
    return Fault(
        "E120", f"expected `{{`, found {at.shown()}", "a body stands in braces that open on the line of its header"
    )


def unknown_item(at: Situation) -> Fault | None:
    """`trian {`, `layers { … }`, and statements outside a model."""
    if at.place != "item" or at.start.kind in ITEM_WORDS:
        return None
    if at.start.kind == "NNSPEC" and at.tokens[at.first + 1].kind == "NUMBER":
        return Fault("E104", "the version header stands once, at the top of the file", "delete this line")
    known = sorted(kind.lower() for kind in ITEM_WORDS)
    following = at.tokens[min(at.first + 1, len(at.tokens) - 1)].kind
    if at.start.kind in NAMES and (following == "LBRACE" or following in NAMES):
        close = get_close_matches(at.start.text.lower(), known, n=1)
        help = (
            f"did you mean `{close[0]}`?" if close else "there are use, block, model, data, train, export and require"
        )
        return Fault("E117", f"`{at.start.text}` begins nothing that a file can hold", help)
    if at.start.kind in STATEMENT_WORDS or at.start.kind in NAMES:
        return Fault(
            "E117", "a statement stands outside of a model or block", "put it into the braces of `model name { … }`"
        )
    return None


def not_a_setting(at: Situation) -> Fault | None:
    """A line of a section that is none of its forms."""
    if at.place not in SECTION_PLACES or at.before_bracket():
        return None
    if at.place == "setting" and at.start.kind == "TARGET" and at.found.kind in NAMES:
        return Fault("E118", "a target belongs to the train section", "here, write `name = column`")
    if at.start.kind == "STRING" and at.index <= at.first + 1:
        return Fault("E116", "a key is a plain word, without quotes", "write `key = value`")
    if at.index - at.first > 1 or at.start.kind not in OPERAND_STARTS | RESERVED:
        return None
    if at.place == "requirement":
        return Fault(
            "E118",
            "a requirement is a comparison or a signature",
            "write `params <= 1_000` or `output name: float32[N, 3]`",
        )
    if at.found.kind == "COMPARE":
        return Fault("E118", "a comparison belongs to the require section", "here, write `key = value`")
    help = f"write `{at.start.text} = …`" if at.start.kind in NAMES else "write `key = value`"
    return Fault("E118", "a line of this section is a setting, `key = value`", help)


def incomplete_header(at: Situation) -> Fault | None:
    """`model {`, `model "iris" {`, `model iris-net {`, `block f(x) -> float32[N] {`, `if deep dense(3)`, `repeat {`."""
    word, shown = at.start.text, at.shown()
    if at.start.kind in DEFINITION_WORDS and at.index == at.first + 1:
        name = at.found.text.strip("\"'") if at.found.kind == "STRING" else "iris" if word == "model" else "stage"
        return Fault("E101", f"expected a name, found {shown}", f"write `{word} {name} {{`")
    if at.start.kind in DEFINITION_WORDS and "LBRACE" in at.wanted and at.found.kind == "MINUS":
        return Fault("E101", f"expected `{{`, found {shown}", "names are made of the letters a to z, digits and `_`")
    if at.start.kind in DEFINITION_WORDS and "LBRACE" in at.wanted and at.found.kind == ARROW:
        help = "what it gives is said by `output` in its body, without a type"
        return Fault("E101", f"expected `{{`, found {shown}", help)
    if at.start.kind == "REPEAT" and at.found.kind == "LBRACE" and at.before is at.start:
        return Fault("E101", f"expected a number, found {shown}", "write `repeat 3 { … }`")
    if at.start.kind in HEADER_WORDS and "LBRACE" in at.wanted and at.found.kind in OPERAND_STARTS:
        return Fault("E101", f"expected `{{`, found {shown}", "a body stands in braces: `{ … }`")
    return None


def incomplete_use(at: Situation) -> Fault | None:
    """`use "file.nn"`, `use parts/file.nn: wide`."""
    if at.start.kind != "USE" or "COLON" not in at.wanted:
        return None
    if at.found.kind in (NEWLINE, END):
        help = f"name the blocks: `use {at.before.text}: stem, stage`"
        return Fault("E101", f"expected `:`, found {at.shown()}", help)
    if at.found.text in ("/", "-"):
        return Fault(
            "E101", f"expected `:`, found {at.shown()}", 'a file stands in quotes: `use "parts/file.nn": stem`'
        )
    return None


def comma_behind_all(at: Situation) -> Fault | None:
    """`epochs = 10,`, `x = "a", "b"`."""
    if at.found.kind != "COMMA" or NEWLINE not in at.wanted or at.before_bracket():
        return None
    if at.after.kind in (NEWLINE, END):
        return Fault(
            "E115", "expected the end of the line, found `,`", "delete the `,`: a statement ends with its line", fix=""
        )
    return Fault("E115", "expected the end of the line, found `,`", "a list stands in brackets: `[a, b]`")


def two_statements(at: Situation) -> Fault | None:
    """`dense(3) relu`, `x y`, `if a { } relu`."""
    ended = at.before.kind in OPERAND_ENDS or at.before.kind == "RBRACE"
    if not ended or NEWLINE not in at.wanted or at.found.kind not in OPERAND_STARTS | STATEMENT_WORDS:
        return None
    if at.place == "item" and "COMMA" in at.wanted:
        return None
    joinable = at.place == "statement" and at.before.kind != "RBRACE"
    help = "give each statement a line of its own, or join layers with `->`" if joinable else "begin a new line here"
    return Fault("E115", f"expected the end of the line, found {at.shown()}", help)


def missing_comma(at: Situation) -> Fault | None:
    """`conv2d(32 kernel = 3)`, `[1 2]`."""
    if (
        "COMMA" not in at.wanted
        or at.before.kind not in OPERAND_ENDS
        or at.found.kind not in OPERAND_STARTS | {"LPAR", "LSQB"}
    ):
        return None
    return Fault("E101", f"expected `,` before {at.shown()}") if at.before_bracket() else None


HINTS: tuple[Hint, ...] = (
    nothing_to_continue,
    *FOREIGN_HINTS,
    lonely_else,
    one_per_line,
    misplaced_item,
    reserved_as_name,
    chained_comparison,
    colon_for_equals,
    equals_for_comparison,
    unknown_item,
    not_a_setting,
    unassignable,
    missing_brace,
    incomplete_header,
    incomplete_use,
    comma_behind_all,
    two_statements,
    missing_comma,
)
