"""Data and weights from elsewhere: refused with a code, in bounded time and memory, and nothing of them is run."""

from __future__ import annotations

import gc
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hostile_arrays import FILES, SAFETENSORS
from test_io import typed

from nnspec.data.io import Wishes, open_inputs
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.runtime.tensor_file import read_tensors

BOUND = 150_000
"""KB of memory beyond the file: a line of 16 MB and its parts."""
CODES = ("E602", "E603", "E604", "E605", "E607", "E608", "E609")
done: list[str] = []
watching = [False]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if watching[0] and event in ("pickle.find_class", "os.system", "subprocess.Popen", "socket.connect", "exec"):
        done.append(event)
    elif watching[0] and event == "open" and isinstance(arguments[0], str) and arguments[0].startswith("/"):
        done.append(f"open {arguments[0]}")


sys.addaudithook(_audit)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_there_are_enough() -> None:
    assert len(FILES) + len(SAFETENSORS) >= 75


@pytest.mark.parametrize("name", FILES)
def test_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, make = FILES[name]
    Path(file).write_bytes(data := make())
    del data
    gc.collect()
    type = typed("uint8[N, 1, 2, 3]" if file.endswith("png") else "float32[N, 3]")
    done.clear()
    before, start = peak(), time.process_time()
    watching[0] = True
    try:
        with pytest.raises(DataError) as caught, open_inputs([f"x={file}"], {"x": type}, wishes=Wishes()) as inputs:
            for _ in inputs.batches(64):
                pass
    finally:
        watching[0] = False
    assert time.process_time() - start < 5
    assert peak() - before < BOUND
    found = caught.value.diagnostics[0]
    assert found.code in CODES and len(found.message) < 1000, found.message
    allowed = (str(tmp_path), sys.prefix, sys.base_prefix, str(Path(__file__).parents[2] / "nnspec"))
    assert [event for event in done if not event.startswith(tuple(f"open {place}" for place in allowed))
            and event != "exec"] == []  # fmt: skip


@pytest.mark.parametrize("name", SAFETENSORS)
def test_weights_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(SAFETENSORS[name]())
    gc.collect()
    before, start = peak(), time.process_time()
    with pytest.raises(Fault) as caught:
        read_tensors(path)
    assert caught.value.code == "E707" and len(caught.value.message) < 1000
    assert time.process_time() - start < 3
    assert peak() - before < 250_000
