"""The table of rooms in architecture.md is the package, and its order is that of the imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from snippets import ROOT

PACKAGE = ROOT / "nnspec"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMS = re.findall(r"^\| `(\w+)` \|", PAGE.partition("### Diagnostics")[0], re.MULTILINE)


def test_the_table_names_every_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    files = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("_")}
    assert folders | files <= set(ROOMS)


def test_imports_point_up_the_table() -> None:
    down = []
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ROOMS:
            below = set(ROOMS[ROOMS.index(room) + 1 :])
            down += [(str(path), name) for name in rooms_of(path) if name in below]
    assert not down


def rooms_of(path: Path) -> Iterator[str]:
    """The rooms that a file imports when it is imported; what functions and type checkers import does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("nnspec."):
            yield str(statement.module).split(".")[1]
