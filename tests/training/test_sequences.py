"""Recurrent networks that learn: the acceptance file, and the specs of sequences."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import nnspec
from nnspec.report.write import write_report
from tests.soak import FACTOR

ROOT = Path(__file__).parent.parent.parent


def trained(path: str, folder: Path, **settings: int) -> nnspec.Trainer:
    trainer = nnspec.Trainer(nnspec.load(ROOT / path), seed=settings.get("seed"))
    trainer.fit(epochs=settings.get("epochs"), run=folder / "run")
    return trainer


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_digits_are_read_row_by_row(tmp_path: Path, seed: int) -> None:
    trainer = trained("tests/acceptance/digits_rnn.nn", tmp_path, seed=seed)
    assert trainer.evaluate("test")["accuracy"] >= 0.94


def test_the_forecast_beats_the_last_value_and_is_drawn(tmp_path: Path) -> None:
    trainer = trained("specs/forecast.nn", tmp_path)
    days = np.loadtxt(ROOT / "specs/data/temperature.csv", delimiter=",", skiprows=1)[:, 1]
    held_out = days[-225:]
    naive = np.abs(np.diff(held_out[23:])).mean()
    assert trainer.evaluate("test")["mae"] < 0.8 * naive
    page = write_report(tmp_path / "run").read_text()
    assert "Forecast: temperature" in page
    said = re.search(r"MAE ([\d.]+) · the value before would be off by ([\d.]+)", page)
    assert said and float(said[1]) < 0.8 * float(said[2])


def test_short_texts_are_told_apart_by_their_characters(tmp_path: Path) -> None:
    trainer = trained("specs/kinds.nn", tmp_path, epochs=6)
    assert trainer.evaluate("test")["accuracy"] >= 0.95


@pytest.mark.parametrize(("epochs", "exact"), [(20, 0.99)] if FACTOR > 1 else [(2, 0.0)])
def test_strings_are_reversed(tmp_path: Path, epochs: int, exact: float) -> None:
    """Two epochs learn what stands where; all of them, in a soak, whole strings."""
    trainer = trained("specs/reverse.nn", tmp_path, epochs=epochs)
    held_out = trainer.evaluate("test")
    assert held_out["accuracy"] > 0.4
    random = np.random.default_rng(5)
    asked = ["".join(map(str, random.integers(0, 10, random.integers(3, 8)))) for _ in range(500)]
    found = trainer.predict({"digits": asked})["logits"].argmax(-1)
    written = ["".join(str(n - 2) for n in row if n) for row in found]
    assert np.mean([own == text[::-1] for own, text in zip(written, asked, strict=True)]) >= exact
