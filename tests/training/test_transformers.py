"""Transformers as users write them: they learn, and the specs that come along have the sizes of their papers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from soak import SOAK

import nnspec

ROOT = Path(__file__).parents[2]
Batch = dict[str, np.ndarray[Any, Any]]


@pytest.mark.parametrize("seed", [1, 2, 3] if SOAK else [1])
def test_char_gpt_reaches_a_perplexity_below_16(seed: int) -> None:
    """13.9, 12.9, 13.3 and 13.3 with the seeds 7, 1, 2 and 3."""
    trainer = nnspec.Trainer(nnspec.load(ROOT / "tests" / "acceptance" / "char_gpt.nn"), seed=seed)
    best = trainer.fit().best
    assert best and best["validation.perplexity"] < 16


@pytest.mark.parametrize("seed", [1, 2, 3] if SOAK else [1])
def test_an_encoder_with_a_decoder_learns_to_sort(seed: int) -> None:
    """1200 strings that nobody has seen: at least 99 of 100 are right as a whole, told from the right digits so far and
    from those that it told itself. Less of the run than the spec says, but in the long campaigns."""
    trainer = nnspec.Trainer(nnspec.load(ROOT / "specs" / "sort.nn"), seed=seed)
    trainer.fit(epochs=None if SOAK else 6)
    test = trainer.rows("test")
    assert test.rows == 1200
    rows = test.batch(np.arange(test.rows))
    digits, answer = rows["digits"], rows["answer"]
    taught = trainer.predict({"digits": digits, "given": rows["given"]})["logits"].argmax(-1)
    assert ((taught == answer) | (answer == 0)).all(1).mean() >= 0.99
    told = rows["given"][:, :1]  # where an answer begins
    for _ in range(answer.shape[1]):
        logits = trainer.predict({"digits": digits, "given": told})["logits"]
        told = np.concatenate([told, logits[:, -1:].argmax(-1)], 1)
    assert ((told[:, 1:] == answer) | (answer == 0)).all(1).mean() >= 0.99


def parameters(spec: nnspec.Spec) -> int:
    return sum(int(np.prod(item.shape)) for item in spec.parameters)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("gpt2", 124_439_808),  # OpenAI's small one
        ("bert_base", 109_482_240),  # with the pooler
        ("llama", 1_100_048_384),  # TinyLlama
        ("vit", 86_567_656),  # torchvision's vit_b_16
    ],
)
def test_specs_have_as_many_parameters_as_their_models(name: str, count: int) -> None:
    assert parameters(nnspec.load(ROOT / "specs" / f"{name}.nn")) == count


SMALL: dict[str, dict[str, Any]] = {
    "gpt2": {"vocab": 40, "context": 12, "dim": 16, "heads": 2, "layers": 2},
    "bert_base": {"vocab": 40, "context": 12, "dim": 16, "heads": 2, "layers": 2},
    "llama": {"vocab": 40, "dim": 16, "heads": 4, "kv_heads": 2, "hidden": 24, "layers": 2},
    "vit": {"size": 8, "patch": 4, "dim": 16, "heads": 2, "layers": 2, "classes": 5},
}


@pytest.mark.parametrize("name", SMALL)
def test_small_configurations_compile_at_every_length(name: str) -> None:
    model = nnspec.compile(nnspec.load(ROOT / "specs" / f"{name}.nn", set=SMALL[name]))
    random = np.random.default_rng(0)
    for rows, length in ((1, 1), (2, 7), (3, 12)):
        inputs = {
            "tokens": random.integers(1, 40, (rows, length)),
            "segments": random.integers(0, 2, (rows, length)),
            "image": random.normal(size=(rows, 3, 8, 8)).astype(np.float32),
        }
        found = model.run({item.name: inputs[item.name] for item in model.spec.inputs})
        assert all(np.isfinite(array).all() and len(array) == rows for array in found.values())


def test_what_follows_does_not_change_what_was_said() -> None:
    """Of a causal model; and a prefix alone gives what it gives as part of the whole."""
    for name in ("gpt2", "llama"):
        model = nnspec.compile(nnspec.load(ROOT / "specs" / f"{name}.nn", set=SMALL[name]))
        tokens = np.random.default_rng(1).integers(0, 40, (2, 9))
        other = np.concatenate([tokens[:, :5], (tokens[:, 5:] + 1) % 40], 1)
        whole, changed, prefix = (model.run({"tokens": x})["logits"] for x in (tokens, other, tokens[:, :5]))
        np.testing.assert_allclose(changed[:, :5], whole[:, :5], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(prefix, whole[:, :5], rtol=1e-5, atol=1e-6)


def test_padding_does_not_change_what_is_said_of_the_rest() -> None:
    model = nnspec.compile(nnspec.load(ROOT / "specs" / "bert_base.nn", set=SMALL["bert_base"]))
    tokens = np.random.default_rng(1).integers(1, 40, (2, 9))
    padded = np.concatenate([tokens, np.zeros((2, 3), np.int64)], 1)
    alone, beside = (model.run({"tokens": x, "segments": np.zeros_like(x)})["hidden"] for x in (tokens, padded))
    np.testing.assert_allclose(beside[:, :9], alone, rtol=1e-5, atol=1e-6)


def test_gpt2_trains_in_small() -> None:
    trainer = nnspec.Trainer(nnspec.load(ROOT / "specs" / "gpt2.nn", set=SMALL["gpt2"] | {"recompute": True}), seed=2)
    history = trainer.fit(epochs=4)
    assert history.epochs[-1]["train.loss"] < history.epochs[0]["train.loss"]


def test_a_sequence_longer_than_the_places_is_refused() -> None:
    spec = nnspec.load(ROOT / "specs" / "gpt2.nn", set=SMALL["gpt2"])
    tokens = np.zeros((1, 13), np.int64)
    with pytest.raises(nnspec.SpecError, match="12 places"):
        nnspec.loads("""nnspec 1
model one {
  input x: float32[N, 13, 4]
  output y = learned_position(12)
}
""")
    with pytest.raises(nnspec.RunError, match="12 places, got a sequence of 13"):
        nnspec.Trainer(spec).step({"tokens": tokens, "following": tokens})
    with pytest.raises(nnspec.RunError, match="12 places, got a sequence of 13"):
        nnspec.compile(spec).run({"tokens": tokens})
