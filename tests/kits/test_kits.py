"""The hooks of pre-commit and the GitHub action, called as their runners call them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
BIN = Path(sys.executable).parent
NEAT = "nnspec 1\n\nmodel m {\n  input x: float32[N, 4]\n  dense(3)\n}\n"
UGLY = NEAT.replace("  dense", "dense")
WRONG = NEAT.replace("dense", "densse")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in {
        "neat.nn": NEAT,
        "ugly.nn": UGLY,
        "wrong.nn": WRONG,
        "a b.nn": NEAT,
        "note.txt": "no spec",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def hook(id: str, folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """What pre-commit does: the entry with its arguments and the names of the files that match."""
    own = HOOKS[id]
    files = [name for name in names if re.search(own["files"], name)]
    command, *arguments = own["entry"].split()
    arguments += [*own.get("args", []), *files]
    return subprocess.run([str(BIN / command), *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_the_check_hook(repository: Path) -> None:
    assert hook("nnspec-check", repository, "neat.nn", "a b.nn", "note.txt").returncode == 0
    done = hook("nnspec-check", repository, "neat.nn", "wrong.nn")
    assert done.returncode == 1 and "wrong.nn:5:3: error[E201]" in done.stdout


def test_the_layout_hook_changes_files_which_pre_commit_takes_for_a_failure(repository: Path) -> None:
    assert hook("nnspec-fmt", repository, "neat.nn", "ugly.nn").returncode == 0
    assert (repository / "ugly.nn").read_text() == NEAT


def test_the_hooks_are_what_pre_commit_installs() -> None:
    for own in HOOKS.values():
        assert own["language"] == "python" and own["require_serial"] is True and own["entry"].startswith("nnspec ")


def action(folder: Path, **given: str) -> list[subprocess.CompletedProcess[str]]:
    """What a runner does with a composite action, from the second step on: each step in a bash that stops at errors."""
    inputs = {name: str(own["default"]) for name, own in ACTION["inputs"].items()} | given
    temporary = folder.parent / "runner"
    (temporary / "nnspec" / "bin").mkdir(parents=True, exist_ok=True)
    link = temporary / "nnspec" / "bin" / "nnspec"
    link.unlink(missing_ok=True)
    link.symlink_to(BIN / "nnspec")
    done = []
    for step in ACTION["runs"]["steps"][1:]:
        if "if" in step and not _holds(step["if"], inputs):
            continue
        variables = {name: _filled(value, inputs) for name, value in step["env"].items()}
        variables |= {"RUNNER_TEMP": str(temporary), "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_WORKSPACE": str(folder)}
        script = temporary / "step.sh"
        script.write_text(step["run"])
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done.append(
            subprocess.run(shell, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | variables)
        )
        if done[-1].returncode:
            break
    return done


def _filled(text: str, inputs: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: inputs[match[1]], text)


def _holds(condition: str, inputs: dict[str, str]) -> bool:
    left, right = re.fullmatch(r"\$\{\{ inputs\.(\w+) == '(\w+)' \}\}", condition).groups()  # type: ignore[union-attr]
    return inputs[left] == right


def test_the_action_installs_nnspec(tmp_path: Path) -> None:
    """The first step as it stands: an environment with nnspec from the action's own repository."""
    step = ACTION["runs"]["steps"][0]
    variables = {"PYTHON": sys.executable, "VERSION": "", "RUNNER_TEMP": str(tmp_path), "GITHUB_ACTION_PATH": str(ROOT)}
    assert set(step["env"]) == {"PYTHON", "VERSION"}
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(script, cwd=tmp_path, env=outside | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "neat.nn").write_text(NEAT)
    command = [str(tmp_path / "nnspec" / "bin" / "nnspec"), "check", "neat.nn", "--no-cache"]
    checked = subprocess.run(command, cwd=tmp_path, env=outside, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "1 file checked, no errors\n")


def test_the_action_shows_errors_beside_their_lines(repository: Path) -> None:
    (check,) = action(repository)
    assert check.returncode == 1
    assert check.stdout.startswith("::error file=wrong.nn,line=5,endLine=5,col=3,endColumn=9,title=nnspec E201::")


def test_the_action_checks_the_layout_too(repository: Path) -> None:
    check, layout = action(repository, paths="neat.nn ugly.nn\n")
    assert (check.returncode, layout.returncode) == (0, 1) and "+  dense(3)\n" in layout.stdout
    assert [one.returncode for one in action(repository, paths="neat.nn ugly.nn", fmt="false")] == [0]


def test_the_action_writes_sarif(repository: Path) -> None:
    (check,) = action(repository, paths="wrong.nn", sarif="found.sarif")
    assert check.returncode == 1 and '"ruleId": "E201"' in (repository / "found.sarif").read_text()


def test_inputs_of_the_action_are_never_part_of_a_script() -> None:
    steps: list[dict[str, Any]] = ACTION["runs"]["steps"]
    assert all("${{" not in step["run"] for step in steps)
    used = {name for step in steps for name in re.findall(r"inputs\.(\w+)", str(step))}
    assert used == set(ACTION["inputs"])
