"""Sessions of ONNX Runtime and bindings by address: the only file that imports onnxruntime.

Threads, measured on 2 cores: microseconds per training step of a perceptron with adamw, gradients and update in two
sessions, the best of five medians.

| threads                               | 784-128-10, batch 64 | 784-512-10, batch 128 |
|---------------------------------------|----------------------|-----------------------|
| 1                                     | 265                  | 1470                  |
| 2                                     | 221                  | 1750                  |
| 2, no spinning                        | 207                  | 1390                  |
| 2, spinning ends with the run         | 173                  | 1240                  |
| 2, one pool for the process           | 162                  | 1130                  |

Threads that spin after a run steal the cores from the next session, so here they stop with the run. One pool for the
process is a little better still, but then every other session of onnxruntime in the process fails to load. 20-64-2 at
batch 32 takes 19 on one thread and 21 on two, and a convolutional network for 64 images of 8 x 8, whose work is in 230
operators, 550 and 480 or, while another process has one of the cores, 890: so a graph with little work, or with little
in an operator, runs on the calling thread alone. LeNet-5 at batch 64, with 130 operators, takes 3670 and 2420.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]

from nnspec.diagnostics.errors import Fault

Array = np.ndarray[Any, Any]
Run = Callable[[], None]
"""A model bound to its arrays."""

SERIAL_WORK = 1_000_000
"""Multiply-accumulate operations below which a graph is faster on one thread."""
SERIAL_OPERATOR = 50_000
"""The same for each of its operators, on average."""

Memory = Literal["default", "fast", "lean"]
"""How a session holds the results of its operators.

"fast" hands freed memory to whatever comes next, which finds it in the cache, and from the second run on packs all into
one piece; the memory of the first run is kept beside that. "lean" does not pack. By default, memory that a later result
of the same size can take is kept for it, however long that takes.

| network, rows     | default       | fast          | lean          |
|-------------------|---------------|---------------|---------------|
| digits_cnn, 64    | 0.67 ms       | 0.63 ms       | 0.67 ms       |
| MobileNetV2, 16   | 69.6 ms       | 68.8 ms       | 70.9 ms       |
| ResNet-18, 16     | 274 ms        | 265 ms        | 265 ms        |
| ResNet-18, 32     | 1058 MB       | 918 MB        | 467 MB        |
"""

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
VERSION: str = ort.__version__


def available_cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(work: int, operators: int = 1, limit: int | None = None) -> int:
    """How many threads suit a graph of so many operators, which together have `work` multiply-accumulate operations in
    the forward pass; at most `limit`, by default the available cores."""
    serial = work < SERIAL_WORK or work < SERIAL_OPERATOR * operators
    return 1 if serial else max(1, limit or available_cores())


class Session:
    """A model, loaded.

    `device` is `cpu` or `cuda`. Without `spinning` threads that wait for others in a run sleep, which suits a process
    that has other work for the cores. `beside` holds tensors that the model refers to by name. Raises E701 where the
    device is missing, E705 where ONNX Runtime refuses the model.
    """

    def __init__(
        self,
        model: bytes,
        *,
        threads: int = 1,
        device: str = "cpu",
        memory: Memory = "default",
        spinning: bool = True,
        beside: Mapping[str, Array] | None = None,
    ) -> None:
        provider, options = _provider(device), _options(threads, memory, spinning)
        if beside:  # ONNX Runtime reads these arrays where they are
            self._beside = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in beside.items()}
            options.add_external_initializers(list(self._beside), list(self._beside.values()))
        self._session = _guarded(partial(ort.InferenceSession, model, options, providers=[provider]), "load")
        self.inputs: tuple[str, ...] = tuple(item.name for item in self._session.get_inputs())
        self.outputs: tuple[str, ...] = tuple(item.name for item in self._session.get_outputs())

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None, brake: Brake | None = None
    ) -> dict[str, Array]:
        """The outputs for these inputs, in new arrays. A call that `brake` ends raises Stopped."""
        names = list(outputs or self.outputs)
        try:
            results = self._session.run(names, dict(feeds), brake.options if brake else None)
        except Exception as error:
            if brake and brake.pulled:
                raise Stopped from error
            raise _fault(error, "run") from error
        return dict(zip(names, results, strict=True))

    def bind(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array], brake: Brake | None = None) -> Run:
        """The model on fixed arrays: every call reads and writes these in place. Inputs of other names are left out.

        A call that `brake` ends raises Stopped, and leaves the outputs half written.
        """
        used = {name: inputs[name] for name in self.inputs}
        if any(array.dtype.hasobject for array in used.values()):
            return partial(self._run_into, used, outputs)
        return Binding(self._session, used, outputs, brake)

    def _run_into(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
        """One run with text among the inputs, which has no address to bind."""
        for name, array in self.run(inputs, tuple(outputs)).items():
            outputs[name][...] = array


class Stopped(Exception):
    """A run of ONNX Runtime was ended by its brake."""


class Brake:
    """Ends the runs that carry it, from any thread. While it is pulled, a new run ends at once."""

    def __init__(self) -> None:
        self.options = ort.RunOptions()
        # Not asked for, this entry makes onnxruntime's Python wrapper raise and catch an error in every run: 25 us.
        self.options.add_run_config_entry("gpu_graph_id", "-1")

    @property
    def pulled(self) -> bool:
        return bool(self.options.terminate)

    def pull(self) -> None:
        self.options.terminate = True

    def release(self) -> None:
        self.options.terminate = False


class Binding:
    """A model bound to arrays by address; calling it runs the model once.

    The arrays are kept alive, and must stay where they are. An output may have the address of an input where the
    operator that writes it is elementwise and follows every other reader of the input; nothing checks that.
    """

    def __init__(
        self, session: Any, inputs: Mapping[str, Array], outputs: Mapping[str, Array], brake: Brake | None
    ) -> None:
        binding = session.io_binding()
        for name, array in inputs.items():
            binding.bind_input(name, "cpu", 0, array.dtype, array.shape, _address(name, array))
        for name, array in outputs.items():
            binding.bind_output(name, "cpu", 0, array.dtype, array.shape, _address(name, array))
        self._arrays = (dict(inputs), dict(outputs))
        self._brake = brake
        self._run = partial(session.run_with_iobinding, binding, brake.options if brake else None)

    def __call__(self) -> None:
        try:
            self._run()
        except Exception as error:
            if self._brake and self._brake.pulled:
                raise Stopped from error
            raise _fault(error, "run") from error


def _address(name: str, array: Array) -> int:
    if not array.flags.c_contiguous:
        raise ValueError(f"{name}: only a contiguous array can be bound")
    return int(array.ctypes.data)


def _provider(device: str) -> str:
    if device not in PROVIDERS:
        raise Fault("E701", f"there is no device {device!r}", help="cpu or cuda")
    if PROVIDERS[device] not in ort.get_available_providers():
        raise Fault(
            "E701",
            f"this onnxruntime has no {PROVIDERS[device]}",
            help="pip install onnxruntime-gpu, or leave the device at cpu",
        )
    return PROVIDERS[device]


def _options(threads: int, memory: Memory, spinning: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.enable_mem_reuse = memory == "default"
    options.enable_mem_pattern = memory != "lean"
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never ORT's own, which its bytes may feign
    return options


def _guarded(call: Callable[[], Any], what: str) -> Any:
    try:
        return call()
    except Exception as error:
        raise _fault(error, what) from error


def _fault(error: Exception, what: str) -> Fault:
    """ONNX Runtime's message without its prefix of names and numbers."""
    text = str(error).rsplit("] : ", 1)[-1].strip().splitlines()
    return Fault("E705", f"ONNX Runtime failed to {what} the model: {text[0] if text else type(error).__name__}")
