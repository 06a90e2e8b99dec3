"""Panic mode: what the parser does after an error.

The stacks are unwound to where the statement began, the rest of its tokens is skipped, and a BROKEN token takes its
place. So a statement is reported once, the statements around it are read as if nothing had happened, and the body
behind a broken header is read too.
"""

from __future__ import annotations

from difflib import get_close_matches

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.diagnostics.span import Span
from nnspec.language import limits, syntax
from nnspec.language.foreign import WORDS
from nnspec.language.machine import Grammar, Machine
from nnspec.language.messages import explain
from nnspec.language.situation import Situation
from nnspec.language.tokens import (
    BEFORE_A_DICTIONARY,
    BROKEN,
    BROKEN_HEADER,
    DEFINITION_WORDS,
    END,
    ERROR,
    HEADER_WORDS,
    ITEM_WORDS,
    NAMES,
    NEWLINE,
    SECTION_WORDS,
    Token,
)

PLACES = ("item", "statement", "training_entry", "setting", "requirement")
"""Symbols of the grammar that recovery can put BROKEN for; an inner one stands for what surrounds it."""
STOPS = frozenset({NEWLINE, "LBRACE", "RBRACE", END})
BEFORE_A_NAME = frozenset({"INPUT", "OUTPUT", "LAYER", "LET", "FOR", "AS", "TARGET", "COMMA"})
"""What names something that comes next."""


class Recovering:
    """A parser that reads a whole file, whatever is in it."""

    def __init__(self, grammar: Grammar, tokens: list[Token], path: str) -> None:
        self.machine = Machine(grammar, tokens, path)
        self.tokens = tokens
        self.path = path
        self.diagnostics: list[Diagnostic] = []

    def run(self) -> syntax.File | None:
        """The file, with a Broken for each statement that did not parse; None after too many errors to go on."""
        while (stop := self.machine.run()) is not None:
            place, size = self._place()
            self.diagnostics.append(self._explained(stop, place, size) if isinstance(stop, Token) else stop)
            if len(self.diagnostics) == limits.ERRORS:
                self._too_many()
                return None
            self._recover(place, size)
        file: syntax.File = self.machine.values[0]
        return file

    # ---- where, and what to say

    def _place(self) -> tuple[str, int]:
        """What was being read, an item, a statement or a line of a section, and the number of values below it."""
        states = self.machine.grammar.states
        for size in range(len(self.machine.values), -1, -1):
            for place in PLACES:
                if place in states[self.machine.states[size]]:
                    return place, size
        raise AssertionError("every file begins with a version header")

    def _first(self, size: int) -> int:
        """The index of the first token of what was being read."""
        firsts = self.machine.firsts
        return firsts[size] if size < len(firsts) else self.machine.index

    def _explained(self, token: Token, place: str, size: int) -> Diagnostic:
        situation = Situation(self.tokens, self._first(size), self.machine.index, place, self.machine.wanted())
        fault = explain(situation)
        if situation.blamed or token.kind not in (END, NEWLINE):
            return fault.at((situation.blamed or token).span(self.path))
        before = self.tokens[self.machine.index - 1]
        return fault.at(Span(self.path, before.line, before.end_column, before.line, before.end_column))

    def _too_many(self) -> None:
        last = self.diagnostics[-1]
        fault = Fault("E126", f"{limits.ERRORS} errors in one file; the rest of it was not read", "mend these first")
        self.diagnostics.append(fault.at(last.span))

    # ---- going on

    def _recover(self, place: str, size: int) -> None:
        if self._after_body():
            self._skip_rest_of_line()
            return
        first = self._first(size)
        self.machine.unwind(size)
        if place == "item":
            self._recover_item(first)
        else:
            self._recover_line(first, statement=place == "statement")

    def _after_body(self) -> bool:
        """Whether the fault is that something follows a `}`: then the body before it stays as it was read."""
        return self.tokens[self.machine.index - 1].kind == "RBRACE" and self.machine.accepts(NEWLINE)

    def _skip_rest_of_line(self) -> None:
        start = self.machine.index
        if self._skip() == "LBRACE" and self.machine.accepts("ELSE"):
            self.machine.feed("ELSE", self.tokens[start], start)
            self.machine.feed(BROKEN, self._broken(start), start)
            return
        self._skip_line()

    def _recover_line(self, first: int, statement: bool) -> None:
        if self._skip() == "LBRACE" and not (statement and self._is_body(first)):
            self._skip_line()
        self.machine.feed(BROKEN, self._broken(first), first)

    def _is_body(self, first: int) -> bool:
        """Whether the braces that come next hold statements, so that they are worth reading."""
        skipped = self.tokens[first : self.machine.index]
        if skipped and skipped[0].kind in SECTION_WORDS:
            return False
        return self.tokens[self.machine.index - 1].kind not in BEFORE_A_DICTIONARY or any(
            token.kind in HEADER_WORDS for token in skipped
        )

    def _recover_item(self, first: int) -> None:
        word = self.tokens[first]
        kind = intended_item(word)
        stop = self._skip()
        if stop == "LBRACE" and kind in SECTION_WORDS:
            self.machine.feed(kind, word._replace(kind=kind, text=kind.lower()), first)
        elif stop == "LBRACE" and kind in DEFINITION_WORDS:
            self.machine.feed(BROKEN_HEADER, self._definition(kind.lower(), first), first)
        else:
            self._skip_line()
            while (
                kind != "USE"
                and self.tokens[self.machine.index].kind != END
                and not begins_item(self.tokens, self.machine.index + 1)
            ):
                self.machine.index += 1
                self._skip_line()
            self.machine.feed(BROKEN, self._broken(first), first)

    def _definition(self, keyword: str, first: int) -> syntax.Definition:
        """What can be saved of a broken header: the name, and that the other names in it may be parameters."""
        span = self._span(first)
        names = [token for token in self.tokens[first + 1 : self.machine.index] if token.kind in NAMES]
        name = syntax.Name(names[0].text, names[0].span(self.path)) if names else syntax.Name("_", span)
        unknown = syntax.Broken(tuple(token.text for token in names[1:]), span)
        return syntax.Definition(keyword, name, [], [unknown], span)

    def _broken(self, first: int) -> syntax.Broken:
        return syntax.Broken(seeming_names(self.tokens[first : self.machine.index]), self._span(first))

    def _span(self, first: int) -> Span:
        """From token `first` to the one before the next; a fault in the layout may have its place elsewhere."""
        skipped = self.tokens[first : max(first + 1, self.machine.index)]
        written = [token for token in skipped if token.kind != ERROR] or skipped[:1]
        return written[0].span(self.path).to(written[-1].span(self.path))

    # ---- skipping

    def _skip(self) -> str:
        """To the next newline, brace or the end, and what it is."""
        while (kind := self.tokens[self.machine.index].kind) not in STOPS:
            self.machine.index += 1
        return kind

    def _skip_line(self) -> None:
        """To the end of the line, over all braces that open on it."""
        while self._skip() == "LBRACE":
            depth = 0
            while True:
                kind = self.tokens[self.machine.index].kind
                depth += (kind == "LBRACE") - (kind == "RBRACE")
                self.machine.index += 1
                if depth == 0:
                    break


def begins_item(tokens: list[Token], index: int) -> bool:
    """Whether something of the file level seems to begin with this token, be its keyword misspelt."""
    if tokens[index].text in WORDS:  # `return x(3)` of a Python function
        return False
    kind, after, third = (token.kind for token in (*tokens[index : index + 3], *tokens[-1:] * 2)[:3])
    if kind in ITEM_WORDS:
        return after in NAMES or after in ("LBRACE", "STRING")
    return kind in NAMES and (after == "LBRACE" or (after in NAMES and third in ("LPAR", "LBRACE")))


def intended_item(word: Token) -> str:
    """The kind of the keyword of the file level that was meant, or an empty text."""
    if word.kind in ITEM_WORDS:
        return word.kind
    close = get_close_matches(word.text.lower(), [kind.lower() for kind in ITEM_WORDS], n=1, cutoff=0.7)
    return close[0].upper() if close else ""


def seeming_names(tokens: list[Token]) -> tuple[str, ...]:
    """The names that these tokens would bind: in front of `=` or behind a word that names something."""
    found: dict[str, None] = {}
    depth = 0
    compares = bool(tokens) and tokens[0].kind == "IF"
    for index, token in enumerate(tokens):
        depth += (token.kind in ("LPAR", "LSQB")) - (token.kind in ("RPAR", "RSQB"))
        if token.kind not in NAMES or depth > 0:
            continue
        before = tokens[index - 1].kind if index else NEWLINE
        after = tokens[index + 1].kind if index + 1 < len(tokens) else NEWLINE
        named = index == 0 and after == "COLON"  # `h: dense(3)`
        if named or before in BEFORE_A_NAME or (after in ("EQUAL", "COMMA") and not compares):
            found[token.text] = None
    return tuple(found)
