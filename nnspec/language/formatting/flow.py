"""A run of tokens to lines: breaks that say something are kept, and what is too long for a line is broken.

Kept are breaks before `->` and other operators, those after a comment, and those after a comma in a bracket that is
opened up: one with a comma behind its last entry, or with a comment in it. All else flows on. A line that is too long
is broken at its outermost place: between the entries of an open bracket, before `->`, before another operator, the
loosest first, or by opening the longest bracket up. Breaks that were put in are of the kinds that are kept, so that
what was laid out once stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from nnspec.language.formatting.pieces import COMMENT
from nnspec.language.formatting.spelling import Line, blanks, text_of
from nnspec.language.tokens import ARROW, CLOSERS, NAMES, OPENERS, OPERAND_ENDS, OPERATORS, Token

WIDTH = 120
INDENT = 2
CONTINUED = 4
"""How far a line is indented that goes on with the statement of the line before."""
NEAR = 24
"""Up to this far behind the beginning of a statement, its first `->` is what those on further lines stand under."""
RANKS = {ARROW: 1, "OR": 2, "AND": 3, "COMPARE": 4, "PLUS": 5, "MINUS": 5, "MULTIPLY": 6}
BRACKET = 7


def flow(tokens: Sequence[Token], indent: int, padding: Mapping[int, int] | None = None) -> list[Line]:
    """The lines of a run of tokens, the first of which is indented by `indent`; `padding` widens tokens."""
    return list(_Flow(_commas_before_comments(tokens), indent, padding or {}).lines())


def is_flat(tokens: Sequence[Token]) -> bool:
    """Whether nothing asks for a second line: no break, no comment, no bracket that is opened up."""
    return tokens[0].line == tokens[-1].line and not any(
        comma.kind == "COMMA" and after.kind in OPENERS for comma, after in pairwise(tokens)
    )


def one_line(tokens: Sequence[Token]) -> str:
    """The tokens on one line."""
    return "".join(blank + text_of(token) for blank, token in zip(blanks(tokens), tokens, strict=True))


def _commas_before_comments(tokens: Sequence[Token]) -> list[Token]:
    """A comma that begins a line, below a comment, is put back behind its operand."""
    found: list[Token] = []
    for token in tokens:
        place = len(found)
        while token.kind == "COMMA" and found[place - 1].kind == COMMENT:
            place -= 1
        moved = place < len(found)
        found.insert(place, token._replace(line=found[place - 1].line) if moved else token)
    return found


def _operators(tokens: Sequence[Token]) -> set[int]:
    """Where a line may begin with an operator, a minus that is a sign left out."""
    found: set[int] = set()
    before = ""
    for index, token in enumerate(tokens):
        if token.kind in OPERATORS and before and (token.kind != "MINUS" or before in OPERAND_ENDS):
            found.add(index)
        before = before if token.kind == COMMENT else token.kind
    return found


class _Flow:
    def __init__(self, tokens: list[Token], indent: int, padding: Mapping[int, int]) -> None:
        self.tokens = tokens
        self.indent = indent
        self.texts = [text_of(token) for token in tokens]
        for index, width in padding.items():
            self.texts[index] = self.texts[index].ljust(width)
        self.partner: dict[int, int] = {}
        self.depth: list[int] = []
        self.around: list[int] = []
        """The innermost bracket around each token, or -1."""
        self._match()
        self.operators = _operators(tokens)
        self.opened: set[int] = set()
        self.ended: set[int] = set()
        """Last entries of brackets, which were given a comma."""
        self.breaks: set[int] = {len(tokens)}
        self.blanks = blanks(tokens)
        self.ends: list[int] = []
        self._keep()
        self._measure()
        self.arrow = 0
        """Where the first `->` of the statement stands, if lines below are to stand under it."""

    def _match(self) -> None:
        waiting = [-1]
        for index, token in enumerate(self.tokens):
            if token.kind in OPENERS and waiting[-1] >= 0:
                self.partner[waiting.pop()] = index
            self.around.append(waiting[-1])
            self.depth.append(len(waiting))
            if token.kind in CLOSERS:
                waiting.append(index)

    def _measure(self) -> None:
        widths = (len(blank) + len(text) for blank, text in zip(self.blanks, self.texts, strict=True))
        self.ends = list(accumulate(widths, initial=0))

    # ---- what the writer decided

    def _keep(self) -> None:
        tokens = self.tokens
        for index in range(1, len(tokens)):
            token, before = tokens[index], tokens[index - 1]
            below = token.line > before.line and (token.kind == COMMENT or index in self.operators)
            if below or before.kind == COMMENT:
                self.breaks.add(index)
        commented = {self.around[index] for index, token in enumerate(tokens) if token.kind == COMMENT}
        for opening, closing in self.partner.items():
            if tokens[opening].kind != "LBRACE" and self._is_list(opening):
                last = tokens[self._last(closing)]
                if last.kind == "COMMA" or opening in commented:
                    self._open(opening)
        for index in range(1, len(tokens)):
            comma = tokens[index - 1]
            if comma.kind == "COMMA" and self.around[index - 1] in self.opened and tokens[index].line > comma.line:
                self.breaks.add(index)

    def _last(self, closing: int) -> int:
        """The last token in a bracket that is no comment."""
        index = closing - 1
        while self.tokens[index].kind == COMMENT:
            index -= 1
        return index

    def _open(self, opening: int) -> None:
        """Give the entries of a bracket lines of their own, and a comma to the last one."""
        closing = self.partner[opening]
        self.opened.add(opening)
        first = self.tokens[opening + 1]
        behind = first.kind == COMMENT and first.line == self.tokens[opening].line
        self.breaks |= {opening + 1 + behind, closing}
        last = self._last(closing)
        if self.tokens[last].kind != "COMMA":
            self.texts[last] += ","
            self.ended.add(last)

    def _is_list(self, opening: int) -> bool:
        """Whether a bracket holds entries that commas separate: not so around an operand, and where it is empty."""
        closing = self.partner[opening]
        if self._last(closing) == opening:
            return False
        if self.tokens[opening].kind == "LSQB" or (opening and self.tokens[opening - 1].kind in NAMES):
            return True
        return any(self._is_comma_of(opening, index) for index in range(opening, closing))

    def _is_comma_of(self, opening: int, index: int) -> bool:
        return self.tokens[index].kind == "COMMA" and self.around[index] == opening

    # ---- lines, from left to right

    def lines(self) -> Iterator[Line]:
        start = 0
        waiting: list[tuple[int, int]] = []
        """The opened brackets around the line that begins, and how far the lines are indented that they stand on."""
        while start < len(self.tokens):
            if waiting and self.partner[waiting[-1][0]] == start:
                _, indent = waiting.pop()
            else:
                indent = self._indent(start, waiting)
            end = next(index for index in range(start + 1, len(self.tokens) + 1) if index in self.breaks)
            while (found := self._break(start, end, indent, waiting)) is not None:
                end = found
            yield self._line(start, end, indent)
            for index in range(start, end):
                if index in self.opened:
                    waiting.append((index, indent))
                elif waiting and index > start and self.partner[waiting[-1][0]] == index:
                    waiting.pop()
            start = end

    def _indent(self, start: int, waiting: Sequence[tuple[int, int]]) -> int:
        before = self._last(start) if start else 0
        if start == 0 or self.tokens[before].kind == "RBRACE":
            return self.indent
        bracket, indent = waiting[-1] if waiting else (-1, self.indent - INDENT)
        if bracket >= 0 and (before == bracket or before in self.ended or self._is_comma_of(bracket, before)):
            return indent + INDENT
        if self.arrow and self.depth[start] == 1:
            return self.arrow
        inside, around = 0, self.around[start]
        while around != bracket:
            inside, around = inside + 1, self.around[around]
        return indent + INDENT + CONTINUED + INDENT * inside

    def _line(self, start: int, end: int, indent: int) -> Line:
        if start == 0:
            first = next((i for i in range(end) if self.tokens[i].kind == ARROW and self.depth[i] == 1), None)
            offset = self.ends[first] + 1 if first else 0
            self.arrow = indent + offset if 0 < offset <= NEAR else 0
        comment = self.tokens[end - 1] if self.tokens[end - 1].kind == COMMENT else None
        if comment and end - 1 == start:
            return Line(" " * indent + text_of(comment))
        return Line(" " * indent + self._text(start, end - (comment is not None)), comment)

    def _text(self, start: int, end: int) -> str:
        return self.texts[start] + "".join(self.blanks[i] + self.texts[i] for i in range(start + 1, end))

    # ---- lines that are too long

    def _width(self, start: int, end: int) -> int:
        """Columns that tokens take, a comment behind them left out."""
        end -= self.tokens[end - 1].kind == COMMENT
        return self.ends[end] - self.ends[start] - len(self.blanks[start])

    def _break(self, start: int, end: int, indent: int, waiting: Sequence[tuple[int, int]]) -> int | None:
        """The new end of a line that is too long; None where it fits, or cannot be broken."""
        room = WIDTH - indent
        if self._width(start, end) <= room:
            return None
        if waiting:
            commas = self._entries(start, end, waiting[-1][0], room)
            if commas:
                fitting = [index for index in commas if self._width(start, index) <= room]
                if fitting:
                    self.breaks.add(fitting[-1])
                    return fitting[-1]
                inner = self._inner(start, commas[0], room)
                return commas[0] if inner is None else inner
        return self._inner(start, end, room)

    def _entries(self, start: int, end: int, bracket: int, room: int) -> list[int]:
        """Where entries of an open bracket begin within a line, up to the first that is too far."""
        found = []
        for index in range(start + 1, end):
            if self._is_comma_of(bracket, index - 1):
                found.append(index)
                if self._width(start, index) > room:
                    break
        return found

    def _inner(self, start: int, end: int, room: int) -> int | None:
        """Break at an operator, or open a bracket up."""
        places: dict[tuple[int, int], list[int]] = {}
        for index in range(start, end):
            if index > start and index in self.operators:
                places.setdefault((self.depth[index], RANKS[self.tokens[index].kind]), []).append(index)
            elif self._can_open(index, end):
                places.setdefault((self.depth[index], BRACKET), []).append(index)
        if not places:
            return None
        outermost = min(places)
        found = places[outermost]
        if outermost[1] == BRACKET:
            return self._opened_up(found)
        fitting = [index for index in found if self._width(start, index) <= room]
        chosen = fitting[-1] if fitting else found[0]
        after = next((index for index in found if index > chosen), end)
        inside = [i for i in range(chosen, after) if self.depth[i] == outermost[0] and self._can_open(i, after)]
        if inside and self._width(chosen, after) > room - CONTINUED:
            return self._opened_up(inside)
        self.breaks.add(chosen)
        return chosen

    def _can_open(self, index: int, end: int) -> bool:
        within = self.tokens[index].kind in ("LPAR", "LSQB") and self.partner.get(index, end) < end
        return within and index not in self.opened and self._is_list(index)

    def _opened_up(self, brackets: Sequence[int]) -> int:
        longest = max(brackets, key=lambda index: self._width(index, self.partner[index]))
        self._open(longest)
        self._measure()
        return longest + 1
