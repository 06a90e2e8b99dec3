"""Every layer, operator and loss in every opset that ONNX Runtime loads: the same numbers, or what it needs."""

from __future__ import annotations

import numpy as np
import pytest
from library_cases import Case, cases, lowered, model_of, onnxruntime

from nnspec.graph import onnx_file
from nnspec.graph.dtypes import is_float
from nnspec.graph.errors import OpsetError

NEEDS = {
    "Equal at lookup needs opset 19 for strings": 19,
    "Resize at resize needs opset 18 for its attribute 'antialias'": 18,
}
"""What cannot be said in older opsets: the message, and the first opset that has it."""


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_opset_computes_the_same(case: Case) -> None:
    wanted = onnxruntime(*model_of(lowered(case, symbolic=True)))
    for opset in onnx_file.IR_VERSIONS:
        lowering = lowered(case, symbolic=True)
        lowering.graph.opset = opset
        try:
            model, feeds = model_of(lowering)
        except OpsetError as error:
            assert opset < NEEDS[str(error)]
            continue
        onnx_file.check(model)
        assert model.opset_import[0].version == opset
        for found, same in zip(onnxruntime(model, feeds), wanted, strict=True):
            assert found.dtype == same.dtype and found.shape == same.shape
            if is_float(str(found.dtype)):
                np.testing.assert_allclose(found, same, rtol=2e-5, atol=2e-6)
            else:
                assert (found == same).all()
