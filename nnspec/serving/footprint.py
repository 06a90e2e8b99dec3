"""How much memory a run of a model takes, from the shapes in its file, before anything is allocated.

A body of 8 MB can ask a transformer for a million positions, whose attention has 10^12 elements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from nnspec.graph import onnx_file
from nnspec.ir.dims import Dim, substitute
from nnspec.ir.types import TensorType
from nnspec.serving.datatypes import itemsize


class Footprint:
    """The values of a model, and which operator reads each one last."""

    def __init__(self, model: Any) -> None:
        stated = (*model.graph.input, *model.graph.value_info, *model.graph.output)
        types = {value.name: onnx_file.declared(value) for value in stated if value.type.HasField("tensor_type")}
        steps = [(tuple(node.input), tuple(node.output)) for node in model.graph.node]
        last = {name: place for place, (inputs, _) in enumerate(steps) for name in inputs}
        keep = len(steps)
        self._dims: dict[Dim, None] = {}
        self._born: list[list[TensorType]] = [[] for _ in range(keep + 1)]
        self._dying: list[list[TensorType]] = [[] for _ in range(keep + 1)]
        born = dict.fromkeys(onnx_file.signature(model), 0)
        born |= {name: place for place, (_, outputs) in enumerate(steps) for name in outputs}
        results = set(onnx_file.results(model))
        for name, place in born.items():
            if name in types:
                self._born[place].append(types[name])
                self._dying[keep if name in results else last.get(name, place)].append(types[name])
        self.peak = lru_cache(256)(self._peak)

    def bytes(self, sizes: Mapping[str, int]) -> int:
        """The most bytes that values take at the same time, for these sizes of the symbols."""
        return self.peak(tuple(sorted(sizes.items())))

    def _peak(self, items: tuple[tuple[str, int], ...]) -> int:
        sizes, known = dict(items), dict[Dim, int]()

        def size(type: TensorType) -> int:
            for dim in type.shape:
                if dim not in known:
                    found = substitute(dim, sizes)
                    known[dim] = found if isinstance(found, int) else 1  # it depends on what is computed
            return math.prod(known[dim] for dim in type.shape) * itemsize(type.dtype)

        live = most = 0
        for born, dying in zip(self._born, self._dying, strict=True):
            live += sum(map(size, born))
            most = max(most, live)
            live -= sum(map(size, dying))
        return most


class Room(NamedTuple):
    """What rows of one shape need."""

    fixed: int
    row: int

    def rows(self, limit: int) -> int:
        """How many rows find room."""
        return max(0, (limit - self.fixed) // self.row) if self.row > 0 else 2**62 if self.fixed <= limit else 0
