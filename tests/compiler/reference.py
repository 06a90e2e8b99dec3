"""A model in float64 on ONNX's reference evaluator: slow, and exact enough for finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


class Reference:
    """Runs a float32 model with every float32 tensor turned into float64."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        graph = self.model.graph
        for info in (*graph.input, *graph.output, *graph.value_info):
            if info.type.tensor_type.elem_type == FLOAT:
                info.type.tensor_type.elem_type = DOUBLE
        for tensor in graph.initializer:
            tensor.CopyFrom(_double(tensor))
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.name == "to" and attribute.i == FLOAT:
                    attribute.i = DOUBLE
                if attribute.HasField("t"):
                    attribute.t.CopyFrom(_double(attribute.t))
        self._evaluator = ReferenceEvaluator(self.model)

    def __call__(self, feeds: dict[str, Any]) -> dict[str, Any]:
        """All outputs; float32 inputs become float64."""
        names = [item.name for item in self.model.graph.output]
        wide = {name: array.astype(np.float64) if array.dtype == np.float32 else array for name, array in feeds.items()}
        return dict(zip(names, self._evaluator.run(None, wide), strict=True))


def _double(tensor: TensorProto) -> TensorProto:
    if tensor.data_type != FLOAT:
        return tensor
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)
