"""A model file as it was deployed: what it takes, what it says about itself, and how to run it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.compiler.answers import How, answers
from nnspec.compiler.foreign import read_model
from nnspec.data.images.formats import Resizing
from nnspec.data.images.given import recorded
from nnspec.data.io import Inputs, Meaning, Text
from nnspec.data.reading.sequence import Batch
from nnspec.graph import onnx_file
from nnspec.ir.types import TensorType
from nnspec.runtime.session import Brake, Session, available_cores

Array = np.ndarray[Any, Any]


class Deployed:
    """An ONNX model. Raises E705 where it is none, or where ONNX Runtime refuses it."""

    def __init__(
        self,
        model: Any,
        *,
        threads: int | None = None,
        spinning: bool = True,
        beside: Mapping[str, Array] | None = None,
    ) -> None:
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
        """The classes of each label target, and the vocabulary or tokenizer of each input of text."""
        if tokenizer := said.get("nnspec.tokenizer.json"):
            self.classes |= dict.fromkeys(
                map(str, _object(said.get("nnspec.tokenizer")).get("inputs", [])), (tokenizer,)
            )
        self.texts: dict[str, Text] = {
            name: Text(str(parts), self.classes[name])
            for name, parts in _object(said.get("nnspec.text")).items()
            if name in self.classes
        }
        """How the text of an input became numbers in training."""
        self.results: dict[str, TensorType] = onnx_file.results(model)
        """The outputs by name."""
        self.pixels: tuple[str, ...] | None = _names(said.get("nnspec.pixels"))
        """The inputs that numbers from 0 to 255 fed in training; None where nothing is known."""
        content, cores = onnx_file.to_bytes(model), threads or available_cores()
        self._session = Session(content, threads=cores, spinning=spinning, beside=beside)
        self.outputs: tuple[str, ...] = self._session.outputs
        """The names of the outputs."""

    @classmethod
    def load(cls, path: str | Path) -> Deployed:
        """The model in a file."""
        beside: dict[str, Array] = {}
        return cls(read_model(path, beside), beside=beside)

    @property
    def meaning(self) -> Meaning:
        """What the file says about its inputs."""
        return Meaning(self.columns, self.ids, self.images, self.texts, self.pixels)

    def run(self, inputs: Mapping[str, Array], brake: Brake | None = None) -> dict[str, Array]:
        """The outputs for a batch. Raises Stopped where `brake` ends it."""
        return self._session.run(inputs, brake=brake)

    def over(self, inputs: Inputs, how: How | None = None) -> Iterator[tuple[Batch, dict[str, Array]]]:
        """The outputs for rows of any number, a batch at a time; see `answers`."""
        return answers(self.run, self.inputs, inputs, how or How(cores=available_cores()))

    def class_names(self, outputs: Mapping[str, Array]) -> dict[str, Sequence[Any]]:
        """The classes along the last axis of each output, where one target alone has as many."""
        found: dict[str, Sequence[Any]] = {}
        for name, array in outputs.items():
            fitting = [
                c
                for of, c in self.classes.items()
                if of not in self.inputs and array.ndim > 1 and len(c) == array.shape[-1]
            ]
            if len(fitting) == 1:
                found[name] = fitting[0]
        return found


def _names(text: str | None) -> tuple[str, ...] | None:
    found = _object(f'{{"names": {text}}}' if text else None).get("names")
    return tuple(map(str, found)) if isinstance(found, list) else None


def _named_lists(text: str | None) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(found) for name, found in _object(text).items() if isinstance(found, list)}


def _object(text: str | None) -> dict[str, Any]:
    """A JSON object; a file from elsewhere may hold anything, and then says nothing."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
