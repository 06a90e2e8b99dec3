"""A model from elsewhere is tried in a process of its own, with bounded memory and time, before this one loads it.

ONNX Runtime has crashed on malformed models, and computes what depends on constants alone when it loads: 114 bytes made
it fill 1 GB. The process does nothing but load the model and run it on one row. It takes 0.25 s, most of it to import
ONNX Runtime; a model that passed is known by its SHA-256 and not tried again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from nnspec.data.memory import available_memory
from nnspec.data.wording import size_text
from nnspec.diagnostics.errors import Fault

LOAD_SECONDS, LOAD_SPEED = 20.0, 20_000_000
"""Time to load a model, and bytes that come on top of it per second."""
RUN_SECONDS = 60.0
SPARE, FACTOR = 2**29, 8
"""Memory that loading may take: 512 MiB and 8 times the weights."""
MEMORY = ("bad_alloc", "bad allocation", "allocate memory", "out of memory", "would require more than")
"""What ONNX Runtime says where memory is short."""
HELP = "if the model is meant to be so, load it with onnxruntime"
CODE = "from nnspec.compiler.trial import main; main()"


class Trial(NamedTuple):
    """What is tried, and within which bounds."""

    model: bytes
    inputs: Mapping[str, tuple[str, Sequence[int]]]
    """Dtype and shape by name, for the run on one row."""
    weights: int
    """Bytes of the tensors."""
    folder: str = ""
    """Where tensors lie that are in other files."""


def require_sound(trial: Trial, source: str) -> None:
    """Raise E732 where the model crashes ONNX Runtime, or takes more time or memory than it may; E705 where ONNX
    Runtime refuses it."""
    load = SPARE + FACTOR * trial.weights
    room = max(int(available_memory() * 0.8), load) + (trial.weights if trial.folder else 0)  # what is mapped counts
    seconds = LOAD_SECONDS + trial.weights / LOAD_SPEED
    limits = {"memory": [load, room], "seconds": [int(seconds) + 1, int(seconds + RUN_SECONDS) + 1]}
    task = json.dumps({"size": len(trial.model), "inputs": trial.inputs, "folder": trial.folder, **limits}).encode()
    said, code = _answer(task + b"\n" + trial.model, seconds + RUN_SECONDS + 10, source)
    done = said[-1] if said else "started"
    if done == "ran":
        return
    if done.startswith("refused "):
        raise Fault("E705", f"ONNX Runtime failed to load the model: {done.removeprefix('refused ')}")
    loading = done in ("started", "memory load")
    what = "is loaded" if loading else "runs on one row"
    if done.startswith("memory "):
        bound = size_text(load if loading else room)
        raise Fault("E732", f"{source} takes more than {bound} of memory when it {what}", help=HELP)
    if code in (-24, -9):  # SIGXCPU, and what follows it
        bound = f"{seconds if loading else RUN_SECONDS:.0f} s"
        raise Fault("E732", f"{source} takes more than {bound} when it {what}", help=HELP)
    raise Fault("E732", f"{source} crashes ONNX Runtime when it {what} (exit code {code})", help=HELP)


def _answer(task: bytes, seconds: float, source: str) -> tuple[list[str], int]:
    """What the process says, line by line, and its exit code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    command = [sys.executable, "-c", CODE]
    try:
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            try:
                out, _ = process.communicate(task, seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                out, _ = process.communicate()
    except OSError as error:
        raise Fault("E732", f"no process can be started to try {source} in: {error.strerror}") from error
    return out.decode("utf-8", "replace").splitlines(), process.returncode


def main() -> None:
    """The process: limits, load, run."""
    import numpy as np

    from nnspec.runtime.session import Session

    task = json.loads(sys.stdin.buffer.readline())
    model = sys.stdin.buffer.read(task["size"])
    beside = _mapped(model, task["folder"]) if task["folder"] else None
    before = _peak()
    _limit(task["memory"][1], task["seconds"][0])
    try:
        session = Session(model, threads=1, beside=beside)
    except (MemoryError, Fault) as fault:
        _end("memory load" if _is_memory(fault) else f"refused {fault}")
    if _peak() - before > task["memory"][0]:  # ONNX Runtime goes on where a constant does not fit
        _end("memory load")
    print("loaded", flush=True)
    _limit(task["memory"][1], task["seconds"][1])
    try:
        arrays = {name: np.zeros(shape, _dtype(dtype)) for name, (dtype, shape) in task["inputs"].items()}
        session.run({name: np.full(a.shape, "", object) if a.dtype.kind == "U" else a for name, a in arrays.items()})
    except (MemoryError, ValueError, Fault) as fault:
        if _is_memory(fault):
            _end("memory run")
    _end("ran")


def _mapped(model: bytes, folder: str) -> dict[str, Any]:
    """The tensors of a model that lie in other files."""
    from nnspec.graph import external_data, onnx_file

    return external_data.read(onnx_file.from_bytes(model, "the model"), Path(folder))


def _dtype(name: str) -> Any:
    from nnspec.graph.dtypes import numpy_dtype

    return numpy_dtype(name)


def _is_memory(error: Exception) -> bool:
    """Whether memory is short; NumPy says ValueError for sizes beyond all memory."""
    return not isinstance(error, Fault) or any(words in error.message.lower() for words in MEMORY)


def _peak() -> int:
    """The most bytes of memory that this process has had."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    with suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return 0


def _end(word: str) -> None:
    """Say how it went, and leave without tidying up what a hostile model may have spoilt."""
    print(word.replace("\n", " "), flush=True)
    os._exit(0)


def _limit(memory: int, seconds: int) -> None:
    """Bound the memory of this process beyond what it has, and its processor time."""
    with suppress(ImportError, ValueError, OSError, IndexError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory, resource.RLIM_INFINITY))


__all__ = ["Trial", "main", "require_sound"]
