"""A run directory: everything that is needed to go on, to deploy and to explain.

    spec.nn, and the files that it uses     the text the run was started with
    spec.json                               the same as IR, with all settings resolved
    run.json                                seed, classes, feeds, digests of the data, threads, versions
    weights.safetensors                     the best weights, with the record of their epoch
    model.onnx                              the deployable model
    tokenizer.json                          what made ids of text, where a tokenizer did
    metrics.jsonl                           a record per epoch; times.jsonl and tensorboard/ stand beside it
    checkpoints/step-000123.safetensors     the whole state after a step, in one file, hence never torn
    run.lock                                who is writing, while somebody is

Every file but those of the journal is replaced as a whole; these follow from the checkpoint, and are written anew when
a run goes on. run.json comes last: a directory without it holds no run yet.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any

from nnspec.compiler.export import compile_model
from nnspec.compiler.weights import lineage_of
from nnspec.data.slots import TOKENIZER_FILE, input_columns, tokenized, without_tokenizer
from nnspec.diagnostics.errors import Fault
from nnspec.files import sweep
from nnspec.ir.spec import Spec
from nnspec.runtime.files import make_folder, read_json, write_bytes, write_json, write_text
from nnspec.runtime.lock import locked
from nnspec.runtime.tensor_file import write_tensors
from nnspec.training.checkpoint import deployed
from nnspec.training.checkpoints import Checkpoints
from nnspec.training.history import Record
from nnspec.training.journal import Journal
from nnspec.training.memory import Memory
from nnspec.training.state import TrainingState

FORMAT = 2
"""Of the run directory; another one is refused."""
LOCK = "run.lock"
FILES = (
    *("spec.nn", "spec.json", "run.json", "weights.safetensors", "model.onnx"),
    *("metrics.jsonl", "times.jsonl", "report.html"),
)
FOLDERS = ("checkpoints", "tensorboard")


class RunFolder:
    """The files of a run directory."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.weights = self.path / "weights.safetensors"
        self.model = self.path / "model.onnx"
        self.facts = self.path / "run.json"
        self.checkpoints = Checkpoints(self.path / "checkpoints")
        self.journal = Journal(self.path)
        self._digest = ""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the directory, and be the only one who writes to it inside. Raises E715 where somebody else is."""
        make_folder(self.path)
        with locked(self.path / LOCK):
            make_folder(self.checkpoints.folder)
            for folder in (self.path, self.checkpoints.folder):
                sweep(folder)
            yield

    def require_own(self) -> None:
        """Raise E714 where a file of somebody else has a name that a run would write."""
        if self.facts.exists() or self.checkpoints.folder.is_dir():
            return
        foreign = [name for name in FILES if (self.path / name).exists()]
        if foreign:
            help = "name a folder of its own for the run"
            raise Fault("E714", f"{self.path} is no run, and holds {', '.join(foreign)} already", help)

    def clear(self) -> None:
        """Remove the files of the run, and nothing else. Raises E707 where something cannot be removed."""
        try:
            self.facts.unlink(missing_ok=True)  # from here on it is no run
            for name in FOLDERS:
                if (self.path / name).is_dir():
                    shutil.rmtree(self.path / name)
            for name in FILES:
                (self.path / name).unlink(missing_ok=True)
            make_folder(self.checkpoints.folder)
        except OSError as error:
            raise Fault("E707", f"{self.path} cannot be cleared: {error}") from error

    def write_spec(self, spec: Spec) -> None:
        """The texts of the spec and its IR."""
        for name, text in _texts(spec):
            make_folder((self.path / name).parent)
            write_text(self.path / name, text)
        content = spec.model_dump_json(indent=1).encode() + b"\n"
        write_bytes(self.path / "spec.json", content)
        self._digest = sha256(content).hexdigest()

    def read_spec(self) -> Spec:
        """Raises E707 where this is no run directory, or one of another version."""
        self.read_facts()
        try:
            content = (self.path / "spec.json").read_bytes()
            self._digest = sha256(content).hexdigest()
            return Spec.model_validate_json(content)
        except (OSError, ValueError) as error:
            raise Fault("E707", f"{self.path / 'spec.json'} cannot be read: {error}") from error

    @property
    def digest(self) -> str:
        """What says that a checkpoint belongs to this run: the SHA-256 of its spec, once written or read."""
        return self._digest

    def write_facts(self, spec: Spec, facts: dict[str, Any]) -> None:
        """What explains the run: `facts`, and what the spec adds."""
        content = {"format": FORMAT, "spec": spec.path, "settings": spec.settings, **facts}
        lists, tokenizer = without_tokenizer(spec, facts["classes"])
        if tokenizer:
            write_text(self.path / TOKENIZER_FILE, tokenizer)
            content["tokenizer"] = tokenized(spec)
        write_json(self.facts, {**content, "classes": lists, "feeds": input_columns(spec)})

    def read_facts(self) -> dict[str, Any]:
        """Raises E707 where this is no run directory, or one of another version."""
        if not self.facts.is_file():
            raise Fault("E707", f"{self.path} is no run directory: it has no run.json")
        facts: dict[str, Any] = read_json(self.facts)
        if not isinstance(facts, dict) or facts.get("format") is None:
            raise Fault("E707", f"{self.facts} is damaged: it says nothing about a run")
        if facts.get("format") != FORMAT:
            raise Fault("E707", f"{self.path} has the format {facts.get('format')} of another version of nnspec")
        return facts

    def write_state(self, state: TrainingState, memory: Memory, new_best: bool) -> None:
        """Weights where they are new, then the checkpoint, which vouches for them."""
        if new_best:
            record = _record(memory)
            write_tensors(self.weights, deployed(state, memory), json.dumps(record) if record else "")
        self.checkpoints.write(state, memory, self.digest)

    def write_model(self, spec: Spec, state: TrainingState, memory: Memory) -> None:
        """The deployable model with the best weights, in the numbers that it was trained in."""
        lineage = lineage_of(self.read_facts(), _record(memory))
        model = compile_model(
            spec,
            deployed(state, memory),
            classes=memory.classes,
            lineage=lineage,
            precision="float32",
            quantize="none",
        )
        model.save(self.model)


def _record(memory: Memory) -> Record:
    """The record of the epoch whose weights are the ones to use; nothing where there was none."""
    return dict(memory.history.best or {}) if memory.best is not None else {}


def _texts(spec: Spec) -> Iterator[tuple[str, str]]:
    """The spec as `spec.nn`, and what it uses at the same places relative to it; files from elsewhere have their text
    in spec.json alone."""
    folder = PurePath(spec.path).parent
    for path, text in spec.files.items():
        if path == spec.path:
            yield "spec.nn", text
        elif PurePath(path).is_relative_to(folder) and ".." not in PurePath(path).parts:
            yield str(PurePath(path).relative_to(folder)), text
