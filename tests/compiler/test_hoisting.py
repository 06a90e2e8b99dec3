"""An update divided into what is done once and what is done for each tile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnspec.compiler.hoisting import scalars_apart
from nnspec.compiler.training_graphs import update_graph
from nnspec.graph.onnx_file import check, to_bytes, to_model
from nnspec.library import registries
from nnspec.runtime.session import Session


@pytest.mark.parametrize("name", sorted(registries()["optimizer"]))
def test_both_parts_together_are_the_whole(name: str) -> None:
    """Bit for bit; and the part that is done for each tile holds no arithmetic in float64."""
    rule = registries()["optimizer"][name](lr=0.1, weight_decay=0.1)
    average = registries()["average"]["ema"](decay=0.9)
    random = np.random.default_rng(0)
    given: dict[str, Any] = {
        slot: random.uniform(0, 1, 50) for slot in ("parameter", "gradient", "average", *rule.slots)
    }
    given = {slot: array.astype(np.float32) for slot, array in given.items()}
    given |= {"lr": np.array(0.1, np.float32), "step": np.array(3, np.int64)}
    whole = Session(to_bytes(to_model(update_graph(rule, average=average))))
    wanted = whole.run({key: given[key] for key in whole.inputs})
    first, rest = (to_model(graph) for graph in scalars_apart(update_graph(rule, average=average)))
    check(first)
    check(rest)
    once, each = Session(to_bytes(first)), Session(to_bytes(rest))
    known = given | once.run({key: given[key] for key in once.inputs})
    found = each.run({key: known[key] for key in each.inputs})
    assert all(np.array_equal(found[key], wanted[key]) for key in wanted)
    assert not [node for node in rest.graph.node if node.op_type in ("Cast", "Pow")]
