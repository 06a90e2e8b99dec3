"""Damaged files give diagnostics, never an exception."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from nnspec.api import check_project
from nnspec.diagnostics.catalogue import CATALOGUE
from nnspec.ir.project import read
from tests.soak import FACTOR

from .bad_specs import BAD_SPECS
from .shorthand import ACCEPTANCE, ROOT

EXAMPLES = 60 * FACTOR

CORPUS = [
    path.read_bytes()
    for path in (*ACCEPTANCE, *sorted((ROOT / "specs").glob("*.nn")), *sorted((ROOT / "nnspec/std").glob("*.nn")))
]
CORPUS += [text.encode() for text, _ in BAD_SPECS.values()]
TOKEN = re.compile(rb"[A-Za-z_]\w*|\d[\w.]*|\"[^\"\n]*\"|->|//|[<>=!]=|\s+|.", re.DOTALL)
SNIPPETS = [
    b"repeat 3 as i {", b"}", b"if x == 1 {", b"else", b"let k = 3", b"layer e = dense(4)", b"-> e", b"x + y",
    b"(x, x)", b"N",
    b"output", b"a, b = x -> split(2, axis = 1)", b"[1, 2]", b"0", b"-1", b"1e300", b"999999999999", b"none",
    b"relu", b"8 * H",
    b"for c in [1, 2] {", b"weight = e.weight", b"\n", b"/ 0", b"// 0", b'"a"', b"true", b"float32[N, 4]",
    b"input q: [N, C]",
]  # fmt: skip


def checked(content: bytes) -> None:
    """Every finding has a code of the catalogue and a place in the file."""
    lines = content.decode("utf-8", "replace").count("\n") + 1
    for found in check_project(read(str(ROOT / "tests/acceptance/fuzz.nn"), content)):
        assert found.code in CATALOGUE
        if found.span and found.span.file.endswith("fuzz.nn"):
            assert 1 <= found.span.line <= lines + 1
            assert found.span[1:3] <= found.span[3:5]


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(st.data())
def test_damaged_bytes(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(CORPUS)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    checked(bytes(content))


@settings(max_examples=6 * EXAMPLES, deadline=None)
@given(st.data())
def test_damaged_tokens(data: st.DataObject) -> None:
    tokens = TOKEN.findall(data.draw(st.sampled_from(CORPUS)))
    for _ in range(data.draw(st.integers(1, 5))):
        first, second = (data.draw(st.integers(0, len(tokens) - 1)) for _ in range(2))
        match data.draw(st.sampled_from(["swap", "delete", "copy", "snippet", "number"])):
            case "swap":
                tokens[first], tokens[second] = tokens[second], tokens[first]
            case "delete":
                tokens[first : first + 1] = [b" "]
            case "copy":
                tokens[first] = tokens[second]
            case "snippet":
                tokens.insert(first, b" " + data.draw(st.sampled_from(SNIPPETS)) + b" ")
            case "number":
                tokens[first] = str(data.draw(st.integers(-3, 20))).encode()
    checked(b"".join(tokens))


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from(SNIPPETS), max_size=12))
def test_bodies_from_snippets(snippets: list[bytes]) -> None:
    checked(b"nnspec 1\nmodel m {\n  input x: float32[N, 4]\n" + b"\n".join(snippets) + b"\n}\n")


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_two_files_spliced(data: st.DataObject) -> None:
    first, second = (data.draw(st.sampled_from(CORPUS)).splitlines(keepends=True) for _ in range(2))
    checked(b"".join(first[: data.draw(st.integers(0, len(first)))] + second[data.draw(st.integers(0, len(second))) :]))
