"""A folder from which anything that runs ONNX can train: graphs, the state to begin with, and a manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnspec import __version__
from nnspec.compiler.about import description
from nnspec.compiler.batch import batch_types, sizes_of
from nnspec.compiler.export import OPSET
from nnspec.data.batching import Batches
from nnspec.data.rows import Dataset
from nnspec.diagnostics.errors import Fault, NnspecError
from nnspec.graph import onnx_file
from nnspec.graph.errors import GraphError, OpsetError
from nnspec.graph.graph import Graph
from nnspec.runtime.buffers import FlatBuffer
from nnspec.runtime.edge import run_errors
from nnspec.runtime.files import make_folder, write_bytes, write_json
from nnspec.runtime.session import Session
from nnspec.runtime.tensor_file import write_tensors
from nnspec.training.engine import Engine
from nnspec.training.feeds import RowFeed
from nnspec.training.learning_rate import LearningRate, Length
from nnspec.training.trainer import Trainer
from nnspec.training.training_files import PARAMETERS, STATISTICS, TOTAL, predict_graph, step_graph, whole_update_graph

Array = np.ndarray[Any, Any]

FORMAT = 1
"""Of the manifest."""
RESERVED = (PARAMETERS, STATISTICS, TOTAL, "seed", "draw", "weight")


@run_errors()
def export_training(
    trainer: Trainer, folder: str | Path, *, opset: int | None = None, outputs: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Write the folder, from the state that the trainer is in; the manifest. `outputs` are names and values of the spec
    that `predict.onnx` gives, by default the outputs of the model.

    Where the data of the spec is there, statistics of the training rows are fitted first as `fit` does, and the last
    batch of an epoch has a file of its own. Raises E723 where the spec trains in a way that files cannot say, E710 for
    an opset that lacks something.
    """
    rows = _rows(trainer)
    if rows is not None:
        trainer._prepare(RowFeed(trainer._engine, rows))
    return _written(trainer._engine, Path(folder), rows, trainer.classes, opset or OPSET, outputs)


def _rows(trainer: Trainer) -> Dataset | None:
    """The training rows, where their files are there."""
    try:
        return trainer.rows("train") if trainer.spec.data else None
    except (NnspecError, Fault):
        return None


def _written(
    engine: Engine,
    folder: Path,
    rows: Dataset | None,
    classes: Mapping[str, tuple[Any, ...]],
    opset: int,
    outputs: Mapping[str, str] | None,
) -> dict[str, Any]:
    spec, train, state = engine.spec, engine.train, engine.state
    _require_sayable(engine, rows)
    make_folder(folder)
    files: dict[str, Any] = {
        "step": {},
        "update": "update.onnx",
        "predict": "predict.onnx",
        "state": "state.safetensors",
    }
    sizes = Batches(rows.rows, train.batch_size, 0).sizes if rows else (train.batch_size,)
    for size in sizes:
        files["step"][str(size)] = f"step_{size}.onnx"
        _write(engine, folder / f"step_{size}.onnx", step_graph(engine, _sizes(engine, rows, size)), opset)
    _write(engine, folder / "update.onnx", whole_update_graph(engine), opset)
    _write(engine, folder / "predict.onnx", predict_graph(engine, outputs), opset)
    vectors = {PARAMETERS: state.trained.flat, **{slot: buffer.flat for slot, buffer in state.slots.items()}}
    if state.held:
        vectors[STATISTICS] = state.held.flat
    write_tensors(folder / files["state"], vectors)
    manifest = {
        "format": FORMAT,
        "nnspec": __version__,
        "model": spec.name,
        "spec_sha256": hashlib.sha256(spec.files.get(spec.path, "").encode()).hexdigest(),
        "files": files,
        "batch": {
            name: {"dtype": t.dtype, "shape": [_said(d) for d in t.shape]} for name, t in batch_types(spec).items()
        },
        "classes": {name: list(found) for name, found in classes.items()},
        "step": {
            "state": [PARAMETERS, *([STATISTICS] if state.held else [])],
            "scalars": {
                "seed": {"dtype": "uint32", "value": int(state.seed_word)},
                "draw": {"dtype": "uint32", "value": state.counters.draws, "add": 1},
            },
            "feed_back": {f"new/{STATISTICS}": STATISTICS} if state.held else {},
            "loss": "loss",
            "gradient": "gradient",
        },
        "update": {
            "state": [PARAMETERS, *state.slots],
            "scalars": {
                "lr": {"dtype": "float32", "value": _rates(engine, rows)},
                "step": {"dtype": "int64", "value": state.counters.updates + 1, "add": 1},
            },
            "feed_back": {f"new/{name}": name for name in (PARAMETERS, *state.slots)},
            "gradient": "gradient",
        },
        "predict": {"state": [PARAMETERS, *([STATISTICS] if state.held else [])]},
        "accumulate": train.accumulate,
        "tensors": {PARAMETERS: _places(state.trained), **({STATISTICS: _places(state.held)} if state.held else {})},
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def _require_sayable(engine: Engine, rows: Dataset | None) -> None:
    names = [name for name in batch_types(engine.spec) if name in RESERVED]
    if names:
        raise Fault("E723", f"the files of training use the name {names[0]} themselves", help="rename the input")
    if LearningRate(engine.optimizer, Length(1, 1)).watches:
        raise Fault("E723", "the learning rate follows what validation says, which no list can say before")
    if _scheduled(engine) and engine.train.steps is None and rows is None:
        raise Fault("E723", "how many steps an epoch has is known with the data alone", help="--data names its folder")


def _scheduled(engine: Engine) -> bool:
    return not isinstance(engine.optimizer.lr, float | int)


def _rates(engine: Engine, rows: Dataset | None) -> float | list[float]:
    """The learning rate, or that of every update of the run."""
    train = engine.train
    if not _scheduled(engine):
        return LearningRate(engine.optimizer, Length(1, 1)).at(0)
    per_epoch = -(-len(Batches(rows.rows, train.batch_size, 0)) // train.accumulate) if rows else 1
    steps = train.steps or per_epoch * (train.epochs or 1)
    rate = LearningRate(engine.optimizer, Length(per_epoch, steps))
    return [rate.at(step) for step in range(steps)]


def _sizes(engine: Engine, rows: Dataset | None, count: int) -> dict[str, int]:
    """Numbers for the symbols of a batch of so many rows."""
    types = batch_types(engine.spec)
    if rows is not None:
        return sizes_of(types, {name: (count, *array.shape[1:]) for name, array in rows.batch(np.arange(1)).items()})
    free = {str(dim) for type in types.values() for dim in type.shape if not isinstance(dim, int)}
    first = {str(type.shape[0]) for type in types.values() if type.shape and not isinstance(type.shape[0], int)}
    if free - first:
        raise Fault("E723", f"how large {', '.join(sorted(free - first))} is, is known with the data alone")
    return dict.fromkeys(first, count)


def _write(engine: Engine, path: Path, graph: Graph, opset: int) -> None:
    """Write a graph that ONNX's checker accepts and ONNX Runtime loads."""
    graph.opset = opset
    try:
        model = onnx_file.to_model(graph, {}, {"nnspec.version": __version__}, description(engine.spec))
        onnx_file.check(model)
    except OpsetError as error:
        raise Fault("E710", f"training of {engine.spec.name} cannot be written in opset {opset}: {error}") from error
    except GraphError as error:
        raise Fault("E703", f"{path.name}: {error}") from error
    content = onnx_file.to_bytes(model)
    Session(content)
    write_bytes(path, content)


def _places(buffer: FlatBuffer) -> dict[str, Any]:
    return {name: {"offset": place.start, "shape": list(buffer.shapes[name])} for name, place in buffer.slices.items()}


def _said(dim: Any) -> int | str:
    return dim if isinstance(dim, int) else str(dim)
