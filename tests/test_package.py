"""The wheel: built, installed elsewhere, and used without the repository."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SPEC = """nnspec 1

use std.feedforward: mlp

model small {
  input x: float32[N, 3]
  output y = x -> mlp(8) -> dense(1)
}
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_grammar_and_standard_library(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {
        "nnspec/grammar/nnspec.lark",
        "nnspec/std/feedforward.nn",
        "nnspec/language/tables.json",
        "nnspec/py.typed",
    } <= set(names)
    assert not [name for name in names if name.startswith(("tests", "specs", "benchmarks"))]


def test_an_installed_wheel_compiles_a_spec(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = f"-m pip install --quiet --no-deps --no-index --target {site} {wheel}"
    subprocess.run([sys.executable, *install.split()], check=True)
    (tmp_path / "small.nn").write_text(SPEC)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import nnspec; assert {str(site)!r} in nnspec.__file__;"
        "from nnspec.cli.main import main; sys.exit(main(['compile', 'small.nn', '-o', 'small.onnx']))"
    )
    command = [sys.executable, "-S", "-c", _with_dependencies(code)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "small.onnx").stat().st_size > 0


def _with_dependencies(code: str) -> str:
    """`code` with the dependencies of this environment on the path, but not the editable package itself."""
    folders = [path for path in sys.path if path.endswith("site-packages")]
    return f"import sys; sys.path += {folders!r}; {code}"
