"""E1xx, continued: brackets, numbers, strings and names."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry


def model(line: str) -> str:
    """A spec with one model that has this line."""
    return f"nnspec 1\n\nmodel example {{\n  input x: float32[N, 4]\n  {line}\n  relu\n}}\n"


def words(line: str) -> str:
    """A spec with one model of strings that has this line."""
    return f"nnspec 1\n\nmodel example {{\n  input word: string[N]\n  {line}\n}}\n"


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "E102",
        "a bracket is never closed",
        """The place is the bracket itself. Where the partner belongs is often clear from the indentation, which is
        used to read the rest of the file, and only for that.""",
        model("dense(3 -> tanh"),
        model("dense(3) -> tanh"),
    ),
    Entry(
        "E103",
        "a bracket closes nothing",
        """There is no open bracket, or one of another kind.""",
        model("dense(3]"),
        model("dense(3)"),
    ),
    Entry(
        "E106",
        "a sign that is not in the language",
        """Text that was copied from a document or a chat can hold signs that look right: typographic quotes,
        dashes, spaces of another width. In strings and comments they may stand.""",
        model("dense(3);"),
        model("dense(3)"),
    ),
    Entry(
        "E107",
        "not a number",
        """Numbers look like 16, 1_000, 0.5 or 3e-4. A unit stands apart, and a name does not begin with a digit.""",
        model("dropout(.5)"),
        model("dropout(0.5)"),
    ),
    Entry(
        "E108",
        "a number is too large or too small",
        """Whole numbers have at most 18 digits, so that they fit 64 bits. Other numbers are 64-bit floating point;
        one that would become infinite, or zero without being zero, is refused instead of rounded.""",
        model("y = x * 1e999"),
        model("y = x * 1e30"),
    ),
    Entry(
        "E109",
        "a string is not closed",
        """A string ends on the line it began, with the quote it began with.""",
        words('lookup(["red", "green])'),
        words('lookup(["red", "green"])'),
    ),
    Entry(
        "E110",
        "unknown escape in a string",
        r"""Behind a backslash may stand \, n, t and the two quotes. Paths are written with `/` on every system.""",
        words('lookup(["red\\green"])'),
        words('lookup(["red/green"])'),
    ),
    Entry(
        "E111",
        "not a name",
        """Names are made of the letters a to z and A to Z, digits and `_`, 256 at most. Letters that look alike in
        two alphabets would make two names that nobody can tell apart.""",
        model("größe = dense(3)"),
        model("size = dense(3)"),
    ),
    Entry(
        "E120",
        "a body lacks its `{`",
        """What `model`, `block`, `if`, `else`, `repeat`, `for` and the sections hold stands in braces, which open
        on the line of the header.""",
        "nnspec 1\n\nmodel example\n{\n  input x: float32[N, 4]\n  relu\n}\n",
        "nnspec 1\n\nmodel example {\n  input x: float32[N, 4]\n  relu\n}\n",
    ),
)
