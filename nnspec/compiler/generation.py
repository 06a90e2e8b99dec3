"""Text from a language model: what comes next is drawn from its scores, token by token."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.decoder_export import CompiledDecoder, compile_decoder
from nnspec.compiler.decoding import Decoder
from nnspec.compiler.foreign import read_model
from nnspec.compiler.weights import Source
from nnspec.data.coding import Coding, coding
from nnspec.data.slots import TOKENIZER
from nnspec.data.tokenizer import read_tokenizer
from nnspec.diagnostics.errors import Fault, NnspecError
from nnspec.graph import onnx_file
from nnspec.ir.spec import Spec
from nnspec.runtime.edge import run_errors
from nnspec.runtime.session import available_cores

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


NATIVE = 23
"""The opset of ONNX's own attention: 43 us for a token of char_gpt in the place of 60."""


class Generator:
    """A language model that goes on with a text: a spec with weights, or a file that `compile --decode` wrote."""

    @run_errors()
    def __init__(
        self,
        spec: Spec | str | Path,
        weights: Source | None = None,
        *,
        tokenizer: str | Path | None = None,
        threads: int | None = None,
    ) -> None:
        """`spec` may be the path of a model file; `tokenizer` is a tokenizer.json, where neither the run nor the spec
        has one. Raises a RunError: E702 for weights that do not fit, E719 for a model that writes no text."""
        self._tokenizer = tokenizer
        beside: dict[str, Array] = {}
        if isinstance(spec, Spec):
            compiled = _compiled(spec, weights)
            model, beside = compiled.onnx, dict(compiled.beside)
        else:
            model = read_model(spec, beside)
        self._said = onnx_file.metadata(model)
        self._decoder = Decoder(model, threads=threads or available_cores(), beside=beside)

    def tokens(
        self,
        prompt: Sequence[int],
        count: int,
        choice: Choice | None = None,
        seed: int = 0,
        *,
        within: tuple[int, int] | None = None,
    ) -> Iterator[int]:
        """The `count` tokens that follow the prompt, of those from one to below another.

        A sequence that is as long as the model has places goes on with its later half alone.
        """
        decoder, random = self._decoder, np.random.Generator(np.random.Philox(seed))
        first, end = within or (0, decoder.steps.vocabulary)
        chosen, limit, text = choice or Choice(), decoder.steps.places, list(prompt)
        new = np.array(text[-limit:] if limit else text)
        decoder.reset()
        held = 0
        for _ in range(count):
            if limit and held + len(new) > limit:
                decoder.reset()
                new, held = np.array(text[-max(limit // 2, 1) :]), 0
            scores = decoder.scores(new[None])[0, -1, first:end]
            held += len(new)
            text.append(first + chosen.draw(scores, random))
            new = np.array(text[-1:])
            yield text[-1]

    @run_errors()
    def text(
        self, prompt: str, count: int, choice: Choice | None = None, seed: int = 0, stop: str | None = None
    ) -> Iterator[str]:
        """Pieces of the text that follows, each when it is known: whole characters, and U+FFFD for bytes that are
        none. It ends before `stop`, where that comes up."""
        own, vocabulary = self._coding(), self._decoder.steps.vocabulary
        given = own.begin(prompt)
        if max(given) >= vocabulary:
            raise Fault("E719", f"the model knows the tokens 0 to {vocabulary - 1}, not all of the prompt")
        ids = self.tokens(given, count, choice, seed, within=(own.first, min(vocabulary, own.size)))
        pieces = _pieces(own, given, ids)
        return _until(stop, pieces) if stop else pieces

    def stream(
        self,
        prompt: str,
        tokens: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        stop: str | None = None,
    ) -> Iterator[str]:
        """Pieces of the text that follows the prompt, as `nnspec generate` writes them."""
        choice = Choice(temperature, top_k, top_p)
        if not 0 <= temperature < float("inf") or (top_k is not None and top_k < 1) or tokens < 1:
            raise ValueError("temperature is at least 0, top_k and tokens are at least 1")
        if top_p is not None and not 0 < top_p <= 1:
            raise ValueError("top_p is above 0 and at most 1")
        return self.text(prompt, tokens, choice, seed, stop)

    def write(self, prompt: str, tokens: int = 200, **choice: Any) -> str:
        """The text that follows the prompt; the options are those of `stream`."""
        return "".join(self.stream(prompt, tokens, **choice))

    def _coding(self) -> Coding:
        """What the ids stand for: by the tokenizer given, or as the model file says it."""
        tokens, vocabulary = self._decoder.steps.tokens, self._decoder.steps.vocabulary
        kind = _said(self._said, "nnspec.text").get(tokens, "")
        if self._tokenizer is not None:
            own = coding(TOKENIZER, [read_tokenizer(Path(), str(self._tokenizer))], marked=True)
        elif kind == TOKENIZER and "nnspec.tokenizer.json" in self._said:
            marked = bool(_said(self._said, "nnspec.tokenizer").get("marks"))
            own = coding(kind, [self._said["nnspec.tokenizer.json"]], marked)
        elif kind == TOKENIZER or (not kind and vocabulary > BYTES):
            raise Fault(
                "E719",
                f"nothing says which text the {vocabulary} tokens of the model stand for",
                help="--tokenizer tokenizer.json, or the weights of a run that was trained with one",
            )
        elif kind and tokens not in _said(self._said, "nnspec.classes"):
            raise Fault(
                "E719",
                f"which {kind} the numbers of {tokens} stand for, the run alone knows that learned them",
                help="give that run as the weights",
            )
        else:
            own = coding(kind or "bytes", _said(self._said, "nnspec.classes").get(tokens, ()))
        if own.noun != "bytes" and own.size > vocabulary:
            raise Fault(
                "E719", f"there are {own.size} {own.noun}, and the model knows {vocabulary}: they are those of another"
            )
        return own


def _compiled(spec: Spec, weights: Source | None) -> CompiledDecoder:
    """The model with ONNX's own attention, or in parts where this ONNX Runtime does not have it, or not right."""
    try:
        return compile_decoder(spec, weights, opset=NATIVE)
    except NnspecError:
        return compile_decoder(spec, weights)


def _said(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    """An object of the metadata; a file from elsewhere may hold anything, and then says nothing."""
    try:
        found = json.loads(metadata.get(key, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _pieces(own: Coding, given: Sequence[int], ids: Iterator[int]) -> Iterator[str]:
    reader = own.reader(given)
    for id in ids:
        if piece := reader.push(id):
            yield piece
    if rest := reader.end():
        yield rest


def _until(stop: str, pieces: Iterator[str]) -> Iterator[str]:
    """The pieces before `stop`; what may be its beginning waits for what follows."""
    held = ""
    for piece in pieces:
        held += piece
        before, found, _ = held.partition(stop)
        if found:
            if before:
                yield before
            return
        free = len(held) - len(stop) + 1
        if free > 0:
            yield held[:free]
            held = held[free:]
    if held:
        yield held
