"""`metrics.jsonl`, `times.jsonl` and the event file, which TensorBoard's own reader reads."""

from __future__ import annotations

import json
import shutil
import warnings
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.runtime.event_file import header, masked_crc, scalars
from nnspec.training.journal import Journal

SPECS = Path(__file__).parent.parent.parent / "specs"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_by_tensorboard(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("tensorboard")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        reader = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        reader.Reload()
    return {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}


def expected(records: list[dict[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    names = [name for name in records[0] if name not in ("epoch", "step", "rows")]
    return {
        name.replace(".", "/", 1): [(record["step"], float(np.float32(record[name]))) for record in records]
        for name in names
    }


def fit(run: Path, epochs: int) -> None:
    trainer = nnspec.Trainer.resume(run) if run.exists() else nnspec.Trainer(nnspec.load(SPECS / "iris.nn"))
    trainer.fit(run=run, epochs=epochs)


def test_the_checksum_of_the_format() -> None:
    """CRC-32C of RFC 3720, masked."""
    crc = 0xE3069283
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_tensorboard_reads_what_the_records_hold(tmp_path: Path) -> None:
    fit(tmp_path / "run", 4)
    records = lines(tmp_path / "run" / "metrics.jsonl")
    found = read_by_tensorboard(tmp_path / "run" / "tensorboard")
    assert found == expected(records)
    assert {"train/loss", "validation/accuracy", "lr", "gradient_norm"} <= set(found)


def test_a_resumed_run_repeats_no_step(tmp_path: Path) -> None:
    fit(tmp_path / "whole", 6)
    fit(tmp_path / "parts", 2)
    fit(tmp_path / "parts", 4)
    fit(tmp_path / "parts", 6)
    whole, parts = (tmp_path / name for name in ("whole", "parts"))
    assert (whole / "metrics.jsonl").read_bytes() == (parts / "metrics.jsonl").read_bytes()
    assert read_by_tensorboard(parts / "tensorboard") == read_by_tensorboard(whole / "tensorboard")
    assert [entry["epoch"] for entry in lines(parts / "times.jsonl")] == [1, 2, 3, 4, 5, 6]
    assert all(entry["rows"] == 120 and entry["steps"] == 8 for entry in lines(parts / "times.jsonl"))


def test_what_goes_beyond_the_checkpoint_is_dropped(tmp_path: Path) -> None:
    """A run that is killed may have written epochs down that it does not go on from."""
    fit(tmp_path / "run", 3)
    lost = Path(shutil.copytree(tmp_path / "run", tmp_path / "lost"))
    journal, records = Journal(lost), lines(lost / "metrics.jsonl")
    journal.begin(records, 24)
    journal.add({**records[-1], "epoch": 4, "step": 32})
    with (lost / "times.jsonl").open("a") as stream:
        stream.write('{"epoch": 5, "sec')
    with journal.events.open("ab") as events:
        events.write(b"torn")
    fit(lost, 5)
    assert [entry["epoch"] for entry in lines(lost / "times.jsonl")] == [1, 2, 3, 4, 5]
    found = read_by_tensorboard(lost / "tensorboard")
    assert [step for step, _ in found["train/loss"]] == [8, 16, 24, 32, 40]
    assert found == expected(lines(lost / "metrics.jsonl"))


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin([], 0)
    journal.add({"epoch": 1, "step": 2**40, "rows": 7, "train.loss": nan, "validation.loss": inf, "train.mse": 1e300})
    assert lines(journal.metrics) == [
        {"epoch": 1, "step": 2**40, "rows": 7, "train.loss": None, "validation.loss": None, "train.mse": 1e300}
    ]
    found = read_by_tensorboard(tmp_path / "tensorboard")
    assert isnan(found["train/loss"][0][1])
    assert found["validation/loss"] == found["train/mse"] == [(2**40, inf)]


def test_an_epoch_that_was_interrupted_counts_the_rest(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin([{"epoch": 1, "step": 10, "rows": 100}], 14)
    journal.add({"epoch": 2, "step": 20, "rows": 100})
    (entry,) = lines(journal.times)
    assert (entry["epoch"], entry["steps"], entry["rows"]) == (2, 6, 60)
    assert entry["rows_per_second"] == pytest.approx(10 * entry["steps_per_second"])


def test_gradient_norms_are_of_the_gradients(tmp_path: Path) -> None:
    spec = nnspec.load(SPECS / "iris.nn")
    trainer, seen = nnspec.Trainer(spec), []
    history = trainer.fit(epochs=1, watcher=lambda event: seen.append(getattr(event, "gradient_norm", None)))
    norms = [norm for norm in seen if norm is not None]
    assert len(norms) == 8
    assert history.epochs[0]["gradient_norm"] == pytest.approx(np.mean(norms))
    assert history.epochs[0]["gradient_norm_max"] == max(norms)


def test_bytes_of_an_event() -> None:
    """As TensorBoard's own protobuf writes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("tensorboard")
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
    value = Summary.Value(tag="train/loss", simple_value=0.5)
    event = Event(wall_time=12.5, step=300, summary=Summary(value=[value]))
    assert scalars({"train/loss": 0.5}, 300, 12.5)[12:-4] == event.SerializeToString()
    assert header(1.0)[12:-4] == Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString()
