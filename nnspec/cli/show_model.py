"""`nnspec show model.onnx`: what a model file takes and gives, and what it says about itself."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from nnspec.api import RequirementWarning, load
from nnspec.diagnostics.errors import Fault, NnspecError
from nnspec.graph import onnx_file
from nnspec.graph.external_data import referring, size_of
from nnspec.ir.spec import Spec


def spec_of(path: str, said: Mapping[str, str]) -> Spec | None:
    """The spec that a model file was compiled from, elaborated anew from its text; None for a file of somebody else.
    Raises SpecError for a text that this version does not read."""
    source = said.get("nnspec.spec")
    if not source:
        return None
    files = _texts(said.get("nnspec.files")) or {"spec.nn": source}
    settings = {
        name: tuple(v) if isinstance(v, list) else v for name, v in _object(said.get("nnspec.settings")).items()
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        main = next(iter(files))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RequirementWarning)
                spec = load(Path(folder, main), set=settings, root=folder)
        except NnspecError as error:
            raise type(error)([replace(found, span=None) for found in error.diagnostics]) from error
    return spec.model_copy(update={"path": path})


def summary(model: Any) -> str:
    """Inputs, outputs, operators and size of any ONNX model."""
    nodes = Counter(node.op_type for node in model.graph.node)
    operators = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in nodes.most_common())
    opsets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import)
    rows = [
        *(("input", f"{name}: {type}") for name, type in onnx_file.signature(model).items()),
        *(("output", f"{name}: {type}") for name, type in onnx_file.results(model).items()),
        ("opset", f"{opsets}, file format {model.ir_version}"),
        ("size", f"{model.ByteSize() + sum(map(size_of, referring(model))):,} bytes"),
        ("nodes", f"{len(model.graph.node)}: {operators}"),
    ]
    return _table(rows)


def lineage(said: Mapping[str, str]) -> str:
    """What the file says about where its weights come from; a line per fact."""
    known, metrics = _object(said.get("nnspec.lineage")), _object(said.get("nnspec.metrics"))
    rows = [("compiled by", f"nnspec {said.get('nnspec.version', '?')}")]
    rows += [(name, str(known[name])) for name in ("epoch", "step", "seed") if name in known]
    rows += [(name, f"{value:.6g}" if isinstance(value, float) else str(value)) for name, value in metrics.items()]
    rows += [("data", f"{path}, SHA-256 {digest}") for path, digest in _pairs(known.get("data"))]
    if versions := dict(_pairs(known.get("versions"))):
        rows.append(("trained with", ", ".join(f"{name} {version}" for name, version in versions.items())))
    if tokenizer := _json(said, "tokenizer"):
        rows.append(("tokenizer", f"{tokenizer.get('file')}, SHA-256 {tokenizer.get('sha256')}"))
    rows += [("classes", f"{name}: {', '.join(map(str, found))}") for name, found in _pairs(_json(said, "classes"))]
    rows += [
        (name.replace("_", " "), said[key]) for key in DIGESTS if (name := key.removeprefix("nnspec.")) and key in said
    ]
    return _table(rows)


DIGESTS = ("nnspec.precision", "nnspec.quantize", "nnspec.spec_sha256", "nnspec.weights_sha256")


def _table(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def _json(said: Mapping[str, str], key: str) -> dict[str, Any]:
    return _object(said.get(f"nnspec.{key}"))


def _pairs(found: Any) -> Iterator[tuple[str, Any]]:
    yield from found.items() if isinstance(found, dict) else ()


def _texts(content: str | None) -> dict[str, str]:
    """Texts by the relative paths of their files. Raises E705 for a path that leads elsewhere."""
    found = {name: text for name, text in _object(content).items() if isinstance(text, str)}
    for name in found:
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or name.startswith("/") or any(c in name for c in "\\:\0"):
            raise Fault("E705", f"the file says that its spec lies at {name!r}, which is no place beside it")
    return found


def _object(text: str | None) -> dict[str, Any]:
    """A JSON object; a file from elsewhere may hold anything, and then says nothing."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
