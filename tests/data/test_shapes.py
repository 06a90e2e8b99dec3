"""Arrays in another form than the spec declares: the help names the form, or the layer that makes it."""

from __future__ import annotations

import pytest

from nnspec.data.shapes import Bindings, meant
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import TensorType


@pytest.mark.parametrize(
    ("wanted", "given", "help"),
    [
        ((3, 16, 20), (16, 20, 3), "its channels are last: declare uint8[9, 16, 20, 3], and transpose(0, 3, 1, 2) in"),
        ((3, 16), (16, 3), "its channels are last: declare uint8[9, 16, 3], and transpose(0, 2, 1) in the model"),
        ((16, 20, 3), (3, 16, 20), "channels come first: declare uint8[9, 3, 16, 20]"),
        ((784,), (28, 28), "declare uint8[9, 28, 28], and flatten in the model"),
        ((28, 28, 1), (28, 28), "declare uint8[9, 28, 28], and unsqueeze(1) in the model"),
        ((1, 28, 28), (28, 28), "declare uint8[9, 28, 28], and unsqueeze(1) in the model"),
        ((1, 32, 32), (1, 28, 28), "declare uint8[9, 1, 28, 28], and resize in the model"),
        ((3, 32, 32), (1, 28, 28), ""),
        ((4,), (5,), ""),
        ((5, 4), (5,), ""),
    ],
)
def test_the_form_that_was_meant(wanted: tuple[int, ...], given: tuple[int, ...], help: str) -> None:
    found = meant(TensorType("uint8", (9, *wanted)), (9, *given))
    assert found.startswith(help) and bool(found) == bool(help)


def test_labels() -> None:
    label = TensorType("int64", (9,))
    assert meant(label, (9, 1), label=True) == "an axis of size 1 is left over: array.squeeze(-1)"
    assert meant(label, (9, 3), label=True).endswith("of one-hot rows it is array.argmax(-1)")
    with pytest.raises(Fault) as caught:
        Bindings().fit("y", label, "label[N]", (9, 3), found="t.npz")
    assert caught.value.help.endswith("array.argmax(-1)")
