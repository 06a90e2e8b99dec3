"""pre-commit itself, in a repository that uses nnspec's hooks: what docs/ci.md and the tutorial say, to the letter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.kits.test_kits import NEAT, ROOT, UGLY, WRONG

BIN = Path(sys.executable).parent
SHIPPED = ("nnspec", "grammar", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds nnspec as a repository of its own, tagged, and what pre-commit installs."""
    folder = tmp_path_factory.mktemp("hooks")
    for name in SHIPPED:
        source, target = ROOT / name, folder / "nnspec" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy(source, target)
    for line in ("git init --quiet", "git add .", "git commit --quiet -m nnspec", "git tag v0.1.0"):
        assert run(folder / "nnspec", folder, *line.split()).returncode == 0
    return folder


def run(folder: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    person = {f"GIT_{who}_{what}": "me@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    own = {"PRE_COMMIT_HOME": str(home / "cache"), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "FORCE_COLOR")}
    return subprocess.run(
        words, cwd=folder, env={**outside, **person, **own},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def test_commits_are_checked_and_laid_out(home: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    config = yaml.safe_load(page)
    assert config["repos"][0]["rev"] == "v0.1.0"
    config["repos"][0]["repo"] = str(home / "nnspec")
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))

    def act(*words: str) -> subprocess.CompletedProcess[str]:
        return run(tmp_path, home, *words)

    assert act("git", "init", "--quiet").returncode == 0
    assert act("pre-commit", "install").returncode == 0
    for name, text in {"neat.nn": NEAT, "note.txt": "no spec\n"}.items():
        (tmp_path / name).write_text(text)
    act("git", "add", ".")
    done = act("git", "commit", "-m", "neat")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Passed") == 2

    (tmp_path / "ugly.nn").write_text(UGLY)
    act("git", "add", ".")
    done = act("git", "commit", "-m", "ugly")
    assert done.returncode == 1 and "files were modified by this hook" in done.stdout
    assert (tmp_path / "ugly.nn").read_text() == NEAT
    act("git", "add", ".")
    assert act("git", "commit", "-m", "laid out").returncode == 0

    (tmp_path / "wrong.nn").write_text(WRONG)
    act("git", "add", ".")
    done = act("git", "commit", "-m", "wrong")
    assert done.returncode == 1 and "wrong.nn:5:3: error[E201]: there is no layer densse" in done.stdout
    everything = act("pre-commit", "run", "--all-files")
    assert everything.returncode == 1 and "error[E201]" in everything.stdout
    assert act("git", "rm", "--quiet", "--cached", "wrong.nn").returncode == 0
    assert act("pre-commit", "run", "--all-files").returncode == 0
