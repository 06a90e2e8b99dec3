"""The files of onnxruntime-web that a page holds. They come from npm and are no part of nnspec."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from nnspec.diagnostics.errors import Fault

MODULE, BINARY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
OLDEST = (1, 20)
"""The oldest version whose bundle is one module beside one binary."""
HELP = "`npm install onnxruntime-web` here, or name its folder: --runtime node_modules/onnxruntime-web"


class OrtWeb(NamedTuple):
    """A JavaScript module, and the WebAssembly that it runs."""

    version: str
    module: bytes
    binary: bytes


def read_ort_web(folder: str | Path | None = None) -> OrtWeb:
    """From the folder of the package, by default the one that npm put beside the working directory or above it.

    Raises E730 where it is not there or too old.
    """
    found = Path(folder) if folder is not None else _installed(Path.cwd())
    if found is None:
        raise Fault("E730", "onnxruntime-web is not installed here", help=HELP)
    dist = found / "dist"
    try:
        version = str(json.loads((found / "package.json").read_text("utf-8"))["version"])
        content = (dist / MODULE).read_bytes(), (dist / BINARY).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Fault("E730", f"{found} does not hold onnxruntime-web: {error}", help=HELP) from error
    number = re.match(r"(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < OLDEST:
        raise Fault(
            "E730", f"{found} holds onnxruntime-web {version}, 1.20 is needed", help="npm update onnxruntime-web"
        )
    return OrtWeb(version, *content)


def _installed(start: Path) -> Path | None:
    """As Node looks for a package."""
    places = (folder / "node_modules" / "onnxruntime-web" for folder in (start, *start.parents))
    return next((place for place in places if place.is_dir()), None)
