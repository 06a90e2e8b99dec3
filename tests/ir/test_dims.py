"""Symbolic sizes: equal when provably equal, and right for every number that a symbol can stand for."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Dim, Size, exact_quotient, parse, product, substitute, symbol, symbols
from tests.soak import FACTOR

EXAMPLES = 60 * FACTOR

N, T = symbol("N"), symbol("T")
TEXTS = {
    "N": N, "8*N": 8 * N, "N*T": T * N, "N+1": 1 + N, "N-1": N - 1, "-N+1": 1 - N, "2*N+2*T": (N + T) * 2,
    "N//2": 8 * N // 16, "(N-1)//3": (N - 1) // 3, "(N+1)//2": (N - 1) // 2 + 1, "N//6": N // 2 // 3,
    "N*N-1": (N + 1) * (N - 1), "(N+T)//4": (2 * N + 2 * T) // 8,
    "-(N//2)+T": T - N // 2, "4*(N//2)": N // 2 * 4, "(N+N//2)//3": (N + N // 2) // 3,
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text: str) -> None:
    assert str(TEXTS[text]) == text
    assert parse(text) == TEXTS[text]


def test_what_cancels_is_a_number() -> None:
    assert N - N == 0
    assert (8 * N) // N == 8
    assert (N + 3) - N == 3
    assert 2 * N // 2 == N
    assert (4 * N + 6) // 4 == N + 1


def test_exact_quotients() -> None:
    assert exact_quotient(12 * N, 4) == 3 * N
    assert exact_quotient(N * T + N, N) == T + 1
    for dividend, divisor in ((N, 2), (N + 1, N), (7, 2), (N, 0), (3, N)):
        with pytest.raises(Fault, match="not provably a whole number"):
            exact_quotient(dividend, divisor)


def test_symbols() -> None:
    assert symbols(8 * N + (T - 1) // 2) == {"N", "T"}
    assert product((N, 3, T)) == 3 * N * T
    assert symbols(4) == set()


def test_sizes_stay_small() -> None:
    grown: Dim = N
    with pytest.raises(Fault) as caught:
        for _ in range(1_000):
            grown = grown + grown // 2
    assert caught.value.code == "E222"
    with pytest.raises(Fault):
        product((1_000_000_000 * N,) * 10)


OPERATORS: dict[str, Any] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
Tree = Any


def trees() -> st.SearchStrategy[Tree]:
    leaves = st.sampled_from(["N", "T", 1, 2, 3, -1, 8])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from("+-*"), inner, inner), st.tuples(st.just("//"), inner, st.integers(1, 6))
        ),
        max_leaves=8,
    )


def built(tree: Tree, known: dict[str, Any]) -> Any:
    if not isinstance(tree, tuple):
        return known[tree] if isinstance(tree, str) else tree
    symbol, left, right = tree
    if symbol == "//":
        return built(left, known) // right
    return OPERATORS[symbol](built(left, known), built(right, known))


@settings(max_examples=10 * EXAMPLES, deadline=None)
@given(trees(), st.integers(1, 50), st.integers(1, 50))
def test_arithmetic_agrees_with_numbers(tree: Tree, n: int, t: int) -> None:
    known = {"N": n, "T": t}
    try:
        size = built(tree, {"N": N, "T": T})
    except Fault as fault:
        assert fault.code == "E222"
        return
    assert substitute(size, known) == built(tree, known)
    assert eval(str(size), {}, known) == built(tree, known)
    assert parse(str(size)) == size
    assert hash(parse(str(size))) == hash(size)


@settings(max_examples=5 * EXAMPLES, deadline=None)
@given(trees(), trees())
def test_equal_sizes_are_equal_numbers(left: Tree, right: Tree) -> None:
    try:
        a, b = (built(tree, {"N": N, "T": T}) for tree in (left, right))
    except Fault:
        return
    if a == b:
        assert all(
            substitute(a, {"N": n, "T": t}) == substitute(b, {"N": n, "T": t}) for n in (1, 2, 7) for t in (1, 3, 8)
        )
    assert isinstance(a, (int, Size))
