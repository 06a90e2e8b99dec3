"""Our files have at most as many operators as those that PyTorch writes of the same networks. Their times:
benchmarks/export.py."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from benchmarks.export import CASES, written_by_nnspec, written_by_torch

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]  # what PyTorch's exporter warns of


@pytest.mark.parametrize("case", CASES)
def test_at_most_as_many_operators(case: str, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "torch.onnx", tmp_path / "nnspec.onnx"
    assert written_by_torch(case, theirs) == written_by_nnspec(case, ours)  # parameters
    counts = [len(onnx.load(path).graph.node) for path in (ours, theirs)]
    assert counts[0] <= counts[1]
