"""Weights: where they come from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from nnspec.compiler.fit import require_fit, without_counters
from nnspec.compiler.foreign_config import Config, read_config, require_config
from nnspec.compiler.rename_file import Rename, rename_table
from nnspec.compiler.renamed import advice, renamed
from nnspec.data.slots import TOKENIZER_FILE, input_columns, slots_of, tokenized
from nnspec.data.wording import listed, nearest, quoted
from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.runtime.files import read_json
from nnspec.runtime.foreign_files import unreadable
from nnspec.runtime.tensor_file import INDEX, read_tensors

Array = np.ndarray[Any, Any]
Lists = Mapping[str, tuple[Any, ...]]
Lineage = Mapping[str, Any]
"""What made weights: their `epoch` and `step`, the `metrics` measured then, the `seed`, the SHA-256 of each file of
`data`, and the `versions` of what it ran on."""


@runtime_checkable
class Trained(Protocol):
    """What a Trainer has to say about its weights."""

    @property
    def parameters(self) -> Mapping[str, Array]: ...

    @property
    def classes(self) -> Lists: ...


FILE = "model.safetensors"
"""How Hugging Face calls the weights in a folder."""


class Foreign(NamedTuple):
    """A file with other names than those of the spec."""

    file: str | Path
    rename: Rename
    """The table that leads to those of the spec."""


Source = str | Path | Foreign | Mapping[str, Array] | Trained
"""A run directory, a safetensors file, one with a rename table, arrays by path, or a trainer."""


class Weights(NamedTuple):
    """Arrays by the paths of the spec, and what the run knows beside them."""

    arrays: Mapping[str, Array]
    classes: Lists = {}  # noqa: RUF012 - nobody changes it
    """The classes of each label target."""
    feeds: Lists = {}  # noqa: RUF012
    """The columns that fed each input."""
    lineage: Lineage = {}  # noqa: RUF012
    names: Mapping[str, str] | None = None
    """The names in the file, where they are others."""
    advise: Callable[[list[str]], str] | None = None
    """What to say about missing paths."""
    config: Config | None = None
    """What stands beside foreign weights."""


def read_weights(source: Source) -> Weights:
    """Weights from any source. Raises E707 for files that cannot be read."""
    if isinstance(source, Mapping):
        return Weights(source)
    if isinstance(source, Foreign):
        path, table, found = find_weights(source.file), rename_table(source.rename), read_weights(source.file)
        made = renamed(found.arrays, table)
        arrays = {path: np.ascontiguousarray(array) for path, array in made.arrays.items()}
        return found._replace(
            arrays=arrays,
            names=made.names,
            advise=lambda missing: advice(table, made, missing) or one_of_several(path),
            config=read_config(path, table),
        )
    if isinstance(source, str | Path):
        path = find_weights(source)
        if not path.is_dir():
            arrays, note = read_tensors(path)
            return Weights(arrays, lineage=lineage_of({}, _record(note)), advise=lambda missing: one_of_several(path))
        facts = read_json(path / "run.json")
        arrays, note = read_tensors(path / "weights.safetensors")
        classes = {**_lists(facts.get("classes")), **_tokenizers(path, facts.get("tokenizer"))}
        return Weights(arrays, classes, _lists(facts.get("feeds")), lineage_of(facts, _record(note)))
    if isinstance(source, Trained):
        return Weights(source.parameters, source.classes)
    raise Fault(
        "E702",
        f"weights are a run directory, a safetensors file, arrays by path or a Trainer, got {type(source).__name__}",
    )


def lineage_of(facts: Mapping[str, Any], record: Mapping[str, Any]) -> Lineage:
    """What a run says about the weights of an epoch: from its facts, and from the record of that epoch."""
    found = {name: record[name] for name in ("epoch", "step") if name in record}
    if metrics := {name: value for name, value in record.items() if "." in name}:
        found["metrics"] = metrics
    return found | {name: facts[name] for name in ("seed", "data", "versions") if name in facts}


def find_weights(source: str | Path) -> Path:
    """The run directory or file; for the weights of a run its directory, which knows what they mean. Raises E707 where
    there is none."""
    path = Path(source)
    if path.name == "weights.safetensors" and (path.parent / "run.json").is_file():
        path = path.parent
    if path.is_dir() and not (path / "run.json").is_file():
        for name in (FILE, FILE + INDEX):
            if (path / name).is_file():
                return path / name
        raise _no_weights(path)
    if not path.exists():
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        meant = nearest(path.name, sorted(entry.name for entry in beside if _holds_weights(entry)))
        help = f"did you mean {path.with_name(meant)}?" if meant else ""
        raise Fault("E707", f"there is no run or weight file {path}", help=help)
    return path


def read_settings(source: str | Path | None) -> dict[str, Any]:
    """The model's parameters that a run directory was trained with; nothing for other weights."""
    if source is None or not (path := find_weights(source)).is_dir():
        return {}
    return dict(read_json(path / "run.json").get("settings", {}))


def fitting_weights(spec: Spec, source: Source, *, strict: bool = True, classes: Lists | None = None) -> Weights:
    """The weights for a spec, with the classes of its label targets.

    `classes` are those that the model has already. Raises E702 for names, shapes, values, and for a run whose inputs
    were fed by other columns; E606 for a run with other classes. Not `strict`, some parameters may be missing, and what
    the run says about its data does not count. The counters of PyTorch's batch norms are left out.
    """
    found = read_weights(source)
    arrays = without_counters(spec, found.arrays)
    if strict:
        require_config(spec, found.config)
    require_fit(spec, arrays, strict=strict, names=found.names, advise=found.advise)
    if not strict:
        return Weights(arrays)
    _require_same_feeds(spec, found.feeds)
    kept = dict(found.classes)
    if spec.train:
        meant = [slot.name for slot in slots_of(spec) if slot.label or slot.text]
        kept = {name: kept[name] for name in meant if name in kept}
    for name, names in (classes or {}).items():
        if kept.get(name, names) != names:
            if name in tokenized(spec):
                raise Fault("E606", f"{name} is the text of another tokenizer than the weights were trained with")
            raise Fault(
                "E606",
                f"{name} has the classes {listed(map(quoted, names))}, "
                f"the weights were trained for {listed(map(quoted, kept[name]))}",
            )
    return Weights(arrays, kept, found.feeds, found.lineage)


def one_of_several(path: Path) -> str:
    """Help for a file that is one of a set; empty for others."""
    name = re.sub(r"-\d+-of-\d+(?=\.safetensors$)", "", path.name)
    index = path.with_name(name + INDEX)
    return f"{path.name} is one of several files; {index} has them all" if name != path.name and index.is_file() else ""


def digest(weights: Mapping[str, Array]) -> str:
    """SHA-256 over names, dtypes, shapes and contents, independent of order."""
    result = hashlib.sha256()
    for path in sorted(weights):
        array = np.ascontiguousarray(weights[path])
        result.update(f"{path} {array.dtype} {array.shape}\n".encode())
        result.update(array.tobytes())
    return result.hexdigest()


def _require_same_feeds(spec: Spec, feeds: Lists) -> None:
    """Raise E702 for an input that the run fed with other columns, or with the same in another order."""
    for name, columns in input_columns(spec).items():
        if columns != feeds.get(name, columns):
            raise Fault(
                "E702",
                f"the weights were trained with {name} = {_columns(feeds[name])}, "
                f"{spec.name} feeds it with {_columns(columns)}",
                help="an input means what it was trained with: give its columns in that order",
            )


def _tokenizers(run: Path, names: Any) -> Lists:
    """The tokenizer of a run, by the inputs and targets whose ids are its own. Raises E707 where it is gone."""
    if not isinstance(names, list) or not names:
        return {}
    try:
        content = (run / TOKENIZER_FILE).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Fault("E707", f"{run / TOKENIZER_FILE} cannot be read: {error}") from error
    return dict.fromkeys(map(str, names), (content,))


def _record(note: str) -> dict[str, Any]:
    """The record of an epoch that stands in a file of weights; nothing for one from elsewhere."""
    try:
        found = json.loads(note or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _no_weights(folder: Path) -> Fault:
    """E707 for a folder that is no run, nor one of Hugging Face's."""
    pickle = next(iter(sorted(folder.glob("pytorch_model*.bin"))), None)
    if pickle:
        return unreadable(pickle, ValueError())
    return Fault("E707", f"{folder} is no run directory: it has no run.json, nor is there a {FILE}")


def _holds_weights(path: Path) -> bool:
    inside = ("run.json", FILE, FILE + INDEX)
    return path.name.endswith((".safetensors", INDEX)) or any((path / name).is_file() for name in inside)


def _columns(names: tuple[Any, ...]) -> str:
    return f"[{', '.join(map(quoted, names))}]"


def _lists(facts: Any) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(found) for name, found in facts.items()} if isinstance(facts, dict) else {}
