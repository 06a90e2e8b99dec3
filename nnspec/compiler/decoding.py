"""A language model that is run step by step: each run takes new tokens, and keys and values of those before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.data.slots import embedded_ids
from nnspec.diagnostics.errors import Fault
from nnspec.graph import onnx_file
from nnspec.graph.caches import STEPS, is_cache, present_name
from nnspec.graph.graph import numpy_dtype
from nnspec.ir.dims import Dim
from nnspec.ir.spec import Output, Spec, Value
from nnspec.ir.types import TensorType
from nnspec.runtime.session import Session

Array = np.ndarray[Any, Any]
KEY = "nnspec.decode"
"""The entry of the metadata of such a model."""


class Steps(NamedTuple):
    """What a model file says about being run step by step."""

    tokens: str
    """The input of the new tokens, [N, T]."""
    scores: str
    """The output that scores what follows each of them, [N, T, vocabulary]."""
    vocabulary: int
    """How many tokens there are: as many as have a score, and as the embedding has ids."""
    places: int | None = None
    """How many tokens a sequence may have; None for any number."""

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Steps | None:
        """What the metadata of a file says; None where that is nothing of this kind."""
        try:
            return cls(**json.loads(said[KEY]))
        except (KeyError, ValueError, TypeError):
            return None

    @property
    def metadata(self) -> dict[str, str]:
        return {KEY: json.dumps(self._asdict())}


def steps_of(spec: Spec) -> Steps:
    """How a spec is run step by step. Raises E719 where it is no language model."""
    named: dict[str, Output] = {item.value: item for item in spec.outputs}
    tokens = [item for item in spec.inputs if len(item.shape) == 2 and item.dtype in ("int64", "int32")]
    if len(spec.inputs) != 1 or not tokens:
        takes = ", ".join(f"{item.name}: {item.type}" for item in spec.inputs)
        raise Fault("E719", f"{spec.name} does not read one sequence of tokens, int64[N, T], but {takes}")
    if isinstance(tokens[0].shape[1], int):
        raise Fault(
            "E719",
            f"{tokens[0].name} of {spec.name} has always {tokens[0].shape[1]} tokens",
            help=f"input {tokens[0].name}: {tokens[0].dtype}[N, T]",
        )
    scores = [item for item in spec.values if item.name in named and _scores(item, tokens[0])]
    if not scores:
        raise Fault("E719", f"{spec.name} has no output of scores, float32[N, T, vocabulary]")
    counts = [int(node.options["count"]) for node in spec.nodes if node.component == "learned_position"]
    known = int(scores[0].shape[2])  # type: ignore[arg-type]
    vocabulary = min(known, embedded_ids(spec).get(tokens[0].name, known))
    return Steps(tokens[0].name, named[scores[0].name].name, vocabulary, min(counts, default=None))


def _scores(value: Value, tokens: Value) -> bool:
    return len(value.shape) == 3 and value.shape[:2] == tokens.shape and isinstance(value.shape[2], int)


class Decoder:
    """Scores of what follows, step by step. The state is that of one sequence, or of several of one length."""

    def __init__(
        self, model: Any, *, threads: int = 1, rows: int = 1, beside: Mapping[str, Array] | None = None
    ) -> None:
        """`model` is a ModelProto that `compile_decoder` made, with the tensors `beside` it. Raises E719 for
        another."""
        steps = Steps.of(onnx_file.metadata(model))
        if steps is None:
            raise Fault(
                "E719", "the model file has no cache to be run step by step", help="nnspec compile --decode writes one"
            )
        self.steps = steps
        types = onnx_file.signature(model)
        self._dtype = numpy_dtype(types[steps.tokens].dtype)
        self._empty = empty_caches(types, rows)
        self._session = Session(onnx_file.to_bytes(model), threads=threads, beside=beside)
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence."""
        self._done = 0
        self._past = dict(self._empty)

    def feeds(self, tokens: Array) -> dict[str, Array]:
        """The inputs of the next run, for the next tokens [N, T]."""
        given = {self.steps.tokens: tokens.astype(self._dtype), STEPS: np.array(self._done, np.int64), **self._past}
        return {name: given[name] for name in self._session.inputs}

    def scores(self, tokens: Array) -> Array:
        """The scores [N, T, vocabulary] of what follows each of the next tokens [N, T]."""
        found = self._session.run(self.feeds(tokens))
        self._past = {name: found[present_name(name)] for name in self._past}
        self._done += tokens.shape[1]
        scores: Array = found[self.steps.scores]
        return scores


def empty_caches(types: Mapping[str, TensorType], rows: int = 1) -> dict[str, Array]:
    """The inputs `past/…` before the first run."""

    def size(axis: int, dim: Dim) -> int:
        return rows if axis == 0 else dim if isinstance(dim, int) else 0

    return {
        name: np.zeros([size(axis, dim) for axis, dim in enumerate(type.shape)], numpy_dtype(type.dtype))
        for name, type in types.items()
        if is_cache(name)
    }
