"""What int8 and float16 cost networks that have learned: within a point, at 0.3 and 0.5 of the bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.compiler.export import CompiledModel, compile_model
from nnspec.graph.external_data import size_of
from nnspec.training.measured import drop, measure, watched_values

ACCEPTANCE = Path(__file__).parents[1] / "acceptance"
SOAK = os.environ.get("NNSPEC_SOAK") == "1"
STEPS = {"digits_cnn": None, "digits_resnet": None, "char_gpt": None if SOAK else 60}
"""As written; the language model is worse than it can be after the first ones, and loses as little."""


def bytes_of(model: CompiledModel) -> int:
    return sum(map(size_of, model.onnx.graph.initializer))


@pytest.mark.parametrize("name", STEPS)
def test_a_point_at_most(name: str) -> None:
    spec = nnspec.load(ACCEPTANCE / f"{name}.nn")
    trainer = nnspec.Trainer(spec, seed=1)
    trainer.fit(**({"steps": STEPS[name]} if STEPS[name] else {}))  # type: ignore[arg-type]
    weights, rows, seen = trainer.parameters, trainer.rows("validation"), trainer.rows("train")
    inputs = [item.name for item in spec.inputs]
    some: dict[str, Any] = {name: rows.batch(np.arange(min(64, rows.rows)))[name] for name in inputs}
    calibration = {name: seen.batch(np.arange(512) * seen.rows // 512)[name] for name in inputs}
    plain, before = compile_model(spec, weights), trainer.evaluate(rows)
    wanted = plain.run(some)
    for options, size in (
        ({"quantize": "int8", "calibration": calibration}, 0.3),
        ({"precision": "float16"}, 0.501),
    ):
        small = compile_model(spec, weights, watched=watched_values(spec), **options)  # type: ignore[arg-type]
        assert bytes_of(small) < size * bytes_of(plain)
        found = drop(spec, before, measure(small, rows))
        assert found.worse <= 0.01  # of an accuracy a point, of a perplexity a hundredth
        if "precision" in options:
            for output, array in small.run(some).items():
                assert np.abs(array - wanted[output]).max() < 0.01 * np.abs(wanted[output]).max()
