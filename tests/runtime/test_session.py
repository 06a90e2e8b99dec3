"""Sessions and bindings by address."""

import numpy as np
import onnxruntime
import pytest

from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import Graph
from nnspec.graph.onnx_file import to_bytes, to_model
from nnspec.ir.dims import symbol
from nnspec.ir.types import TensorType
from nnspec.runtime.buffers import aligned
from nnspec.runtime.session import SERIAL_OPERATOR, SERIAL_WORK, Memory, Session, available_cores, threads_for


def doubling() -> bytes:
    g = Graph("doubling")
    x = g.input("x", TensorType("float32", (symbol("n"),)))
    g.output("y", g.op("Add", x, x))
    return to_bytes(to_model(g))


def test_run_gives_new_arrays_by_name() -> None:
    x = np.arange(4, dtype=np.float32)
    assert np.array_equal(Session(doubling()).run({"x": x})["y"], 2 * x)


def test_a_binding_reads_and_writes_in_place() -> None:
    x, y = aligned((5,), "float32"), aligned((5,), "float32")
    run = Session(doubling()).bind({"x": x, "unused": x}, {"y": y})
    for value in (1, 7):
        x[:] = value
        run()
        assert (y == 2 * value).all()


def test_an_elementwise_graph_may_write_over_its_input() -> None:
    x = aligned((1000,), "float32")
    x[:] = 1
    run = Session(doubling(), threads=2).bind({"x": x}, {"y": x})
    for _ in range(5):
        run()
    assert (x == 32).all()


@pytest.mark.parametrize("memory", ["default", "fast", "lean"])
def test_memory_changes_no_result(memory: Memory) -> None:
    """Three runs, since memory is packed from the second on."""
    g = Graph("chain")
    x = g.input("x", TensorType("float32", (64, 64)))
    y = x
    for _ in range(5):
        y = g.op("Tanh", g.op("Add", g.op("MatMul", y, x), y))
    g.output("y", y)
    model = to_bytes(to_model(g))
    given = np.random.default_rng(7).normal(size=(64, 64)).astype(np.float32)
    session = Session(model, memory=memory)
    for _ in range(3):
        assert np.array_equal(session.run({"x": given})["y"], Session(model).run({"x": given})["y"])


def test_a_binding_keeps_its_arrays_alive() -> None:
    run = Session(doubling()).bind({"x": np.ones(1 << 16, np.float32)}, {"y": np.empty(1 << 16, np.float32)})
    np.full(1 << 16, 9, np.float32)
    run()


def test_only_contiguous_arrays_are_bound() -> None:
    with pytest.raises(ValueError, match="contiguous"):
        Session(doubling()).bind({"x": np.ones(8, np.float32)[::2]}, {"y": np.ones(4, np.float32)})


def test_what_onnxruntime_refuses_is_a_fault() -> None:
    with pytest.raises(Fault, match="ONNX Runtime failed to load the model") as caught:
        Session(b"no model")
    assert caught.value.code == "E705"
    with pytest.raises(Fault, match="failed to run") as caught:
        Session(doubling()).run({"x": np.ones((2, 2), np.float32)})
    assert caught.value.code == "E705"


@pytest.mark.parametrize("device", ["cuda", "abacus"])
def test_a_device_that_is_not_there(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(Fault) as caught:
        Session(doubling(), device=device)
    assert caught.value.code == "E701"


def test_little_work_runs_on_one_thread() -> None:
    assert threads_for(SERIAL_WORK - 1, 1, 8) == 1
    assert threads_for(SERIAL_WORK, 1, 8) == 8
    assert threads_for(100 * SERIAL_OPERATOR, 100, 8) == 8
    assert threads_for(100 * SERIAL_OPERATOR, 101, 8) == 1
    assert threads_for(SERIAL_WORK) == available_cores()


def test_other_sessions_of_the_process_are_left_alone() -> None:
    Session(doubling(), threads=2)
    onnxruntime.InferenceSession(doubling(), providers=["CPUExecutionProvider"])
