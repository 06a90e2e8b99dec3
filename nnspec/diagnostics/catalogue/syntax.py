"""E1xx: characters, words, brackets and sentences; what can be said of a file without knowing any layer."""

from __future__ import annotations

from nnspec.diagnostics.catalogue import signs, text
from nnspec.diagnostics.catalogue.entry import Entry


def model(*lines: str) -> str:
    """A spec with one model of these lines."""
    body = "".join(f"  {line}\n" for line in lines)
    return f"nnspec 1\n\nmodel example {{\n  input x: float32[N, 4]\n{body}}}\n"


SENTENCES = (
    Entry(
        "E101",
        "something else was expected",
        """The words and signs are fine one by one, but not in this order. The message says what could have stood
        here. The rest of the file was read, so that the other findings are real.""",
        model("y = x -> dense(3) +"),
        model("y = x -> dense(3)"),
    ),
    Entry(
        "E104",
        "the version header is missing or misplaced",
        """A spec begins with the version of the language that it is written in. So a later nnspec can always read
        it as it was meant.""",
        "model example {\n  input x: float32[N, 4]\n  relu\n}\n",
        model("relu"),
    ),
    Entry(
        "E105",
        "the language version is unknown",
        """The version is one whole number. A number that is higher than this tool knows means that the file was
        written for a newer nnspec; nothing else in it is judged.""",
        model("relu").replace("nnspec 1", "nnspec 99"),
        model("relu"),
    ),
    Entry(
        "E112",
        "a reserved word cannot be a name",
        """input, output, layer, let, if, else, repeat, for, in, as, and, or, not, true, false and none have their
        meaning inside models and blocks. In sections they can be keys.""",
        model("layer in = dense(3)"),
        model("layer inner = dense(3)", "inner"),
    ),
    Entry(
        "E113",
        "comparisons do not chain",
        """Between numbers and between values alike, a comparison has two sides. In some languages `a < b < c`
        compares the truth of `a < b` with `c`; here it means nothing.""",
        model("let k = 3", "if 1 < k < 5 { relu }"),
        model("let k = 3", "if 1 < k and k < 5 { relu }"),
    ),
    Entry(
        "E114",
        "a habit from another language",
        """Specs are data: there are no functions to define, no modules to import and no objects to call. The help
        says how the same thing is written here.""",
        model("y = dense(3)(x)"),
        model("y = x -> dense(3)"),
    ),
    Entry(
        "E115",
        "a statement ends at the line's end",
        """Each statement has lines of its own. A line goes on inside brackets, and where the next one begins with
        `->` or an operator.""",
        model("dense(3) relu"),
        model("dense(3) -> relu"),
    ),
    Entry(
        "E116",
        "`=`, `==` and `:` are confused",
        """`name = value` names a value or gives an option or setting. `==` compares. `:` stands in front of a type,
        and behind the source of `use`.""",
        model("y: dense(3)"),
        model("y = dense(3)"),
    ),
    Entry(
        "E117",
        "nothing that a file can hold",
        """At the level of the file stand use, block, model and the sections data, train, export and require.
        Everything else stands inside their braces.""",
        "nnspec 1\n\nmodle example {\n  input x: float32[N, 4]\n  relu\n}\n",
        model("relu"),
    ),
    Entry(
        "E118",
        "this line does not belong into its section",
        """data and export hold settings, `key = value`; train holds targets too, `target name: type`; require holds
        comparisons and signatures.""",
        model("relu") + "\nrequire {\n  params\n}\n",
        model("relu") + "\nrequire {\n  params <= 1_000\n}\n",
    ),
    Entry(
        "E119",
        "unknown unit",
        """Behind the number of a requirement may stand k, M or G for counts and kB, MB or GB for bytes, powers of
        ten. Upper and lower case differ.""",
        model("relu") + "\nrequire {\n  size <= 4 mb\n}\n",
        model("relu") + "\nrequire {\n  size <= 4 MB\n}\n",
    ),
)

ENTRIES: tuple[Entry, ...] = (*SENTENCES, *signs.ENTRIES, *text.ENTRIES)
