"""Dimensions: numbers, or canonical integer expressions over symbols, equal when provably equal.

A symbolic dimension is a polynomial with integer coefficients over atoms; an atom is a symbol or the floor of a
polynomial over a positive number. Both are kept in one normal form, so that `==` is the proof. Symbols stand for sizes
of at least 1.
"""

from __future__ import annotations

import ast
from functools import cached_property
from math import gcd
from typing import Any

from nnspec.diagnostics.errors import Fault

Monomial = tuple["Atom", ...]

MAX_SYMBOLS = 400
"""Symbols in one dimension, repeated ones included. What is larger nobody can read, and it grows with every layer."""
MAX_COEFFICIENT = 2**127


class Floor:
    """The atom `numerator // divisor` that no rule simplifies further."""

    def __init__(self, numerator: Size, divisor: int) -> None:
        self.numerator = numerator
        self.divisor = divisor
        self.weight: int = numerator.weight

    @cached_property
    def text(self) -> str:
        return f"{_parenthesised(self.numerator)}//{self.divisor}"

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Floor) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


Atom = str | Floor


class Size:
    """A symbolic dimension. Arithmetic with numbers and other sizes gives a number again where the symbols cancel."""

    def __init__(self, terms: dict[Monomial, int]) -> None:
        self.terms = terms
        self.weight: int = sum(1 if isinstance(atom, str) else atom.weight for monomial in terms for atom in monomial)
        if self.weight > MAX_SYMBOLS or max(map(abs, terms.values())) > MAX_COEFFICIENT:
            raise Fault("E222", "a size becomes too large, or an expression too long to work with")

    @cached_property
    def text(self) -> str:
        """As a person would write it; `parse` reads it again."""
        floor, constant = _single_floor(self) or (None, 0)
        if floor and constant < 0:
            return f"{_parenthesised(floor.numerator + constant * floor.divisor)}//{floor.divisor}"
        ordered = sorted(self.terms.items(), key=lambda term: (-len(term[0]), [str(atom) for atom in term[0]]))
        parts = [_term(monomial, coefficient) for monomial, coefficient in ordered]
        return "".join(parts).removeprefix("+")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Size({self.text})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.text)

    def __add__(self, other: Dim) -> Dim:
        terms = dict(self.terms)
        for monomial, coefficient in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return _dim(terms)

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + (other * -1)

    def __rsub__(self, other: int) -> Dim:
        return -self + other

    def __mul__(self, other: Dim) -> Dim:
        if isinstance(other, int):
            return Size({monomial: c * other for monomial, c in self.terms.items()}) if other else 0
        if self.weight * other.weight > MAX_SYMBOLS**2:
            raise Fault("E222", "the product of two sizes is too long an expression to work with")
        terms: dict[Monomial, int] = {}
        for left, a in self.terms.items():
            for right, b in _terms(other).items():
                monomial = tuple(sorted(left + right, key=str))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return _dim(terms)

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        if isinstance(other, Size):
            return exact_quotient(self, other)
        if other < 1:
            raise Fault("E214", f"{self} // {other}: a size is divided by a positive number only")
        return _floor(self, other)

    def __rfloordiv__(self, other: int) -> Dim:
        return exact_quotient(other, self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _validated,
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {
            "type": "string",
            "description": "An integer expression over symbols, such as `N`, `8*H` or `(H-1)//2+1`.",
        }


Dim = int | Size
Shape = tuple[Dim, ...]


def symbol(name: str) -> Size:
    """The dimension that is known by its name alone."""
    return Size({(name,): 1})


def parse(text: str) -> Dim:
    """The dimension that prints as `text`. Raises ValueError for anything else."""
    try:
        return _built(ast.parse(text, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError, ArithmeticError, Fault) as error:
        raise ValueError(f"{text!r} is no dimension") from error


def symbols(dim: Dim) -> set[str]:
    """The names of the symbols in `dim`."""
    found: set[str] = set()
    for monomial in _terms(dim):
        for atom in monomial:
            found |= {atom} if isinstance(atom, str) else symbols(atom.numerator)
    return found


def substitute(dim: Dim, known: dict[str, int]) -> Dim:
    """`dim` with numbers in the place of the symbols in `known`."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, coefficient in dim.terms.items():
        product: Dim = coefficient
        for atom in monomial:
            if isinstance(atom, str):
                product = product * known[atom] if atom in known else product * symbol(atom)
            else:
                product = product * (substitute(atom.numerator, known) // atom.divisor)
        total = total + product
    return total


def product(dims: Shape) -> Dim:
    """The number of elements of a shape."""
    total: Dim = 1
    for dim in dims:
        total = total * dim
    return total


def exact_quotient(dim: Dim, divisor: Dim) -> Dim:
    """`dim / divisor`, where that is provably whole; a fault elsewhere."""
    if isinstance(dim, int) and isinstance(divisor, int) and divisor and dim % divisor == 0:
        return dim // divisor
    terms, by = _terms(dim), _terms(divisor)
    if len(by) == 1:
        ((monomial, coefficient),) = by.items()
        parts = [_without(own, monomial) for own in terms]
        if (
            all(part is not None for part in parts)
            and coefficient
            and all(c % coefficient == 0 for c in terms.values())
        ):
            return _dim(
                {part: c // coefficient for part, c in zip(parts, terms.values(), strict=True) if part is not None}
            )
    raise Fault("E214", f"{dim} / {divisor} is not provably a whole number")


def _floor(size: Size, divisor: int) -> Dim:
    """floor(size / divisor): whole multiples leave the floor, nested floors become one."""
    outside = {monomial: c // divisor for monomial, c in size.terms.items() if c % divisor == 0 or monomial == ()}
    inside = _dim(
        {
            monomial: c % divisor if monomial == () else c
            for monomial, c in size.terms.items()
            if monomial == () or c % divisor != 0
        }
    )
    whole = _dim(outside)
    if isinstance(inside, int):
        return whole
    common = gcd(divisor, *(c for monomial, c in inside.terms.items() if monomial != ()))
    if common > 1:
        reduced = _dim({m: c // common for m, c in inside.terms.items()})
        assert isinstance(reduced, Size)
        return _floor(reduced, divisor // common) + whole if divisor > common else reduced + whole
    nested = _single_floor(inside)
    if nested is not None:
        atom, constant = nested
        combined = atom.numerator + constant * atom.divisor
        return combined // (atom.divisor * divisor) + whole
    return Size({(Floor(inside, divisor),): 1}) + whole


def _single_floor(size: Size) -> tuple[Floor, int] | None:
    """The atom and constant of `floor + constant`, if that is all `size` is."""
    constant = size.terms.get((), 0)
    rest = [(monomial, c) for monomial, c in size.terms.items() if monomial != ()]
    if len(rest) == 1 and rest[0][1] == 1 and len(rest[0][0]) == 1 and isinstance(rest[0][0][0], Floor):
        return rest[0][0][0], constant
    return None


def _terms(dim: Dim) -> dict[Monomial, int]:
    return dim.terms if isinstance(dim, Size) else {(): dim}


def _dim(terms: dict[Monomial, int]) -> Dim:
    kept = {monomial: c for monomial, c in terms.items() if c}
    if not kept:
        return 0
    return kept[()] if len(kept) == 1 and () in kept else Size(kept)


def _without(monomial: Monomial, factors: Monomial) -> Monomial | None:
    rest = list(monomial)
    for factor in factors:
        if factor not in rest:
            return None
        rest.remove(factor)
    return tuple(rest)


def _term(monomial: Monomial, coefficient: int) -> str:
    sign = "-" if coefficient < 0 else "+"
    factors = [str(atom) for atom in monomial]
    if abs(coefficient) != 1 or not factors:
        factors.insert(0, str(abs(coefficient)))
    factors = [f"({f})" if "//" in f and (len(factors) > 1 or sign == "-") else f for f in factors]
    return sign + "*".join(factors)


def _parenthesised(size: Dim) -> str:
    text = str(size)
    return text if text.isidentifier() else f"({text})"


def _built(node: ast.expr) -> Dim:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.Name(id=name):
            return symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _built(operand) * -1
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _built(left) + _built(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _built(left) - _built(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _built(left) * _built(right)
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
            return _built(left) // _built(right)
    raise ValueError("not a dimension")


def _validated(value: object) -> Size:
    if isinstance(value, Size):
        return value
    parsed = parse(value) if isinstance(value, str) else None
    if isinstance(parsed, Size):
        return parsed
    raise ValueError("not a symbolic dimension")
