"""E12x: files that are no readable spec, and the limits that protect the machine from them."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry


def model(line: str) -> str:
    """A spec with one model that has this line."""
    return f"nnspec 1\n\nmodel example {{\n  input x: float32[N, 4]\n  {line}\n}}\n"


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "E121",
        "the file is not UTF-8",
        """Specs are UTF-8, with or without a byte order mark. UTF-16 and the older encodings of a single country
        are not guessed, since a wrong guess changes file names and strings in silence.""",
        "$ nnspec check model.nn     # saved as UTF-16 or Latin-1",
        "$ iconv -f LATIN1 -t UTF-8 model.nn > utf8.nn\n$ nnspec check utf8.nn",
        shell=True,
    ),
    Entry(
        "E122",
        "an invisible character",
        """Control characters, and characters that reverse the direction of reading, can make a file look different
        from what it says. They must not stand in a spec, not even in strings and comments.""",
        model("relu  # \u202eunler"),
        model("relu  # a comment"),
    ),
    Entry(
        "E123",
        "the file is too large",
        """A spec has at most 16 MB, 2 million words and signs, and 200 000 entries of lists. Data belongs into data
        files; what repeats belongs into `repeat` and `for`.""",
        "$ nnspec check weights.nn     # 40 MB of numbers",
        "$ nnspec check model.nn       # the numbers are read from a data file",
        shell=True,
    ),
    Entry(
        "E124",
        "nested too deep",
        """Brackets and braces nest up to 64 levels, operators and calls up to 128: a sum of more than 128 terms
        counts too. A part that has a name of its own begins anew.""",
        model("y = " + " + ".join(["x"] * 130)),
        model("y = " + " + ".join(["x"] * 4)),
    ),
    Entry(
        "E125",
        "a string is too long",
        """A string has at most 65 536 characters. What is longer belongs into a file, and its path into the spec.""",
        "$ nnspec check model.nn     # lookup([…]) with a word of 100 000 letters",
        "$ nnspec check model.nn     # lookup([…]) with the words of the data",
        shell=True,
    ),
    Entry(
        "E126",
        "too many errors",
        """After 100 errors the rest of a file is not read. It is probably no spec, or one early mistake stands
        behind most of them.""",
        "$ nnspec check README.md",
        "$ nnspec check model.nn",
        shell=True,
    ),
)
