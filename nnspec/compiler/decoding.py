"""A language model that is run step by step: each run takes new tokens, and keys and values of those before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.compiler.lowering import Library, lower_model
from nnspec.diagnostics.errors import Fault
from nnspec.graph import onnx_file
from nnspec.graph.caches import CACHED, STEPS, Caches, present_name
from nnspec.graph.graph import Graph, numpy_dtype
from nnspec.graph.passes import optimized
from nnspec.ir.spec import Output, Spec, Value
from nnspec.runtime.session import Session

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-4
"""Of the largest score: how far a score of a step may be from that of the whole sequence."""


class Decoder:
    """Scores of what follows, step by step. The state is that of one sequence."""

    def __init__(self, spec: Spec, library: Library, weights: Mapping[str, Array], *, threads: int = 1) -> None:
        """Raises E719 where the spec is no language model, or its layers look at what comes later."""
        self.tokens, output = _signature(spec)
        self.vocabulary = int(output.shape[2])  # type: ignore[arg-type]
        self.limit = _places(spec)
        """How many tokens a sequence may have; None for any number."""
        graph = graph_of_steps(spec, library, self.tokens, output)
        self._empty = {
            value.name: np.zeros([_first(dim) for dim in value.shape], numpy_dtype(value.dtype))
            for value in graph.inputs
            if CACHED in value.shape
        }
        beside: dict[str, Array] = {}
        model = onnx_file.to_model(graph, weights, beside=beside)
        self._session = Session(onnx_file.to_bytes(model), threads=threads, beside=beside)
        self._scores = output.name
        self.reset()
        self._verify(spec, library, weights, output)

    def reset(self) -> None:
        """Begin a new sequence."""
        self._steps = 0
        self._past = dict(self._empty)

    def scores(self, tokens: Array) -> Array:
        """The scores [T, vocabulary] of what follows each of the next tokens [T]."""
        feeds = {self.tokens.name: tokens[None].astype(numpy_dtype(self.tokens.dtype)), **self._past}
        feeds[STEPS] = np.array(self._steps, np.int64)
        found = self._session.run({name: feeds[name] for name in self._session.inputs})
        self._past = {name: found[present_name(name)] for name in self._past}
        self._steps += len(tokens)
        scores: Array = found[self._scores][0]
        return scores

    def _verify(self, spec: Spec, library: Library, weights: Mapping[str, Array], output: Value) -> None:
        """Hold steps of one and of several tokens against the whole sequence at once."""
        random = np.random.Generator(np.random.Philox(key=7))
        tokens = random.integers(0, self.vocabulary, min(6, self.limit or 6))
        g = Graph(spec.name)
        g.output("scores", lower_model(spec, library, g)[output.name])
        beside: dict[str, Array] = {}
        model = onnx_file.to_model(optimized(g), weights, beside=beside)
        whole = Session(onnx_file.to_bytes(model), beside=beside)
        given = {self.tokens.name: tokens[None].astype(numpy_dtype(self.tokens.dtype))}
        wanted = whole.run(given)["scores"][0]
        parts = [self.scores(part) for part in (tokens[:3], *tokens[3:, None]) if len(part)]
        self.reset()
        if not np.allclose(np.concatenate(parts), wanted, rtol=0, atol=TOLERANCE * float(np.abs(wanted).max() or 1)):
            raise Fault(
                "E719",
                f"{spec.name} cannot be run step by step: what it says of a token depends on those that follow, or on "
                "more than attention keeps",
                help="besides causal attention, no layer may look along the sequence",
            )


def _signature(spec: Spec) -> tuple[Value, Value]:
    """The one input of tokens, and the output that scores what follows."""
    named: dict[str, Output] = {item.value: item for item in spec.outputs}
    tokens = [item for item in spec.inputs if len(item.shape) == 2 and item.dtype in ("int64", "int32")]
    if len(spec.inputs) != 1 or not tokens:
        raise Fault("E719", f"{spec.name} does not read one sequence of tokens, int64[N, T]")
    if isinstance(tokens[0].shape[1], int):
        raise Fault(
            "E719",
            f"{tokens[0].name} of {spec.name} has always {tokens[0].shape[1]} tokens",
            help=f"input {tokens[0].name}: int64[N, T]",
        )
    scores = [item for item in spec.values if item.name in named and _scores(item, tokens[0])]
    if not scores:
        raise Fault("E719", f"{spec.name} has no output of scores, float32[N, T, vocabulary]")
    return tokens[0], scores[0]


def _scores(value: Value, tokens: Value) -> bool:
    return len(value.shape) == 3 and value.shape[:2] == tokens.shape and isinstance(value.shape[2], int)


def _places(spec: Spec) -> int | None:
    counts = [int(node.options["count"]) for node in spec.nodes if node.component == "learned_position"]
    return min(counts, default=None)


def graph_of_steps(spec: Spec, library: Library, tokens: Value, output: Value, opset: int = 21) -> Graph:
    """The model as it is run step by step: inputs `past/…` beside the tokens, outputs `present/…` beside the scores."""
    g = Graph(f"{spec.name}_steps", opset=opset, deployed=True)
    g.caches = Caches(g)
    g.output(output.name, lower_model(spec, library, g)[output.name])
    for name, whole in g.caches.grown.items():
        g.output(present_name(name), whole)
    return optimized(g)


def _first(dim: Any) -> int:
    """A size before the first step, of one sequence."""
    return dim if isinstance(dim, int) else 0 if dim == CACHED else 1
