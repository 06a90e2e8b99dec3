"""The LALR machine: tokens in, syntax tree out.

It runs on the tables of the grammar with four stacks: states, values, the index of each value's first token, and how
deep each value nests. It stops at an error with its stacks as they are, so that recovery can set them right and run
it on. Nothing here recurses.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.diagnostics.span import Span
from nnspec.language import limits
from nnspec.language.actions import Action
from nnspec.language.tables import Rule, Tables
from nnspec.language.tokens import END, Token

DEEPER = frozenset({"binary", "unary", "call", "list", "tuple", "pipeline"})
"""Rules whose node is one level deeper than its parts."""


class Reduction(NamedTuple):
    """A rule, ready to run."""

    origin: str
    build: Action | None
    """None where the parts are spliced into the parent as a list, or the only part takes the place of the rule."""
    size: int
    kept: tuple[int, ...]
    all_kept: bool
    steps_aside: bool
    grows: bool


class Grammar:
    """The tables of a grammar with the functions that build its nodes."""

    def __init__(self, tables: Tables, actions: dict[str, Action]) -> None:
        self.states = tables.states
        self.final = tables.final
        self.reductions = tuple(_reduction(rule, actions) for rule in tables.rules)


def _reduction(rule: Rule, actions: dict[str, Action]) -> Reduction:
    build = actions[rule.action] if rule.action and not rule.origin.startswith("_") else None
    all_kept = rule.kept == tuple(range(rule.size))
    return Reduction(rule.origin, build, rule.size, rule.kept, all_kept, not rule.action, rule.action in DEEPER)


class Machine:
    """One run over the tokens of one file."""

    def __init__(self, grammar: Grammar, tokens: list[Token], path: str) -> None:
        self.grammar = grammar
        self.tokens = tokens
        self.path = path
        self.index = 0
        self.states = [0]
        self.values: list[Any] = []
        self.firsts: list[int] = []
        self.depths: list[int] = []

    def run(self) -> Token | Diagnostic | None:
        """Reads on: to the end of the file, to a token that cannot stand where it does, or to a fault in a node."""
        table, reductions, tokens = self.grammar.states, self.grammar.reductions, self.tokens
        states, values, firsts, depths = self.states, self.values, self.firsts, self.depths
        index = self.index
        while True:
            token = tokens[index]
            step = table[states[-1]].get(token.kind)
            if step is None:
                self.index = index
                return None if token.kind == END and states[-1] == self.grammar.final else token
            if step >= 0:
                states.append(step)
                values.append(token)
                firsts.append(index)
                depths.append(0)
                index += 1
                continue
            reduction = reductions[~step]
            if reduction.steps_aside and reduction.size == 1:
                states[-1] = table[states[-2]][reduction.origin]
                continue
            self.index = index
            if fault := self._reduce(reduction):
                return fault

    def _reduce(self, reduction: Reduction) -> Diagnostic | None:
        """Puts one value in place of the parts of a complete rule."""
        origin, build, size, kept, all_kept, steps_aside, grows = reduction
        values, depths, first = self.values, self.depths, self.firsts[-size]
        depth = max(depths[-size:]) + grows if size > 1 else depths[-1]
        parts = values[-size:] if all_kept else _chosen(values[-size:], kept)
        if build:
            span = self._span(first)
            try:
                if depth > limits.EXPRESSION_DEPTH:
                    raise _too_deep()
                value = build(span, *parts)
            except Fault as fault:
                return fault.at(span)
        else:
            value = parts[0] if steps_aside else parts
        if size > 1:
            del values[1 - size :], depths[1 - size :], self.firsts[1 - size :], self.states[1 - size :]
        values[-1], depths[-1] = value, depth
        self.states[-1] = self.grammar.states[self.states[-2]][origin]
        return None

    def feed(self, kind: str, value: Any, first: int) -> None:
        """Reads a token that is not in the text but accepted; its value stands for the tokens from `first` on."""
        while (step := self.grammar.states[self.states[-1]][kind]) < 0:
            self._reduce(self.grammar.reductions[~step])
        self.states.append(step)
        self.values.append(value)
        self.firsts.append(first)
        self.depths.append(0)

    def unwind(self, size: int) -> None:
        """Forgets all but the lowest `size` values."""
        del self.states[size + 1 :], self.values[size:], self.firsts[size:], self.depths[size:]

    def accepts(self, kind: str) -> bool:
        """Whether a token of this kind could come next."""
        states = list(self.states)
        while (step := self.grammar.states[states[-1]].get(kind)) is not None:
            if step >= 0:
                return True
            reduction = self.grammar.reductions[~step]
            del states[-reduction.size :]
            states.append(self.grammar.states[states[-1]][reduction.origin])
        return False

    def wanted(self) -> set[str]:
        """The kinds of tokens that could come next."""
        return {kind for kind in self.grammar.states[self.states[-1]] if self.accepts(kind)}

    def _span(self, first: int) -> Span:
        begin, end = self.tokens[first], self.tokens[self.index - 1]
        return Span(self.path, begin.line, begin.column, end.line, end.column + len(end.text))


def _chosen(values: list[Any], kept: tuple[int, ...]) -> list[Any]:
    """The parts of a rule that matter, lists spliced. A list in front is taken as it is, so that it grows in place."""
    chosen: list[Any] = []
    for part in kept:
        if part >= 0:
            chosen.append(values[part])
        elif chosen:
            chosen += values[~part]
        else:
            chosen = values[~part]
    return chosen


def _too_deep() -> Fault:
    message = f"more than {limits.EXPRESSION_DEPTH} operators and calls stand within each other"
    return Fault("E124", message, "name a part of it, and go on with the name")
