"""Text from language models: step by step with what attention keeps, as from the whole sequence each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.compiler.generation import Choice, Generator

SPECS = Path(__file__).parents[2] / "specs"
SMALL: dict[str, dict[str, Any]] = {
    "gpt2": {"vocab": 60, "context": 16, "dim": 16, "heads": 2, "layers": 2},
    "llama": {"vocab": 60, "dim": 16, "heads": 4, "kv_heads": 2, "hidden": 24, "layers": 2},
}
WINDOW = """nnspec 1
model near {
  input tokens: int32[N, T]
  tokens -> embedding(60, 12) -> sinusoidal_position
  repeat 2 { attention(3, causal = true, window = 3, kv_heads = 1) -> tanh }
  output logits = dense(60)
}
"""


def spec_of(name: str) -> nnspec.Spec:
    return nnspec.loads(WINDOW) if name == "near" else nnspec.load(SPECS / f"{name}.nn", set=SMALL[name])


def weights_of(spec: nnspec.Spec) -> dict[str, np.ndarray[Any, Any]]:
    """Large enough that the scores differ."""
    random = np.random.default_rng(5)
    return {item.path: random.normal(0, 0.4, item.shape).astype(np.float32) for item in spec.parameters}


def from_the_whole(spec: nnspec.Spec, prompt: list[int], count: int, choice: Choice, limit: int | None) -> list[int]:
    """The same tokens without a cache: the model runs over all that it may see for each one."""
    model, random = nnspec.compile(spec, weights=weights_of(spec)), np.random.Generator(np.random.Philox(3))
    (tokens,) = (item.name for item in spec.inputs)
    text, start = list(prompt), max(len(prompt) - limit, 0) if limit else 0
    for _ in range(count):
        if limit and len(text) - start > limit:
            start = len(text) - limit // 2
        dtype = spec.inputs[0].dtype
        scores = model.run({tokens: np.array([text[start:]], dtype)})["logits"][0, -1]
        text.append(choice.draw(scores, random))
    return text[len(prompt) :]


@pytest.mark.parametrize("choice", [Choice(0), Choice(0.9, top_k=20), Choice(1.2, top_p=0.8)], ids=str)
@pytest.mark.parametrize(("name", "limit"), [("gpt2", 16), ("llama", None), ("near", None)])
def test_steps_give_the_tokens_of_the_whole_sequence(name: str, limit: int | None, choice: Choice) -> None:
    """Also beyond the places that a model has learned, where it goes on with the later half."""
    spec, prompt = spec_of(name), [7, 3, 59, 0, 12]
    found = list(Generator(spec, weights_of(spec)).tokens(prompt, 40, choice, seed=3))
    assert found == from_the_whole(spec, prompt, 40, choice, limit)
    assert len(set(found)) > 5 or choice.temperature == 0


def test_the_seed_decides() -> None:
    generator = Generator(spec_of("llama"), weights_of(spec_of("llama")))
    first, again, other = (list(generator.tokens([1], 30, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_prompt_longer_than_the_places() -> None:
    spec, choice = spec_of("gpt2"), Choice(0)
    prompt = [int(n) for n in np.random.default_rng(0).integers(0, 60, 40)]
    found = list(Generator(spec, weights_of(spec)).tokens(prompt, 12, choice, seed=3))
    assert found == from_the_whole(spec, prompt, 12, choice, 16)


def test_choices() -> None:
    random, scores = np.random.default_rng(0), np.log(np.array([0.1, 0.6, 0.05, 0.25]))
    assert {Choice(0).draw(scores, random) for _ in range(20)} == {1}
    assert {Choice(top_k=2).draw(scores, random) for _ in range(200)} == {1, 3}
    assert {Choice(top_p=0.59).draw(scores, random) for _ in range(200)} == {1}
    assert {Choice(top_p=0.7).draw(scores, random) for _ in range(200)} == {1, 3}
    counts = np.bincount([Choice().draw(scores, random) for _ in range(4000)], minlength=4) / 4000
    np.testing.assert_allclose(counts, np.exp(scores), atol=0.04)
    sharp = np.bincount([Choice(0.5).draw(scores, random) for _ in range(4000)], minlength=4) / 4000
    np.testing.assert_allclose(sharp, np.exp(2 * scores) / np.exp(2 * scores).sum(), atol=0.04)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("tokens -> embedding(9, 4)\n  attention(2)\n  output y = dense(9)", "no causal = true"),
        ("tokens -> embedding(9, 4)\n  output y = attention(2, mask = tokens != 0, causal = true)", "with a mask"),
        ("tokens -> embedding(9, 4)\n  output y = softmax(axis = 1)", "cannot be run step by step"),
        ("output y = tokens -> embedding(9, 4) -> mean(1)", "no output of scores"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_step_by_step(body: str, message: str) -> None:
    spec = nnspec.loads(f"nnspec 1\nmodel one {{\n  input tokens: int64[N, T]\n  {body}\n}}\n")
    with pytest.raises(nnspec.RunError, match=message) as caught:
        Generator(spec)
    assert caught.value.diagnostics[0].code == "E719"


def test_other_inputs_are_refused() -> None:
    for text in ("input x: float32[N, 3]", "input x: int64[N, 5]"):
        spec = nnspec.loads(f"nnspec 1\nmodel one {{\n  {text}\n  output y = identity\n}}\n")
        with pytest.raises(nnspec.RunError, match="E719"):
            Generator(spec)


def test_text_comes_in_whole_characters() -> None:
    spec = nnspec.load(SPECS / "gpt2.nn", set={**SMALL["gpt2"], "vocab": 256})
    pieces = list(Generator(spec, weights_of(spec)).text("Öl", 60, Choice(1.5), seed=1))
    assert all(pieces) and "".join(pieces).encode("utf-8")
    with pytest.raises(nnspec.RunError, match="the tokens 0 to 59"):
        Generator(spec_of("gpt2")).text("Öl", 3)
