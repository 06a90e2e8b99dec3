"""Every spec compiles in old and new opsets, and ONNX Runtime and the reference evaluator compute the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

import nnspec
from nnspec.compiler.golden import random_rows

ROOT = Path(__file__).parents[2]
TINY: dict[str, Any] = {"dim": 32, "heads": 2, "layers": 2}
SMALL: dict[str, dict[str, Any]] = {
    "resnet18": {"size": 32, "width": 8, "classes": 10},
    "resnet50": {"size": 32, "width": 4, "classes": 10},
    "mobilenet_v2": {"size": 32, "width": 0.25, "classes": 10},
    "unet": {"width": 4, "depth": 2},
    "bert_base": {"vocab": 100, "context": 16, **TINY},
    "gpt2": {"vocab": 100, "context": 16, **TINY},
    "vit": {"size": 32, "classes": 10, **TINY},
    "llama": {"vocab": 100, "hidden": 64, **TINY, "heads": 4},
}
"""Settings with which the reference evaluator takes a second."""
SPECS = {path.stem: path for folder in ("specs", "tests/acceptance") for path in sorted((ROOT / folder).glob("*.nn"))}


@pytest.mark.parametrize("name", SPECS)
def test_it_compiles_and_computes_the_same(name: str) -> None:
    spec = nnspec.load(SPECS[name], set=SMALL.get(name, {}))
    rows = random_rows(spec)
    found = {opset: nnspec.compile(spec, opset=opset) for opset in (17, 21, 26)}
    wanted = found[21].run(rows)
    reference = ReferenceEvaluator(found[21].onnx).run(None, {item.name: rows[item.name] for item in spec.inputs})
    for answers in (found[17].run(rows), found[26].run(rows), dict(zip(wanted, reference, strict=True))):
        for output, array in wanted.items():
            np.testing.assert_allclose(answers[output], array, rtol=1e-4, atol=1e-4 * np.abs(array).max())
