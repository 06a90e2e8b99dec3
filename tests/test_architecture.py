"""The house: imports point up this list, never down; `check` stays light; third parties have one door each."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nnspec"
ROOMS = [
    *("files", "diagnostics", "language", "ir", "graph", "layers", "autodiff", "recipe"),
    *(
        "data",
        "library",
        "runtime",
        "compiler",
        "training",
        "api",
        "estimator",
        "docs",
        "report",
        "browser",
        "editors",
        "serving",
        "cli",
    ),
]
"""From the top of the house to its cellar. A room imports those above it."""


def imports(path: Path) -> set[str]:
    """The modules that a file imports when it is imported; what only type checkers read does not count."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(n)
        for i in ast.walk(tree)
        if isinstance(i, ast.If) and "TYPE_CHECKING" in ast.dump(i.test)
        for n in ast.walk(i)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in hidden:
            found.add(node.module or "")
        elif isinstance(node, ast.Import) and id(node) not in hidden:
            found |= {alias.name for alias in node.names}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


def test_imports_point_up_the_house() -> None:
    for path in FILES:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for module in imports(path):
            _, _, inside = module.partition("nnspec.")
            room = inside.split(".")[0]
            if own in ROOMS and room in ROOMS:
                assert ROOMS.index(room) <= ROOMS.index(own), f"{path.relative_to(PACKAGE)} imports {module}"


@pytest.mark.parametrize("library, home", [("onnx", "graph/onnx_file.py"), ("onnxruntime", "runtime/session.py")])
def test_a_runtime_has_one_door(library: str, home: str) -> None:
    doors = [str(path.relative_to(PACKAGE)) for path in FILES if any(m.split(".")[0] == library for m in imports(path))]
    assert doors == [home]


def test_check_imports_nothing_that_computes() -> None:
    heavy = "numpy", "onnx", "onnxruntime", "safetensors", "pydantic", "lark"
    code = (
        "import sys, nnspec.cli.main as m; m.main(['check', 'specs/iris.nn']);"
        f"print([n for n in {heavy} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_files_stay_short() -> None:
    long = {str(p.relative_to(PACKAGE)): n for p in FILES if (n := len(p.read_text().splitlines())) > 300}
    assert not long


def test_nothing_in_a_spec_can_run_code() -> None:
    """Specs are data: the package has no way to evaluate text or to unpickle."""
    banned = {"eval", "exec", "compile", "__import__"}
    modules = {"pickle", "marshal", "shelve", "subprocess"}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in banned, path
        own = path.relative_to(PACKAGE).as_posix()
        # git for `nnspec diff`, and Python for a model from elsewhere
        allowed = {"subprocess"} if own in ("cli/revisions.py", "compiler/trial.py") else set()
        assert not {m.split(".")[0] for m in imports(path)} & (modules - allowed), path
