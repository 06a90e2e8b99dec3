"""Every spec compiles in old and new opsets, and ONNX Runtime and the reference evaluator compute the same."""

from __future__ import annotations

import os
import subprocess
import sys
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


OPSETS = (17, 21, 26)
"""The oldest, the one that is written by default, and the newest."""


def trained(spec: nnspec.Spec) -> dict[str, Any]:
    """Weights as they are after training, none of them 0 or 1."""
    random = np.random.default_rng(0)
    return {
        item.path: random.uniform(0.5, 1.5, item.shape).astype(item.dtype)
        if item.path.endswith(("var", "deviation"))
        else (0.1 * random.normal(size=item.shape)).astype(item.dtype)
        for item in spec.parameters
    }


@pytest.mark.parametrize("name", SPECS)
def test_it_compiles_and_computes_the_same(name: str) -> None:
    """Compiling includes ONNX's checker with full shape inference."""
    spec = nnspec.load(SPECS[name], set=SMALL.get(name, {}))
    rows, weights = random_rows(spec), trained(spec)
    given = {item.name: rows[item.name] for item in spec.inputs}
    models = {opset: nnspec.compile(spec, weights, opset=opset) for opset in OPSETS}
    wanted = models[21].run(rows)
    for opset, model in models.items():
        assert [entry.version for entry in model.onnx.opset_import] == [opset]
        reference = dict(zip(wanted, ReferenceEvaluator(model.onnx).run(None, given), strict=True))
        for answers in (model.run(rows), reference):
            for output, array in wanted.items():
                np.testing.assert_allclose(answers[output], array, rtol=1e-4, atol=1e-4 * np.abs(array).max())


PROGRAM = """
import hashlib, sys
sys.path[:0] = [{here!r}]
import nnspec
from nnspec.graph.onnx_file import to_bytes
from test_specs_in_opsets import SMALL, SPECS
for name, path in SPECS.items():
    spec = nnspec.load(path, set=SMALL.get(name, {{}}))
    print(name, *(hashlib.sha256(to_bytes(nnspec.compile(spec, opset=n).onnx)).hexdigest() for n in (17, 21, 26)))
"""


def test_the_same_bytes_in_every_process() -> None:
    """20 processes in the long campaign."""
    found = set()
    for seed in range(20 if os.environ.get("NNSPEC_SOAK") == "1" else 2):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        program = [sys.executable, "-c", PROGRAM.format(here=str(Path(__file__).parent))]
        said = subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout
        assert len(said.splitlines()) == len(SPECS)
        found.add(said)
    assert len(found) == 1
