"""E2xx: dtypes, shapes and compile-time values."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry
from nnspec.diagnostics.catalogue.syntax import model

ENTRIES = (
    Entry(
        "E203",
        "a layer does not fit its input",
        """The layer needs an input of another number of dimensions, or of other sizes. The text behind the caret
        says which layer made the input.""",
        "nnspec 1\n\nmodel example {\n  input x: float32[N]\n  dense(3)\n}\n",
        "nnspec 1\n\nmodel example {\n  input x: float32[N]\n  unsqueeze(1) -> dense(3)\n}\n",
    ),
    Entry(
        "E207",
        "an axis that is not there",
        """Axes count from 0, the batch, or from -1, the last. Reductions and joins leave the batch axis alone.""",
        model("y = softmax(axis = 2)"),
        model("y = softmax(axis = 1)"),
    ),
    Entry(
        "E208",
        "shapes do not fit each other",
        """Between values, sizes are equal or one of them is 1, counted from the last axis (ONNX and NumPy
        broadcasting). Losses want exactly equal shapes, so that [N, 1] against [N] never becomes [N, N] in
        silence.""",
        model("y = x + (x -> dense(3))"),
        model("y = x + (x -> dense(4))"),
    ),
    Entry(
        "E212",
        "a value of the model where a number is needed, or the reverse",
        """Options, loops and conditions are decided when the spec is compiled, before any data is seen. A number is
        named by `let`; `name =` names a value of the model.""",
        model("units = 3", "y = x -> dense(units)"),
        model("let units = 3", "y = x -> dense(units)"),
    ),
    Entry(
        "E213",
        "the number of values does not fit",
        """`a, b = …` takes as many values as there are names, and an output, an operand or an argument is one
        value.""",
        model("a, b = x -> dense(4)", "output c = a + b"),
        model("a, b = x -> split(2, axis = 1)", "output c = a + b"),
    ),
    Entry(
        "E214",
        "sizes that cannot be proved equal",
        """A symbolic size is known by its name alone. Two names may stand for different sizes, and features must be
        a number, since the size of a parameter depends on them.""",
        "nnspec 1\n\nmodel example {\n  input a: float32[N, 4]\n  input b: float32[M, 4]\n  y = a + b\n}\n",
        "nnspec 1\n\nmodel example {\n  input a: float32[N, 4]\n  input b: float32[N, 4]\n  y = a + b\n}\n",
    ),
    Entry(
        "E215",
        "dtypes do not fit",
        """Dtypes are never converted in silence. `cast` converts, `rescale` and `standardize` turn any number into
        float32.""",
        "nnspec 1\n\nmodel example {\n  input x: uint8[N, 4]\n  dense(3)\n}\n",
        "nnspec 1\n\nmodel example {\n  input x: uint8[N, 4]\n  rescale(1 / 255) -> dense(3)\n}\n",
    ),
    Entry(
        "E216",
        "shared parameters do not fit",
        """Every use of an instance shares its parameters, and a tied parameter is another's, so their shapes are
        the same. An instance has parameters from its first use on.""",
        model("layer enc = dense(3)", "y = x -> enc -> enc"),
        model("layer enc = dense(4)", "y = x -> enc -> enc"),
    ),
    Entry(
        "E217",
        "arithmetic that is not defined",
        """Numbers are added, compared and divided as in mathematics: `/` is exact, `//` and `%` are for whole
        numbers. A number beside a value takes the value's dtype, and must fit into it.""",
        model("let k = 4 / 0", "y = dense(k)"),
        model("let k = 4 / 2", "y = dense(k)"),
    ),
    Entry(
        "E223",
        "the number of inputs does not fit",
        """Most layers take one value. Several go in parentheses, in order, as a block's `input` lines say.""",
        model("y = (x, x) -> dense(3)"),
        model("y = (x, x) -> concat(axis = 1) -> dense(3)"),
    ),
)
