"""Model files from elsewhere: refused with a code, in bounded time and memory, and nothing outside their folder is
opened."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import hostile_models
import numpy as np
import onnx
import pytest
from hostile_models import CANARY, FILES, sound, write

from nnspec.cli.main import main
from nnspec.compiler import trial
from nnspec.compiler.deployed import Deployed
from nnspec.compiler.foreign import read_model
from nnspec.diagnostics.errors import Fault

SECONDS = {True: 12.0, False: 4.0}
"""Of processor time, with the trial and without; a file of 10 MB takes 1.5, the others 0.05."""
SLOW = {"three_million_nodes"}
"""A file of 10 MB, which takes a second: one command stands for all."""
opened: list[str] = []
"""Paths that this process has opened while it was watched."""
watching = [False]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if watching[0] and event in ("open", "os.listdir", "os.scandir") and arguments:
        opened.append(os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else str(arguments[0]))


sys.addaudithook(_audit)


def processor() -> float:
    """The seconds of processor time of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "LOAD_SECONDS", 3.0)
    monkeypatch.setattr(trial, "RUN_SECONDS", 2.0)


def test_there_are_enough() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("name", FILES)
def test_refused(name: str, tmp_path: Path) -> None:
    attack = FILES[name]
    (folder := tmp_path / "model").mkdir()
    path = folder / "m.onnx"
    attack.write(path)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, processor()
    opened.clear()
    watching[0] = True
    try:
        with pytest.raises(Fault) as caught:
            read_model(path)
    finally:
        watching[0] = False
    fault = caught.value
    assert fault.code == attack.code, fault.message
    assert processor() - start < SECONDS[attack.trial]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB: the file itself, and its parts
    allowed = (str(folder.resolve()), os.environ["NNSPEC_CACHE_DIR"], "/proc/meminfo", "/sys/fs/cgroup", os.devnull)
    assert [p for p in opened if p.startswith("/") and not p.startswith((*allowed, sys.prefix, sys.base_prefix))] == []
    assert not any(p.endswith("secret.bin") for p in opened)
    assert CANARY.decode()[:24] not in f"{fault.message} {fault.help}"
    assert fault.message.isprintable() and len(fault.message) < 2000


@pytest.mark.parametrize("name", sorted({*FILES} - {name for name in FILES if FILES[name].trial} - SLOW))
def test_every_command_refuses_it(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "m.onnx"
    FILES[name].write(path)
    np.save(tmp_path / "x.npy", np.ones((1, 2), np.float32))
    np.savez(tmp_path / "golden.npz", x=np.ones((1, 2), np.float32), y=np.ones((1, 6), np.float32))
    commands = [["run", str(path), "--input", f"x={tmp_path / 'x.npy'}"], ["show", str(path)]]
    commands += [["verify", str(path), str(tmp_path / "golden.npz")]]
    for command in commands:
        if command[0] == "show" and name in ("operator_that_there_is_not", "attribute_of_a_wrong_kind"):
            continue  # shown as it is, since nothing runs it
        code = main(command)
        said = capfd.readouterr()
        wanted = "E707" if command[0] == "run" and name == "folder_as_model" else FILES[name].code
        assert code == 1 and f"error[{wanted}]" in said.err, said.err
        assert CANARY.decode()[:24] not in said.err + said.out and "Traceback" not in said.err


def test_what_is_sound_runs_also_with_its_weights_beside_it(tmp_path: Path) -> None:
    x = np.ones((3, 2), np.float32)
    write(tmp_path / "m.onnx", sound())
    wanted = Deployed.load(tmp_path / "m.onnx").run({"x": x})["y"]
    assert wanted.tolist() == [[1, 5, 9, 13, 17, 21]] * 3
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(bytes(8) + hostile_models.W.tobytes())
    for place in ({"offset": 8}, {"offset": 8, "length": 48}):
        hostile_models.external(tmp_path / "e.onnx", "sub/w.bin", **place)
        assert Deployed.load(tmp_path / "e.onnx").run({"x": x})["y"].tolist() == wanted.tolist()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.onnx").symlink_to(tmp_path / "e.onnx")
    assert Deployed.load(tmp_path / "elsewhere" / "link.onnx").run({"x": x})["y"].tolist() == wanted.tolist()


def test_a_model_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNSPEC_CACHE_DIR", str(tmp_path / "cache"))
    write(tmp_path / "m.onnx", sound())
    tried: list[str] = []
    monkeypatch.setattr("nnspec.compiler.foreign.require_sound", lambda _, source: tried.append(source))
    for _ in range(3):
        read_model(tmp_path / "m.onnx")
    assert len(tried) == 1
    changed = sound()
    changed.doc_string = "another"
    write(tmp_path / "m.onnx", changed)
    read_model(tmp_path / "m.onnx")
    assert len(tried) == 2


def test_bytes_that_feign_the_format_of_onnxruntime(tmp_path: Path) -> None:
    """A model whose bytes 4 to 8 say ORTM would be taken for a flat buffer of ONNX Runtime's own."""
    proto = onnx.ModelProto.FromString(b"\x08\x08\x12\x0cORTM12345678")
    proto.MergeFrom(sound())
    proto.producer_name = "ORTM12345678"
    (tmp_path / "m.onnx").write_bytes(data := proto.SerializeToString())
    assert data[4:8] == b"ORTM"
    assert Deployed.load(tmp_path / "m.onnx").run({"x": np.ones((1, 2), np.float32)})["y"].shape == (1, 6)


def test_mutated_models_are_refused_or_run(tmp_path: Path) -> None:
    """A sample; the whole campaign is in `make soak`."""
    from tests.soak import FACTOR

    random = np.random.default_rng(7)
    whole = sound().SerializeToString()
    path = tmp_path / "m.onnx"
    refused = 0
    for _ in range(15 * FACTOR):
        data = bytearray(whole)
        for place in random.integers(0, len(data), random.integers(1, 4)):
            data[place] = random.integers(256)
        path.write_bytes(data)
        try:
            read_model(path)
        except Fault as fault:
            assert fault.code in hostile_models.CODES
            refused += 1
    assert refused > 0
