"""A run directory: everything that is needed to go on, to deploy and to explain.

    spec.nn, and the files that it uses     the text the run was started with
    spec.json                               the same as IR, with all settings resolved
    run.json                                where data is from, seed, classes, feeds, versions
    weights.safetensors                     the best weights
    model.onnx                              the deployable model
    metrics.jsonl                           a record per epoch
    checkpoints/last.safetensors            the whole state after the last epoch, in one file, hence never torn

Every file is replaced as a whole.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from math import isfinite
from pathlib import Path, PurePath
from typing import Any

from nnspec import __version__
from nnspec.compiler.export import compile_model
from nnspec.data.slots import input_columns
from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.runtime.files import read_json, write_json, write_text
from nnspec.runtime.session import VERSION as ONNXRUNTIME
from nnspec.runtime.tensor_file import write_tensors
from nnspec.training.checkpoint import deployed, read_checkpoint, write_checkpoint
from nnspec.training.memory import Memory
from nnspec.training.state import TrainingState

FORMAT = 1
"""Of the run directory; a newer one is refused."""


class RunFolder:
    """The files of a run directory."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.weights = self.path / "weights.safetensors"
        self.model = self.path / "model.onnx"
        self.checkpoint = self.path / "checkpoints" / "last.safetensors"

    def write_spec(self, spec: Spec) -> None:
        """The texts of the spec and its IR."""
        for name, text in _texts(spec):
            write_text(self.path / name, text)
        write_text(self.path / "spec.json", spec.model_dump_json(indent=1) + "\n")

    def read_spec(self) -> Spec:
        """Raises E707 where this is no run directory, or one of another version."""
        self.read_facts()
        try:
            return Spec.model_validate_json((self.path / "spec.json").read_bytes())
        except (OSError, ValueError) as error:
            raise Fault("E707", f"{self.path / 'spec.json'} cannot be read: {error}") from error

    def write_facts(self, spec: Spec, facts: dict[str, Any]) -> None:
        """What explains the run: `facts`, and what the spec and this machine add."""
        write_json(self.path / "run.json", {
            "format": FORMAT, "spec": spec.path, "settings": spec.settings, **facts, "feeds": input_columns(spec),
            "versions": {"nnspec": __version__, "onnxruntime": ONNXRUNTIME, "python": platform.python_version()},
        })  # fmt: skip

    def read_facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = read_json(self.path / "run.json")
        if facts.get("format") != FORMAT:
            raise Fault("E707", f"{self.path} has the format {facts.get('format')} of another version of nnspec")
        return facts

    def write_records(self, records: list[dict[str, Any]]) -> None:
        """A line of JSON per epoch, null for what is not finite; written whole, so that a resumed run repeats none."""
        plain = [{name: value if isfinite(value) else None for name, value in record.items()} for record in records]
        write_text(self.path / "metrics.jsonl", "".join(json.dumps(record) + "\n" for record in plain))

    def write_state(self, state: TrainingState, memory: Memory, is_best: bool) -> None:
        """Weights where they are the best, then the checkpoint, which vouches for them, then the records."""
        if is_best:
            write_tensors(self.weights, deployed(state, memory))
        write_checkpoint(self.checkpoint, state, memory)
        self.write_records(memory.history.epochs)

    def read_state(self, spec: Spec, state: TrainingState, memory: Memory) -> None:
        """The last checkpoint."""
        read_checkpoint(self.checkpoint, spec, state, memory)

    def write_model(self, spec: Spec, state: TrainingState, memory: Memory) -> None:
        """The deployable model with the best weights."""
        compile_model(spec, deployed(state, memory), classes=memory.classes).save(self.model)


def _texts(spec: Spec) -> Iterator[tuple[str, str]]:
    """The spec as `spec.nn`, and what it uses at the same places relative to it; files from elsewhere have their text
    in spec.json alone."""
    folder = PurePath(spec.path).parent
    for path, text in spec.files.items():
        if path == spec.path:
            yield "spec.nn", text
        elif PurePath(path).is_relative_to(folder) and ".." not in PurePath(path).parts:
            yield str(PurePath(path).relative_to(folder)), text
