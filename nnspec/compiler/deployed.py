"""A model file as it was deployed: what it takes, what it says about itself, and how to run it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.data.ahead import reading
from nnspec.data.images.formats import Resizing
from nnspec.data.images.given import recorded
from nnspec.data.io import Text
from nnspec.data.rows import Dataset
from nnspec.diagnostics.errors import Fault
from nnspec.graph import onnx_file
from nnspec.graph.graph import GraphError
from nnspec.ir.types import TensorType
from nnspec.runtime.session import Brake, Session, available_cores

Array = np.ndarray[Any, Any]

BATCH = 64
"""Images that are in memory at once."""


class Deployed:
    """An ONNX model. Raises E705 where it is none, or where ONNX Runtime refuses it."""

    def __init__(self, model: Any, *, threads: int | None = None) -> None:
        said = onnx_file.metadata(model)
        self.metadata: dict[str, str] = said
        self.inputs: dict[str, TensorType] = onnx_file.signature(model)
        """The inputs by name."""
        self.columns: dict[str, tuple[str, ...]] = _named_lists(said.get("nnspec.feeds"))
        """The columns that fed each input in training."""
        self.ids: dict[str, int] = {
            name: found for name, found in _object(said.get("nnspec.ids")).items() if isinstance(found, int)
        }
        """How many ids the embedding has that reads an input."""
        self.images: dict[str, Resizing] = {
            name: found for name, said in _object(said.get("nnspec.images")).items() if (found := recorded(said))
        }
        """How the images of an input came to one size in training."""
        self.classes: dict[str, tuple[Any, ...]] = _named_lists(said.get("nnspec.classes"))
        """The classes of each label target, and the vocabulary of each input of text."""
        self.texts: dict[str, Text] = {
            name: Text(str(parts), self.classes[name])
            for name, parts in _object(said.get("nnspec.text")).items()
            if name in self.classes
        }
        """How the text of an input became numbers in training."""
        self.results: dict[str, TensorType] = onnx_file.results(model)
        """The outputs by name."""
        self._session = Session(onnx_file.to_bytes(model), threads=threads or available_cores())
        self.outputs: tuple[str, ...] = self._session.outputs
        """The names of the outputs."""

    @classmethod
    def load(cls, path: str | Path) -> Deployed:
        """The model in a file."""
        return cls(read_model(path))

    def run(self, inputs: Mapping[str, Array], brake: Brake | None = None) -> dict[str, Array]:
        """The outputs for a batch. Raises Stopped where `brake` ends it."""
        return self._session.run(inputs, brake=brake)

    def over(self, rows: Dataset) -> dict[str, Array]:
        """The outputs for rows of any number: those that are not in memory batch by batch, where every output has a row
        for each."""
        if not rows.late or rows.rows <= BATCH:
            return self.run(rows.batch(np.arange(rows.rows)) if rows.late else rows.arrays)
        starts = range(0, rows.rows, BATCH)
        found: list[dict[str, Array]] = []
        with reading(rows, (np.arange(s, min(s + BATCH, rows.rows)) for s in starts), available_cores()) as batches:
            for arrays, places in batches:
                found.append(self.run({name: array[places] for name, array in arrays.items()}))
                if any(not array.ndim or len(array) != len(places) for array in found[-1].values()):
                    return self.run(rows.batch(np.arange(rows.rows)))
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}

    def class_names(self, outputs: Mapping[str, Array]) -> dict[str, Sequence[Any]]:
        """The classes along the last axis of each output, where one target alone has as many."""
        found: dict[str, Sequence[Any]] = {}
        for name, array in outputs.items():
            fitting = [
                c
                for of, c in self.classes.items()
                if of not in self.texts and array.ndim > 1 and len(c) == array.shape[-1]
            ]
            if len(fitting) == 1:
                found[name] = fitting[0]
        return found


def read_model(path: str | Path) -> Any:
    """The ModelProto in a file. Raises E707 where there is none, E705 where it holds something else."""
    if not Path(path).is_file():
        raise Fault("E707", f"there is no file {path}")
    try:
        return onnx_file.load(path)
    except (GraphError, OSError) as error:
        raise Fault("E705", str(error)) from error


def _named_lists(text: str | None) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(found) for name, found in _object(text).items() if isinstance(found, list)}


def _object(text: str | None) -> dict[str, Any]:
    """A JSON object; a file from elsewhere may hold anything, and then says nothing."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
