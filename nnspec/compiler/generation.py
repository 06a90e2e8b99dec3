"""Text from a language model: what comes next is drawn from its scores, token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.decoding import Decoder
from nnspec.compiler.initial import initial_values
from nnspec.compiler.weights import Source, fitting_weights
from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import numpy_dtype
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.runtime.edge import run_errors

Array = np.ndarray[Any, Any]
BYTES = 256


class Choice(NamedTuple):
    """How a token is drawn from the scores."""

    temperature: float = 1.0
    """The scores are divided by it; 0 takes the greatest."""
    top_k: int | None = None
    """Only so many of the most likely."""
    top_p: float | None = None
    """Only the most likely that together have this probability. Holtzman et al., 2019."""

    def draw(self, scores: Array, random: np.random.Generator) -> int:
        if self.temperature == 0:
            return int(scores.argmax())
        order = np.argsort(-scores, kind="stable")[: self.top_k]
        weights = np.exp((scores[order] - scores[order[0]]).astype(np.float64) / self.temperature)
        likely = weights / weights.sum()
        if self.top_p is not None:
            likely = np.where(np.cumsum(likely) - likely < self.top_p, likely, 0)
        bound = np.cumsum(likely)
        return int(order[min(np.searchsorted(bound, random.random() * bound[-1], "right"), np.flatnonzero(likely)[-1])])


class Generator:
    """A language model over bytes that goes on with a text."""

    @run_errors()
    def __init__(self, spec: Spec, weights: Source | None = None, *, threads: int = 1) -> None:
        """Raises a RunError: E702 for weights that do not fit, E719 for a spec that is no language model."""
        library = registries()
        seed = spec.train.seed if spec.train else 0
        given = fitting_weights(spec, initial_values(spec, library, seed) if weights is None else weights)
        arrays = {
            item.path: np.asarray(given.arrays[item.path]).astype(numpy_dtype(item.dtype), copy=False)
            for item in spec.parameters
        }
        self._decoder = Decoder(spec, library, arrays, threads=threads)

    def tokens(self, prompt: Sequence[int], count: int, choice: Choice | None = None, seed: int = 0) -> Iterator[int]:
        """The `count` tokens that follow the prompt.

        A sequence that is as long as the model has places goes on with its later half alone.
        """
        decoder, random = self._decoder, np.random.Generator(np.random.Philox(seed))
        chosen, usable = choice or Choice(), min(decoder.vocabulary, BYTES)
        text = list(prompt)
        new = np.array(text[-decoder.limit :] if decoder.limit else text)
        decoder.reset()
        held = 0
        for _ in range(count):
            if decoder.limit and held + len(new) > decoder.limit:
                decoder.reset()
                new, held = np.array(text[-max(decoder.limit // 2, 1) :]), 0
            scores = decoder.scores(new)[-1, :usable]
            held += len(new)
            text.append(chosen.draw(scores, random))
            new = np.array(text[-1:])
            yield text[-1]

    @run_errors()
    def text(self, prompt: str, count: int, choice: Choice | None = None, seed: int = 0) -> Iterator[str]:
        """Pieces of the text that follows, each when it is known: whole characters, and U+FFFD for bytes that are
        none."""
        from codecs import getincrementaldecoder

        given = (prompt or "\n").encode()
        if max(given) >= self._decoder.vocabulary:
            raise Fault(
                "E719", f"the model knows the tokens 0 to {self._decoder.vocabulary - 1}, not all of the prompt"
            )
        reader = getincrementaldecoder("utf-8")("replace")
        return self._pieces(given, count, choice, seed, reader)

    def _pieces(self, given: bytes, count: int, choice: Choice | None, seed: int, reader: Any) -> Iterator[str]:
        for token in self.tokens(given, count, choice, seed):
            if piece := reader.decode(bytes([token])):
                yield piece
        if rest := reader.decode(b"", final=True):
            yield rest
