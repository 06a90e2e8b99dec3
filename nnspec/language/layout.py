"""The pass between scanner and parser: which newlines end a statement, and a partner for every bracket.

Afterwards a _NL stands between two statements and nowhere else, and `(`, `[` and `{` are balanced. A bracket without
its partner is one ERROR token, put where the partner is missed; what the writer meant is read from the indentation,
so that a forgotten bracket costs one statement and not the rest of the file.
"""

from __future__ import annotations

from typing import NamedTuple

from nnspec.diagnostics.errors import Fault
from nnspec.language import limits
from nnspec.language.tokens import (
    BEFORE_A_DICTIONARY,
    CLOSERS,
    END,
    ERROR,
    HEADER_WORDS,
    ITEM_WORDS,
    NAMES,
    NEWLINE,
    OPENERS,
    OPERAND_ENDS,
    OPERATORS,
    RESERVED,
    SECTION_WORDS,
    STATEMENT_WORDS,
    Rejected,
    Token,
)

SIGNS = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}"}
EDGES = frozenset({"LBRACE", NEWLINE})


class Open(NamedTuple):
    """A bracket that waits for its partner, and the column in which its line begins."""

    token: Token
    column: int


def lay_out(tokens: list[Token], path: str) -> list[Token]:
    """The tokens that the grammar speaks of. Raises Rejected where brackets nest without end."""
    return _Layout(tokens, path).run()


class _Layout:
    def __init__(self, tokens: list[Token], path: str) -> None:
        self.tokens = tokens
        self.path = path
        self.out: list[Token] = []
        self.open: list[Open] = []
        self.faults = 0
        self.entries = 0
        self.line_column = 1
        self.balanced = _balanced(tokens)
        self.header: Token | None = None
        """The word of this line that asks for a body, until its `{` has come."""

    def run(self) -> list[Token]:
        out, newline = self.out, None
        line_begins = True
        for index, token in enumerate(self.tokens):
            kind = token.kind
            if kind == NEWLINE:
                newline = newline or token
                continue
            if newline or line_begins or kind == END:
                self._begin_line(newline, index)
                newline, line_begins = None, False
            if kind in CLOSERS:
                self._open(token)
            elif kind in OPENERS:
                self._close(token)
            else:
                if kind in HEADER_WORDS and not self._in_brackets() and not self._is_key(index):
                    self.header = token
                elif kind == "COMMA" and self.open and self.open[-1].token.kind == "LSQB":
                    self._count_entry(token)
                out.append(token)
        return out

    def _count_entry(self, comma: Token) -> None:
        self.entries += 1
        if self.entries > limits.ENTRIES:
            message = f"the lists of this file have more than {limits.ENTRIES:_} entries"
            raise Rejected(Fault("E123", message, "data belongs into data files").at(comma.span(self.path)))

    def _fault(self, token: Token, fault: Fault) -> None:
        """Leaves an ERROR at `token` for the parser to report."""
        self.faults += 1
        if self.faults > limits.LAYOUT_ERRORS:
            fault = Fault("E126", f"more than {limits.LAYOUT_ERRORS} brackets have no partner", "this is hardly a spec")
            raise Rejected(fault.at(token.span(self.path)))
        self.out.append(Token(ERROR, token.text, token.line, token.column, fault))

    # ---- lines

    def _begin_line(self, newline: Token | None, index: int) -> None:
        """Ends the statement before, unless this line goes on with it; repairs what that statement left open."""
        token = self.tokens[index]
        if self._in_brackets():
            if not self._begins_statement(index):
                return
            self._give_up_brackets()
        if token.kind in OPERATORS and not self._is_key(index):
            return
        brace_below = self.header is not None and token.kind == "LBRACE"
        if self.header:
            self._missing_brace(index)
        if newline and not brace_below and token.kind not in ("RBRACE", END) and not self._is_else(index):
            self._end_statement(newline)
        self._repair_braces(index)
        self.line_column = token.column
        if self._begins_item(index) and not self.open and token.kind != "USE":
            self.header = token

    def _is_key(self, index: int) -> bool:
        """Whether a reserved word is the key of a section here, where it means nothing else."""
        return self.tokens[index].kind in RESERVED and self.tokens[index + 1].kind == "EQUAL"

    def _is_else(self, index: int) -> bool:
        return self.tokens[index].kind == "ELSE" and [token.kind for token in self.out[-1:]] == ["RBRACE"]

    def _end_statement(self, newline: Token) -> None:
        if self.out and self.out[-1].kind not in EDGES:
            self.out.append(newline)

    def _in_brackets(self) -> bool:
        return bool(self.open) and self.open[-1].token.kind != "LBRACE"

    def _begins_statement(self, index: int) -> bool:
        """Whether this line, inside brackets, can only be a new statement: the bracket was forgotten before."""
        token = self.tokens[index]
        if token.kind == END or self._begins_item(index):
            return True
        if token.kind in STATEMENT_WORDS:
            return not self._is_key(index)
        outdented = token.column <= self.line_column
        return outdented and token.kind in NAMES and self.out[-1].kind in OPERAND_ENDS

    def _begins_item(self, index: int) -> bool:
        """Whether the file level goes on here; what is indented deeper than the open braces is misplaced instead."""
        token = self.tokens[index]
        if token.kind not in ITEM_WORDS or (self.open and token.column > self.open[0].column):
            return False
        after = self.tokens[index + 1].kind
        if token.kind in SECTION_WORDS:
            return after == "LBRACE" or (not self.open and after in (NEWLINE, END))
        return after in NAMES or (token.kind == "USE" and after == "STRING")

    # ---- brackets

    def _open(self, token: Token) -> None:
        if len(self.open) == limits.NESTING:
            fault = Fault(
                "E124", f"brackets and braces nest deeper than {limits.NESTING}", "name the inner parts, or make blocks"
            )
            raise Rejected(fault.at(token.span(self.path)))
        if token.kind == "LBRACE":
            self.header = None
            if self.out[-1:] and self.out[-1].kind not in BEFORE_A_DICTIONARY:
                self._give_up_brackets()
        self.open.append(Open(token, self.line_column))
        self.out.append(token)

    def _close(self, token: Token) -> None:
        if token.kind == "RBRACE":
            self._give_up_brackets()
            self.header = None
        opener = OPENERS[token.kind]
        while self.open and self.open[-1].token.kind != opener and self._is_open(opener):
            self._unclosed()
        if self.open and self.open[-1].token.kind == opener:
            self.open.pop()
            self.out.append(token)
        elif self._in_brackets():
            self._mismatched(token)
        else:
            self._fault(token, Fault("E103", f"this `{token.text}` closes nothing", "delete it"))

    def _is_open(self, opener: str) -> bool:
        """Whether `opener` waits for its partner within the innermost braces."""
        for waiting in reversed(self.open):
            if waiting.token.kind in (opener, "LBRACE"):
                return waiting.token.kind == opener
        return False

    def _mismatched(self, token: Token) -> None:
        opened = self.open.pop().token
        wanted = SIGNS[CLOSERS[opened.kind]]
        message = f"this `{token.text}` cannot close the `{opened.text}` of line {opened.line}"
        self._fault(token, Fault("E103", message, f"write `{wanted}`"))
        self.out.append(_virtual(CLOSERS[opened.kind], token))

    def _give_up_brackets(self) -> None:
        while self._in_brackets():
            self._unclosed()

    def _unclosed(self) -> None:
        opened = self.open.pop().token
        closer = CLOSERS[opened.kind]
        if closer == "RBRACE" and self.out[-1].kind not in EDGES:
            self.out.append(_virtual(NEWLINE, self.out[-1]))
        fault = Fault("E102", f"this `{opened.text}` is never closed", f"add the missing `{SIGNS[closer]}`")
        before = self.out[-1]
        self._fault(opened, fault)
        self.out.append(_virtual(closer, before))

    # ---- braces, with the help of the indentation

    def _repair_braces(self, index: int) -> None:
        """Closes what was forgotten before the next item, before the end, and before a `}` of an outer column."""
        token = self.tokens[index]
        if self.open and (token.kind == END or self._begins_item(index)):
            while self.open:
                self._unclosed()
            if token.kind != END:
                self.out.append(_virtual(NEWLINE, self.out[-1]))
        elif self.balanced:
            return
        elif token.kind == "RBRACE" and any(waiting.column == token.column for waiting in self.open):
            while self.open[-1].column > token.column:
                self._unclosed()

    def _missing_brace(self, index: int) -> None:
        """The line before asked for a body; its brace may open on this line, or be put in if it closes later."""
        header, self.header = self.header, None
        assert header is not None
        token = self.tokens[index]
        if token.kind == "LBRACE":
            fault = Fault(
                "E120", f"the `{{` of `{header.text}` stands on the next line", "put it at the end of this line"
            )
            self._fault(token, fault)
        elif self._closes_later(index):
            fault = Fault("E120", f"`{header.text}` lacks the `{{` of its body", "put it at the end of this line")
            brace = _virtual("LBRACE", self.out[-1])
            self._fault(header, fault)
            self._open(brace)

    def _closes_later(self, index: int) -> bool:
        """Whether the next line that is indented no deeper than the header begins with a `}` in its column."""
        for before, token in zip(self.tokens[index - 1 :], self.tokens[index:], strict=False):
            if before.kind == NEWLINE and token.kind != NEWLINE and token.column <= self.line_column:
                return token.kind == "RBRACE" and token.column == self.line_column
        return False


def _balanced(tokens: list[Token]) -> bool:
    """Whether every brace has its partner, so that the indentation has nothing to tell."""
    depth = 0
    for token in tokens:
        depth += (token.kind == "LBRACE") - (token.kind == "RBRACE")
        if depth < 0:
            return False
    return depth == 0


def _virtual(kind: str, before: Token) -> Token:
    """A token that is not in the text, behind `before`."""
    return Token(kind, "", before.line, before.end_column)
