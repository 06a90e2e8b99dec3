"""onnxslim and onnxsim find nothing to remove from what is compiled.

With weights as they are after training: a product with ones, the initial weight of a norm, is one that they leave out.
"""

from __future__ import annotations

import warnings

import pytest
from test_specs_in_opsets import SMALL, SPECS, trained

import nnspec

with warnings.catch_warnings():  # theirs
    warnings.simplefilter("ignore")
    import onnxsim
    import onnxslim


@pytest.mark.parametrize("opset", [21, 26])
@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_left_to_remove(name: str, opset: int) -> None:
    spec = nnspec.load(SPECS[name], set=SMALL.get(name, {}))
    model = nnspec.compile(spec, trained(spec), opset=opset).onnx
    count = len(model.graph.node)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {"onnxslim": onnxslim.slim(model), "onnxsim": onnxsim.simplify(model)[0]}
    assert {tool: len(made.graph.node) for tool, made in found.items()} == dict.fromkeys(found, count)
