"""From IR to graph: types that agree, sizes that are read from batches, initial values."""

from __future__ import annotations

import numpy as np
import pytest
from small_specs import classifier

import nnspec
from nnspec.compiler.batch import batch_types, sizes_of
from nnspec.compiler.fit import require_fit
from nnspec.compiler.initial import initial_values
from nnspec.compiler.lowering import lower_loss, lower_model
from nnspec.compiler.weights import digest
from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import Graph, GraphError
from nnspec.ir.dims import symbol
from nnspec.ir.types import TensorType
from nnspec.library import registries

LIBRARY = registries()
N, H = symbol("N"), symbol("H")


def test_every_value_of_the_spec_is_in_the_graph() -> None:
    spec = classifier()
    g = Graph("g", training=True)
    values = lower_model(spec, LIBRARY, g, {"N": 4})
    loss = lower_loss(spec, LIBRARY, g, values, {"N": 4})
    assert loss.type == TensorType("float32", ())
    assert values["logits"].type == TensorType("float32", (4, 3)) and values["y"].type == TensorType("int64", (4,))
    assert list(g.parameters) == [item.path for item in spec.parameters]
    assert all(node.origin for node in g.nodes)


def test_symbols_stay_where_no_size_is_given() -> None:
    assert lower_model(classifier(), LIBRARY, Graph("g"))["probability"].shape == (N, 3)


def test_another_type_than_the_ir_says_is_a_compiler_error() -> None:
    spec = classifier()
    wrong = [item.model_copy(update={"shape": (N, 4)}) if item.name == "logits" else item for item in spec.values]
    with pytest.raises(GraphError, match=r"dense at logits made float32\[2, 3\] where the spec says float32\[2, 4\]"):
        lower_model(spec.model_copy(update={"values": tuple(wrong)}), LIBRARY, Graph("g"), {"N": 2})


def test_sizes_come_from_plain_symbols_and_multiples() -> None:
    types = {"x": TensorType("float32", (N, 8 * H)), "y": TensorType("int64", (N, H + 1))}
    assert sizes_of(types, {"x": (3, 32), "y": (3, 5)}) == {"N": 3, "H": 4}
    for shapes in (
        {"x": (3, 32), "y": (4, 5)},
        {"x": (3, 33), "y": (3, 5)},
        {"x": (3, 32), "y": (3, 6)},
        {"x": (3,), "y": (3, 5)},
    ):
        with pytest.raises(Fault) as caught:
            sizes_of(types, shapes)
        assert caught.value.code == "E607"
    assert set(batch_types(classifier())) == {"x", "y"}


def test_an_added_layer_leaves_other_initial_values_alone() -> None:
    text = "nnspec 1\nmodel m {{\n  input x: float32[N, 4]\n  a = dense(3)\n  {}\n  output y = a -> tanh\n}}\n"
    small, large = (nnspec.loads(text.format(line)) for line in ("", "b = x -> dense(2)"))
    before, after = (initial_values(spec, LIBRARY, 7) for spec in (small, large))
    assert set(after) - set(before) == {"b.weight", "b.bias"}
    assert all(np.array_equal(before[path], after[path]) for path in before)
    assert not np.array_equal(before["a.weight"], initial_values(small, LIBRARY, 8)["a.weight"])
    assert before["a.weight"].dtype == np.float32


def test_weights_that_do_not_fit_are_all_listed() -> None:
    spec = classifier()
    weights = initial_values(spec, LIBRARY, 0)
    require_fit(spec, weights)
    weights["other"] = weights.pop("logits.bias")
    weights["logits.weight"] = np.zeros((2, 8), np.float32)
    with pytest.raises(Fault) as caught:
        require_fit(spec, weights)
    assert caught.value.code == "E702"
    wanted = "missing: logits.bias; unexpected: other; wrong shape: logits.weight [2, 8] instead of [3, 8]"
    assert wanted in caught.value.message
    require_fit(spec, {"logits.bias": np.zeros(3)}, strict=False)


def test_the_digest_of_weights_ignores_their_order() -> None:
    a = {"x": np.zeros(2), "y": np.ones(2)}
    assert digest(a) == digest(dict(reversed(a.items()))) != digest({**a, "x": np.ones(2)})
