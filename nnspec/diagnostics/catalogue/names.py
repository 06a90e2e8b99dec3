"""E2xx: names and options; the codes about shapes and values are in `values.py`."""

from __future__ import annotations

from nnspec.diagnostics.catalogue import values
from nnspec.diagnostics.catalogue.entry import Entry
from nnspec.diagnostics.catalogue.syntax import model

NAMES = (
    Entry(
        "E201",
        "no such layer",
        """After `->`, and at the beginning of a statement, a name is a layer: of the library, a block of this file
        or of one that it uses, or an instance made by `layer`. Names of other frameworks are answered with ours.""",
        model("y = densse(3)"),
        model("y = dense(3)"),
    ),
    Entry(
        "E202",
        "no such option, or too many",
        """Options go by position in their documented order, or by name. Nothing unknown is ignored: a misspelt
        option that silently kept its default would train another network than the one that was meant.""",
        model("y = dense(3, biass = false)"),
        model("y = dense(3, bias = false)"),
    ),
    Entry(
        "E204",
        "a name is not defined",
        """A bare word is a reference: to an input, a named value, a parameter, a name bound by `let`, a loop or a
        size. A name is known from its line on. A word of a fixed set is a string, in quotes.""",
        model("y = x + z"),
        model("z = dense(4)", "y = x + z"),
    ),
    Entry(
        "E205",
        "an option has a value that it cannot have",
        """Options are strict: no text becomes a number, no number becomes true. The message says what the option
        takes and what it got.""",
        model("y = dense(-3)"),
        model("y = dense(3)"),
    ),
    Entry(
        "E206",
        "an option or parameter is missing",
        """Options without a default must be given, as must the parameters of a block or model.""",
        model("y = dense()"),
        model("y = dense(3)"),
    ),
    Entry(
        "E209",
        "there is no current value",
        """A statement that begins with a layer applies it to the current value: what the statement before has made,
        or the only input. After several inputs, and after `a, b = …`, there is none, and the statement names its
        input.""",
        "nnspec 1\n\nmodel example {\n  input x: float32[N, 4]\n  input z: float32[N, 4]\n  dense(3)\n}\n",
        "nnspec 1\n\nmodel example {\n  input x: float32[N, 4]\n  input z: float32[N, 4]\n  x + z -> dense(3)\n}\n",
    ),
    Entry(
        "E210",
        "a name is taken",
        """Values and parameters share one name space, layers and blocks another. A value may be bound again (`x = x
        + h`); a parameter, an input size, a `let` and a block may not become something else.""",
        "nnspec 1\n\nmodel example(size = 3) {\n  input x: float32[N, 4]\n  size = dense(3)\n}\n",
        "nnspec 1\n\nmodel example(size = 3) {\n  input x: float32[N, 4]\n  y = dense(size)\n}\n",
    ),
    Entry(
        "E211",
        "a name is a value and a layer",
        """A bare name that begins a pipeline could be either. With parentheses it is the layer.""",
        model("relu = dense(3)", "relu"),
        model("relu = dense(3)", "relu()"),
    ),
    Entry(
        "E218",
        "a layer where a value is needed",
        """Only a statement, or the right side of `name =` or `output`, that begins with a layer applies it to the
        current value. Inside an expression or an argument the input is written out.""",
        model("y = x + dense(4)"),
        model("y = x + (x -> dense(4))"),
    ),
    Entry(
        "E220",
        "the structure of a model or block",
        """A model has inputs at its top and outputs with names; a block has one result or several. Sections belong
        to a file with a model.""",
        "nnspec 1\n\nmodel example {\n}\n",
        model("y = dense(3)"),
    ),
    Entry(
        "E221",
        "two parameters have the same path",
        """A parameter is named by its path: the statement's name, or kind and number in the scope. Here a name that
        was given meets a name that was counted.""",
        model("dense(4)", "dense_1 = dense(3)"),
        model("dense(4)", "head = dense(3)"),
    ),
    Entry(
        "E222",
        "the spec is too large",
        """Blocks and loops are expanded when a spec is checked, so what they expand to is limited, as are the
        number of parameters and the size of a value. The limits are far above what can be trained.""",
        model("repeat 1_000_000_000 { dense(4) }"),
        model("repeat 100 { dense(4) }"),
    ),
    Entry(
        "E224",
        "a block contains itself",
        """There is no recursion: a network has a finite number of layers. `repeat` stacks a block.""",
        "nnspec 1\n\nblock deep { input x\n  deep\n}\n\nmodel example {\n  input x: float32[N, 4]\n  deep\n}\n",
        "nnspec 1\n\nblock deep { input x\n  dense(4)\n}\n\n"
        "model example {\n  input x: float32[N, 4]\n  repeat 3 { deep }\n}\n",
    ),
)

ENTRIES: tuple[Entry, ...] = (*NAMES, *values.ENTRIES)
