"""Run directories: what is saved is what continues, and what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load_file, save_file
from small_specs import classifier, rows

import nnspec
from nnspec.diagnostics.errors import RunError
from nnspec.runtime.sealed_file import read_sealed, write_sealed
from nnspec.training.run_folder import RunFolder
from nnspec.training.trainer import Trainer

OPTIMIZERS = ["adamw(lr = 0.01)", "sgd(lr = 0.05, momentum = 0.9)"]


def equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lasting(folder: Path) -> dict[str, bytes]:
    """What does not depend on the time, nor on when the run was saved."""
    *earlier, _ = RunFolder(folder).checkpoints.found()
    changing = {"times.jsonl", "tensorboard/events.out.tfevents.nnspec"}
    changing |= {f"checkpoints/{path.name}" for _, path in earlier}
    return {name: content for name, content in contents(folder).items() if name not in changing}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("more", ["", "accumulate = 2", "average = ema(0.8)"])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, optimizer: str, more: str) -> None:
    """Down to the last byte of the run directory, with dropout and a smaller last batch."""
    spec, data, held_out = classifier(optimizer, more, epochs=6, rate=0.3), rows(50), rows(20, seed=1)
    straight = Trainer(spec)
    straight.fit(data, held_out, run=tmp_path / "straight")
    Trainer(spec).fit(data, held_out, epochs=2, run=tmp_path / "stopped")
    for epochs in (3, None):
        resumed = Trainer.resume(tmp_path / "stopped")
        resumed.fit(data, held_out, epochs=epochs, run=tmp_path / "stopped")
    assert equal(straight.parameters, resumed.parameters) and straight.history == resumed.history
    assert lasting(tmp_path / "straight") == lasting(tmp_path / "stopped")


def test_a_finished_run_does_not_train_on(tmp_path: Path) -> None:
    trainer = Trainer(classifier(epochs=2))
    trainer.fit(rows(32), run=tmp_path)
    before = lasting(tmp_path)
    Trainer.resume(tmp_path).fit(rows(32), run=tmp_path)
    assert lasting(tmp_path) == before


def test_what_a_run_holds(tmp_path: Path) -> None:
    spec = nnspec.load(Path(__file__).parents[1] / "acceptance" / "iris.nn")
    trainer = Trainer(spec)
    history = trainer.fit(epochs=3, run=tmp_path)
    wanted = {
        "checkpoints/step-000000.safetensors",
        "checkpoints/step-000024.safetensors",
        "metrics.jsonl",
        "model.onnx",
        "run.json",
        "spec.json",
        "spec.nn",
        "tensorboard/events.out.tfevents.nnspec",
        "times.jsonl",
        "weights.safetensors",
    }
    assert set(contents(tmp_path)) == wanted
    assert (tmp_path / "spec.nn").read_text() == spec.files[spec.path]
    assert [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == history.epochs
    assert equal(load_file(tmp_path / "weights.safetensors"), trainer.parameters)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert (
        facts["seed"] == 7
        and facts["classes"]["species"][0] == "setosa"
        and facts["versions"]["nnspec"] == nnspec.__version__
    )
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    features = np.array([[5.1, 3.5, 1.4, 0.2]], np.float32)
    (found,) = session.run(None, {"features": features})
    np.testing.assert_allclose(found, trainer.predict({"features": features})["probability"], rtol=1e-5)
    assert Trainer.resume(tmp_path).evaluate("validation") == Trainer.resume(tmp_path).evaluate("validation")


def test_save_and_resume_without_fit(tmp_path: Path) -> None:
    trainer, batch = Trainer(classifier(rate=0.4)), rows(16)
    trainer.step(batch)
    trainer.save(tmp_path)
    resumed = Trainer.resume(tmp_path)
    assert [trainer.step(batch) for _ in range(3)] == [resumed.step(batch) for _ in range(3)]
    assert equal(trainer.parameters, resumed.parameters)


@pytest.mark.parametrize("more", ["", "average = ema(0.5)"])
def test_the_weights_of_a_run_are_those_that_the_trainer_uses(tmp_path: Path, more: str) -> None:
    trainer, held_out = Trainer(classifier("sgd(lr = 0.5)", more)), rows(32, seed=1)
    trainer.fit(rows(64), held_out, run=tmp_path)
    assert equal(load_file(tmp_path / "weights.safetensors"), trainer.parameters)
    assert trainer.history.best and trainer.evaluate(held_out)["loss"] == trainer.history.best["validation.loss"]
    trainer.step(rows(16))
    trainer.save(tmp_path)
    assert equal(load_file(tmp_path / "weights.safetensors"), trainer.parameters)
    assert equal(Trainer.resume(tmp_path).parameters, trainer.parameters)


def test_compile_takes_a_run_a_file_or_arrays(tmp_path: Path) -> None:
    trainer = Trainer(classifier())
    trainer.fit(rows(32), run=tmp_path)
    x = rows(5)["x"]
    sources: list[Any] = [tmp_path, tmp_path / "weights.safetensors", trainer.parameters]
    found = [nnspec.compile(trainer.spec, source).run({"x": x})["probability"] for source in sources]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_weights_of_another_spec_are_refused(tmp_path: Path) -> None:
    trainer = Trainer(classifier())
    with pytest.raises(RunError, match=r"E702.*missing: .*unexpected: a"):
        trainer.load_parameters({"a": np.zeros(1)})
    with pytest.raises(RunError, match=r"E702.*wrong shape: logits.bias \[4\] instead of \[3\]"):
        trainer.load_parameters({"logits.bias": np.zeros(4)}, strict=False)
    trainer.load_parameters({"logits.bias": [1, 2, 3]}, strict=False)
    assert trainer.parameters["logits.bias"].tolist() == [1, 2, 3]


def test_loaded_statistics_are_not_fitted_again() -> None:
    source, trainer = Trainer(classifier()), Trainer(classifier())
    source.fit(rows(64))
    trainer.load_parameters(source.parameters)
    trainer.fit(rows(64, seed=9), epochs=1)
    assert np.array_equal(trainer.parameters["standardize_1.mean"], source.parameters["standardize_1.mean"])


def test_init_starts_from_a_file(tmp_path: Path) -> None:
    source = Trainer(classifier(), seed=3)
    save_file(source.parameters, tmp_path / "w.safetensors")
    spec = classifier(more='init = "w.safetensors"')
    assert equal(Trainer(spec, folder=tmp_path).parameters, source.parameters)
    save_file({"logits.bias": np.zeros(3, np.float32)}, tmp_path / "w.safetensors")
    with pytest.raises(RunError, match=r"E702.*missing: .*dense_1.weight"):
        Trainer(spec, folder=tmp_path)
    with pytest.raises(RunError, match="E707"):
        Trainer(spec, folder=tmp_path / "absent")


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "note", "slot", "format"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, damage: str) -> None:
    Trainer(classifier()).save(tmp_path)
    path = tmp_path / "checkpoints" / "step-000000.safetensors"
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-5])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "note":
            save_file(load_file(path), path)
        case "slot":
            tensors, note = read_sealed(path)
            write_sealed(path, {name: tensors[name] for name in tensors if not name.startswith("slot/m/")}, note)
        case "format":
            tensors, note = read_sealed(path)
            write_sealed(path, tensors, note | {"format": 9})
    with pytest.raises(RunError, match="E702" if damage == "slot" else "E707"):
        Trainer.resume(tmp_path)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"E707.*run.json"):
        Trainer.resume(tmp_path)
    Trainer(classifier()).save(tmp_path)
    facts = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**facts, "format": 1}))
    with pytest.raises(RunError, match="format 1 of another version"):
        Trainer.resume(tmp_path)


def test_a_run_needs_the_weights_it_started_from_no_more(tmp_path: Path) -> None:
    save_file(Trainer(classifier(), seed=3).parameters, tmp_path / "w.safetensors")
    trainer = Trainer(classifier(more='init = "w.safetensors"'), folder=tmp_path)
    trainer.fit(rows(50), epochs=1, run=tmp_path / "run")
    (tmp_path / "w.safetensors").unlink()
    assert len(Trainer.resume(tmp_path / "run").fit(rows(50), run=tmp_path / "run")) == 3
