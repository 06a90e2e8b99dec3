"""The formatter: its layout, and that nothing but the layout changes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnspec.language import tables
from nnspec.language.formatting.format import formatted
from nnspec.language.lexer import Lexer
from nnspec.language.tokens import END, NEWLINE, OPERATORS, Token
from tests.soak import FACTOR

from .shorthand import ACCEPTANCE, shown, valid
from .test_fuzz import damaged_bytes, damaged_words, spliced

ROOT = Path(__file__).parent.parent.parent
SPECS = sorted(
    path
    for folder in ("specs", "nnspec/std", "tests/acceptance", "benchmarks")
    for path in (ROOT / folder).rglob("*.nn")
)
LEXER = Lexer(tables.load().terminals)
EXAMPLES = 60 * FACTOR


def layout(text: str) -> str:
    """The text, laid out twice with the same result."""
    result, found = formatted(text, "f")
    assert found == []
    assert formatted(result, "f") == (result, [])
    return result


def model(*lines: str) -> str:
    return "\n".join(["nnspec 1", "", "model m {", *(f"  {line}" if line else "" for line in lines), "}", ""])


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT)))
def test_specs_of_this_project_are_laid_out(path: Path) -> None:
    text = path.read_text()
    assert layout(text) == text


def test_acceptance_files_are_among_them() -> None:
    assert set(ACCEPTANCE) <= set(SPECS)


LAYOUTS = {
    "blanks": (
        model("input  x :float32 [ N,4 ]", "y=x->dense( 3,bias = false )->relu", "z = - y+2 *-x", "let k=not  true"),
        model(
            "input x: float32[N, 4]", "y = x -> dense(3, bias = false) -> relu", "z = -y + 2 * -x", "let k = not true"
        ),
    ),
    "strings and numbers": (
        model("input x: float32[N, 4]", "f('same', 1E-5, 'a\"b', 'c\\n', 1_000)"),
        model("input x: float32[N, 4]", "f(\"same\", 1e-5, 'a\"b', 'c\\n', 1_000)"),
    ),
    "indentation": (
        "nnspec 1\nmodel m {\ninput x: float32[N, 4]\nif a {\nrelu\n}\n    else if b { tanh }\n"
        "else {\n      # no\n}\n}\n",
        model("input x: float32[N, 4]", "if a {", "  relu", "} else if b {", "  tanh", "} else {", "  # no", "}"),
    ),
    "empty lines": (
        "\n\nnnspec 1\nuse std.a: b\n\nuse std.c: d\n# about m\nmodel m {\n\n\n  input x\n\n\n\n  relu\n\n}\n"
        "data { }\n\n\n",
        "nnspec 1\n\nuse std.a: b\n\nuse std.c: d\n\n# about m\nmodel m {\n  input x\n\n  relu\n}\n\ndata { }\n",
    ),
    "columns of a section": (
        "nnspec 1\ndata {\n  train = csv('a')\n  validation=0.2\n  # more\n  x = 'a'\n\n  long_name = 'b'\n"
        "  y='c'\n}\n",
        'nnspec 1\n\ndata {\n  train      = csv("a")\n  validation = 0.2\n  # more\n  x          = "a"\n\n'
        '  long_name = "b"\n  y         = "c"\n}\n',
    ),
    "comments in a column": (
        model("input x  #in", "dense(3) #    three", "relu       # r", "", "tanh  # t"),
        model("input x   # in", "dense(3)  #    three", "relu      # r", "", "tanh  # t"),
    ),
    "a comment behind a long line": (
        model(f"dense({'a' * 90})  # long", "relu # short"),
        model(f"dense({'a' * 90})  # long", "relu  # short"),
    ),
    "blocks on one line": (
        model("if a { relu } else { tanh }", "repeat 3 ,a=b{dense(3)}", "for c in [1] { repeat c { relu } }"),
        model("if a { relu } else { tanh }", "repeat 3, a = b { dense(3) }", "for c in [1] { repeat c { relu } }"),
    ),
    "a block that is too long for one line": (
        model(f"if a {{ dense({'a' * 90}) -> relu -> tanh }}"),
        model("if a {", f"  dense({'a' * 90}) -> relu -> tanh", "}"),
    ),
    "a comma behind the last entry": (
        model("f(a, b,)", "g([1,", "2], 3)", "h([[1, 2],", "[3, 4],], k)"),
        model("f(", "  a, b,", ")", "g([1, 2], 3)", "h([", "  [1, 2],", "  [3, 4],", "], k)"),
    ),
    "breaks before operators": (
        model("h = x -> conv", "-> relu", "y = a", "and b", "z = (a", "+ b)"),
        model("h = x -> conv", "      -> relu", "y = a", "    and b", "z = (a", "      + b)"),
    ),
    "a pipeline that is too long": (
        model("h = x -> " + " -> ".join(f"conv2d(channels, kernel = {n}, bias = false)" for n in range(3))),
        model(
            "h = x -> conv2d(channels, kernel = 0, bias = false) -> conv2d(channels, kernel = 1, bias = false)",
            "      -> conv2d(channels, kernel = 2, bias = false)",
        ),
    ),
    "a call that is too long": (
        model("h = x -> f(" + ", ".join(f"option_{n} = {n}" for n in range(10)) + ") -> relu"),
        model(
            "h = x -> f(",
            "  option_0 = 0, option_1 = 1, option_2 = 2, option_3 = 3, option_4 = 4, option_5 = 5, option_6 = 6, "
            "option_7 = 7,",
            "  option_8 = 8, option_9 = 9,",
            ") -> relu",
        ),
    ),
    "comments inside": (
        model("f(a, # one", "# two", "b # three", ")", "x # four", "# five", "-> relu"),
        model("f(", "  a,  # one", "  # two", "  b,  # three", ")", "x     # four", "    # five", "    -> relu"),
    ),
    "a comma below a comment": (
        model("f(a # one", ", b)"),
        model("f(", "  a,  # one", "  b,", ")"),
    ),
    "a comment between branches": (
        model("if a {", "relu", "} # no", "else { tanh }"),
        model("if a {", "  relu", "}  # no", "else {", "  tanh", "}"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name: str) -> None:
    given_text, wanted = LAYOUTS[name]
    assert layout(given_text) == wanted


@pytest.mark.parametrize(
    "text", ["\ufeffnnspec 1\r\nmodel m {\r\n  relu  # c\t\r\n}\r\n", "nnspec 1\nmodel m {\n  relu  # c\n}"]
)
def test_bytes_of_other_systems(text: str) -> None:
    assert formatted(text.encode(), "f") == ("nnspec 1\n\nmodel m {\n  relu  # c\n}\n", [])


def test_a_spec_with_errors_is_not_laid_out() -> None:
    text, found = formatted("nnspec 1\nmodel m {\n  dense(3\n}\n", "f")
    assert text == "" and [one.code for one in found] == ["E102"]


# ---- whatever the layout before


def scrambled(random: Random, some: float, text: str) -> str:
    """The tokens of a spec with other blanks, breaks and comments between them, all of which mean the same."""
    tokens, comments = LEXER.scan(text, "f")
    written = sorted([*tokens, *comments], key=lambda token: (token.line, token.column))
    parts: list[str] = []
    depth = 0
    for token, after in zip(written, [*written[1:], written[-1]], strict=True):
        parts.append(token.text)
        depth += {"LPAR": 1, "LSQB": 1, "RPAR": -1, "RSQB": -1}.get(token.kind, 0)
        parts.append(_between(random, some, token, after, depth))
    return "".join(parts)


def _between(random: Random, some: float, token: Token, after: Token, depth: int) -> str:
    if token.kind == NEWLINE:
        return random.choice(["", " ", "    ", "\t", "\n", " # note\n", "#x\n\n"]) if random.random() < some else ""
    if after.kind in (NEWLINE, END) or token.kind == "COMMENT":
        return random.choice(["  ", "  # behind", "#b"]) * (random.random() < some and after.kind == NEWLINE)
    breakable = depth or (after.kind in OPERATORS and after.kind != "MINUS") or token.kind == "LBRACE"
    if breakable and after.kind != "COMMENT" and random.random() < some / 4:
        return random.choice(["\n", "\n   ", " # inside\n", "\n\n  # own\n# two\n"])
    if after.kind in ("RPAR", "RSQB") and token.kind not in ("LPAR", "LSQB", "COMMA") and random.random() < some / 8:
        return " "
    return random.choice([" ", "  ", "\t"])


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, str]:
    text = draw(st.sampled_from([path.read_text() for path in SPECS]))
    return text, scrambled(draw(st.randoms(use_true_random=False)), draw(st.floats(0, 1)), text)


def comments_of(text: str) -> list[str]:
    return ["".join(comment.text.split()) for comment in LEXER.scan(text, "f").comments]


@settings(max_examples=EXAMPLES, deadline=None)
@given(layouts())
def test_nothing_but_the_layout_changes(pair: tuple[str, str]) -> None:
    original, text = pair
    result = layout(text)
    assert shown(valid(result)) == shown(valid(text)) == shown(valid(original))
    assert comments_of(result) == comments_of(text)
    assert all(line == line.rstrip() and "\t" not in line.split("#")[0] for line in result.split("\n"))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.one_of(damaged_bytes(), damaged_words(), spliced()))
def test_damaged_specs_are_laid_out_or_answered(text: str | bytes) -> None:
    result, found = formatted(text, "f")
    assert bool(result) is not bool(found)
    if result:
        assert formatted(result, "f") == (result, [])
