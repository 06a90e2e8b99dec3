"""docs/serving.md with its server: the commands and programs that ask it print what is shown."""

from __future__ import annotations

import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "docs"))  # where the runner of pages is

from runner import matches, run_block  # noqa: E402
from snippets import commands, snippets  # noqa: E402

from tests.serving.test_ending import served  # noqa: E402

PORT = "8000"


def test_the_page_and_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    blocks = snippets(ROOT / "docs" / "serving.md")
    begin = next(i for i, block in enumerate(blocks) if "serve" in block.words)
    for block in blocks[:begin]:
        run_block(block)
    (command,) = commands(blocks[begin])
    asked = 0
    with served(*command.line.split()[2:]) as (_, port, lines):
        assert matches(command.shown.replace(PORT, str(port)), "\n".join(lines))
        for block in blocks[begin:]:
            if "served" not in block.words:
                continue
            asked += 1
            if block.language == "python":
                out = StringIO()
                with redirect_stdout(out):
                    exec(compile(block.text.replace(PORT, str(port)), str(block), "exec"), {"__name__": "snippet"})
                assert out.getvalue().strip()
            for question in commands(block) if block.language == "console" else ():
                line = question.line.replace(PORT, str(port))
                done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
                assert matches(question.shown, done.stdout), done.stdout
    assert asked == 4
