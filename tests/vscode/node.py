"""Node, and what npm installed beside this file; `make vscode` sees to both."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXTENSION = ROOT / "grammar" / "vscode"
SPECS = sorted(path for folder in ("specs", "nnspec", "tests/acceptance") for path in (ROOT / folder).rglob("*.nn"))


def node(script: str, *arguments: object, seconds: float = 300) -> Any:
    """What a script of this folder prints in its last line, which is JSON."""
    assert (HERE / "node_modules").is_dir(), "make vscode installs what these tests need"
    command = [shutil.which("node") or "node", str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
