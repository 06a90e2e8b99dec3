"""One HTML file that holds a network, pictures, and what trains it, and asks for nothing from elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nnspec import __version__
from nnspec.browser.ort_web import OrtWeb, read_ort_web
from nnspec.browser.pictures import Pictures, Task, look, pictures, task
from nnspec.diagnostics.errors import Fault
from nnspec.report.markup import Html, tag
from nnspec.report.page import STYLE
from nnspec.runtime.edge import run_errors
from nnspec.runtime.files import write_text
from nnspec.training.trainer import Trainer
from nnspec.training.training_export import export_training

ASSETS = Path(__file__).with_name("assets")
MODULES = ("main", "answers", "pad", "chart", "gallery", "store", "tensors")
"""Of the page, beside its worker."""


@run_errors()
def write_page(trainer: Trainer, path: str | Path, runtime: str | Path | None = None) -> dict[str, Any]:
    """Write the page from the state that the trainer is in; what it says about itself.

    `runtime` is the folder of onnxruntime-web, by default that which npm installed here. Raises E730 for what is no
    image classifier or where onnxruntime-web is missing, E723 where the training cannot be written as files, E6xx where
    the data cannot be read.
    """
    ort = read_ort_web(runtime)
    wanted = task(trainer.spec)
    shown = pictures(trainer, wanted)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = export_training(trainer, folder, outputs={"scores": wanted.scores})
        files = _files(trainer, folder, manifest)
    files |= _arrays(shown)
    facts = _facts(trainer, wanted, shown, manifest, ort)
    facts["key"] = hashlib.sha256(b"".join(files.values())).hexdigest()[:32]
    write_text(Path(path), page(facts, {**files, **_programs(ort)}))
    return facts


def _files(trainer: Trainer, folder: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """The graphs for full batches, and the state to begin with."""
    assert trainer.spec.train
    names = manifest["files"]
    step = names["step"].get(str(trainer.spec.train.batch_size))
    if step is None:
        raise Fault("E730", f"there are fewer pictures than a batch of {trainer.spec.train.batch_size} takes")
    found = {"step": step, **{name: names[name] for name in ("update", "predict", "state")}}
    return {name: (folder / file).read_bytes() for name, file in found.items()}


def _arrays(shown: Pictures) -> dict[str, bytes]:
    return {
        "train.images": shown.images.tobytes(),
        "train.labels": shown.labels.tobytes(),
        "held.images": shown.held_images.tobytes(),
        "held.labels": shown.held_labels.tobytes(),
    }


def _programs(ort: OrtWeb) -> dict[str, bytes]:
    return {"worker": (ASSETS / "worker.js").read_bytes(), "ort.module": ort.module, "ort.binary": ort.binary}


def _facts(trainer: Trainer, wanted: Task, shown: Pictures, manifest: Mapping[str, Any], ort: OrtWeb) -> dict[str, Any]:
    spec = trainer.spec
    train = spec.train
    assert train
    batches = len(shown.images) // train.batch_size
    return {
        "name": spec.name,
        "spec": spec.files.get(spec.path, ""),
        "file": Path(spec.path).name,
        "input": wanted.input,
        "target": wanted.target,
        "classes": [str(name) for name in manifest["classes"].get(wanted.target, ())] or _numbers(spec, wanted),
        "dtype": str(shown.images.dtype),
        "shape": list(shown.images.shape[1:]),
        "rows": len(shown.images),
        "available": shown.available,
        "held": len(shown.held_images),
        "batch_size": train.batch_size,
        "updates": train.steps or max((train.epochs or 1) * batches // train.accumulate, 1),
        "parameters": spec.parameter_count,
        "look": look(shown.images),
        "manifest": {name: part for name, part in manifest.items() if name not in ("classes", "files")},
        "versions": {"nnspec": __version__, "onnxruntime-web": ort.version},
    }


def _numbers(spec: Any, wanted: Task) -> list[str]:
    """Class numbers where classes have no names: a target that is no label."""
    size = next(value.shape[1] for value in spec.values if value.name == wanted.scores)
    return [str(number) for number in range(int(size))]


def page(facts: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """The whole file."""
    modules = {f"page/{name}": _url((ASSETS / f"{name}.js").read_bytes()) for name in MODULES}
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{facts['name']} · training in the browser"),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(STYLE.read_text("utf-8") + (ASSETS / "page.css").read_text("utf-8"))),
        tag("script", _json({"imports": modules}), type="importmap"),
    )
    body = tag(
        "body",
        Html((ASSETS / "page.html").read_text("utf-8")),
        tag("script", _json(facts), type="application/json", id="facts"),
        tag("script", Html(_packed(files)), type="text/plain", id="files"),
        tag("script", Html('import "page/main";'), type="module"),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _json(value: Any) -> Html:
    """JSON inside of a script element, which only `<` could end."""
    return Html(json.dumps(value).replace("<", "\\u003c"))


def _url(script: bytes) -> str:
    return "data:text/javascript;base64," + b64encode(script).decode("ascii")


def _packed(files: Mapping[str, bytes]) -> str:
    """Files as text: base64 of gzip of a header in JSON behind its length, and the files one after another."""
    places, end = {}, 0
    for name, content in files.items():
        places[name] = [end, end + len(content)]
        end += len(content)
    header = json.dumps(places).encode()
    raw = len(header).to_bytes(8, "little") + header + b"".join(files.values())
    return b64encode(gzip.compress(raw, 9, mtime=0)).decode("ascii")
