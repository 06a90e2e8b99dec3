"""The extension in Visual Studio Code itself: code-server, which editor.sh builds, in Chromium."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vscode.node import ROOT, node
from tests.vscode.test_extension import packed

pytestmark = pytest.mark.editor
EDITOR = ROOT / "build" / "editor" / "node_modules" / "code-server" / "out" / "node" / "entry.js"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A code-server with the extension, over a folder with a spec; it is built by editor.sh."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    work, user = tmp_path / "work", tmp_path / "user"
    work.mkdir()
    spec = (ROOT / "specs" / "iris.nn").read_text()
    (work / "broken.nn").write_text(spec.replace("-> relu", "-> reluu", 1))
    (user / "User").mkdir(parents=True)
    settings = {"nnspec.command": str(Path(sys.executable).parent / "nnspec"), "workbench.startupEditor": "none"}
    (user / "User" / "settings.json").write_text(json.dumps(settings))
    own = ["--user-data-dir", user, "--extensions-dir", tmp_path / "extensions", "--config", tmp_path / "config.yaml"]
    outside = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        ["node", EDITOR, *own, "--install-extension", packed(tmp_path)], env=outside, check=True, capture_output=True
    )
    how = ["--auth", "none", "--bind-addr", f"127.0.0.1:{port}", "--disable-telemetry", "--disable-update-check"]
    server = subprocess.Popen(
        ["node", EDITOR, *own, *how, "--disable-workspace-trust", work],
        env=outside, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/?folder={work}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def test_it_works_in_the_editor(address: str, tmp_path: Path) -> None:
    """Colours, errors as one types, shapes at the ends of lines, documentation under the pointer, and a fix."""
    found = node("editor.mjs", address, "broken.nn", tmp_path / "editor.png")
    assert found["squiggles"] == 1 and found["colours"] >= 6
    assert any(line.startswith("  standardize") and line.endswith("float32[N, 4]") for line in found["lines"])
    assert "units" in found["hover"]
    assert "relu" in found["fix"] and not any("reluu" in line for line in found["mended"])
