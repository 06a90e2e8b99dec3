"""A model that is served: what requests are held against, whether rows may share a run, and what a run takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.compiler.deployed import Deployed
from nnspec.compiler.foreign import read_model
from nnspec.data.wording import size_text
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import TensorType
from nnspec.runtime.session import Brake, available_cores
from nnspec.serving.datatypes import DATATYPES
from nnspec.serving.fitting import Fitting
from nnspec.serving.footprint import Footprint, Room
from nnspec.serving.probing import batch_symbol, require_independent_rows
from nnspec.serving.refusal import Refusal, bad
from nnspec.serving.request import Signature
from nnspec.serving.settings import Limits

Array = np.ndarray[Any, Any]

VERSION = "1"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class Model:
    """One model under its name. Raises E705 and E707 for files that are none, E741 for one that cannot be served."""

    def __init__(
        self,
        name: str,
        model: Any,
        limits: Limits,
        *,
        path: Path | None = None,
        beside: Mapping[str, Array] | None = None,
    ) -> None:
        if not NAME.fullmatch(name):
            help = f"give it another one: NAME={path or 'model.onnx'}"
            raise Fault("E741", f"{name!r} cannot be the name of a model in a URL", help=help)
        self.name = name
        self.path = path
        self.limits = limits
        self._footprint = Footprint(model)
        self.deployed = Deployed(model, threads=_threads(limits), spinning=False, beside=beside)
        self.inputs: Mapping[str, TensorType] = self.deployed.inputs
        self.outputs: Mapping[str, TensorType] = self.deployed.results
        self.signature = Signature(self.inputs, self.deployed.outputs)
        self.alone = ""
        """Why its rows are not computed together with those of other requests; an empty text where they are."""
        self._require_served_types()
        self.batch = self._batch()
        """The symbol of the first axis where rows of several requests are computed together, else None."""
        self._rooms: dict[tuple[tuple[int, ...], ...], Room] = {}

    @classmethod
    def load(cls, name: str, path: Path, limits: Limits) -> Model:
        beside: dict[str, Array] = {}
        return cls(name, read_model(path, beside), limits, path=path, beside=beside)

    def require_room(self, inputs: Mapping[str, Array]) -> int:
        """How many rows of these shapes may be computed together, at least those of the inputs. Raises a Refusal for
        ids that the model does not have, and for inputs that need more memory than a run may take."""
        for name, count in self.deployed.ids.items():
            array = inputs.get(name)
            if array is not None and not 0 <= int(array.min()) <= int(array.max()) < count:
                raise bad("inputs", f"{name} takes ids from 0 to {count - 1}")
        if self.batch is None:
            need = self._need({name: array.shape for name, array in inputs.items()})
            if need > self.limits.max_memory:
                raise self._too_large(need)
            return 1
        room, rows = self._room(inputs), len(next(iter(inputs.values())))
        most = room.rows(self.limits.max_memory)
        if rows > most:
            raise self._too_large(room.fixed + rows * room.row)
        return min(most, max(rows, self.limits.max_batch))

    def run(self, inputs: Mapping[str, Array], brake: Brake) -> dict[str, Array]:
        return self.deployed.run(inputs, brake)

    def metadata(self) -> dict[str, Any]:
        """As GET /v2/models/NAME gives it."""
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": "onnx_onnxv1",
            "inputs": [_described(name, type) for name, type in self.inputs.items()],
            "outputs": [_described(name, type) for name, type in self.outputs.items()],
        }

    def classes(self, output: str, array: Array) -> tuple[str, ...]:
        """The names of the classes along the last axis of an output, where the file says them."""
        return tuple(map(str, self.deployed.class_names({output: array}).get(output, ())))

    def _too_large(self, need: int) -> Refusal:
        most = size_text(self.limits.max_memory)
        return bad("inputs", f"a run with these shapes takes {size_text(need)} of memory, and {most} are allowed")

    def _room(self, inputs: Mapping[str, Array]) -> Room:
        """What rows of these shapes take, found from runs of one and of two rows."""
        key = tuple(inputs[name].shape[1:] for name in self.inputs)
        if key not in self._rooms:
            if len(self._rooms) > 1000:
                self._rooms.clear()
            one, two = (
                self._need({name: (rows, *array.shape[1:]) for name, array in inputs.items()}) for rows in (1, 2)
            )
            self._rooms[key] = Room(2 * one - two, two - one)
        return self._rooms[key]

    def _need(self, shapes: Mapping[str, tuple[int, ...]]) -> int:
        fitting = Fitting()
        for name, shape in shapes.items():
            fitting.fit(name, self.inputs[name], shape, name)
        return self._footprint.bytes(fitting.sizes)

    def _batch(self) -> str | None:
        try:
            if self.limits.max_batch == 1:
                raise ValueError("--max-batch is 1")
            symbol = batch_symbol(self.inputs)
            require_independent_rows(self.deployed, symbol, self._footprint, self.deployed.ids)
        except ValueError as error:
            self.alone = str(error)
            return None
        return symbol

    def _require_served_types(self) -> None:
        for name, type in {**self.inputs, **self.outputs}.items():
            if type.dtype not in DATATYPES:
                raise Fault("E741", f"{name} is {type}, for which the protocol has no datatype")
            if type.dtype == "bfloat16":
                help = "let it take and give float32; the cast may be in the model"
                raise Fault("E741", f"{name} is {type}, which ONNX Runtime does not exchange with NumPy", help=help)


def _threads(limits: Limits) -> int:
    """The cores of a run: all of them, or a share where runs go on at the same time.

    The threads do not spin: they would take the cores from the loop that reads the next requests. A transformer of two
    layers answers 2650 requests a second so, and 1500 with spinning, on two busy cores with 64 clients.
    """
    return max(1, available_cores() // max(1, limits.workers))


def _described(name: str, type: TensorType) -> dict[str, Any]:
    shape = [dim if isinstance(dim, int) else -1 for dim in type.shape]
    return {"name": name, "datatype": DATATYPES[type.dtype], "shape": shape}
