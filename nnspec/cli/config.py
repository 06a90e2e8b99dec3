"""`[tool.nnspec]` in the nearest pyproject.toml: what `check` and `fmt` leave out, allow and insist on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

FILE = "pyproject.toml"
NAMED = ("tool.nnspec", 'tool."nnspec"', "tool.'nnspec'")
"""How the table is named; without it the file is not parsed, since that takes longer than a check that is known."""


class WrongUsage(Exception):
    """The settings of a project, or the options of a command, mean nothing."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message + (f"\n  help: {help}" if help else ""))


class Config(NamedTuple):
    """The settings of a project."""

    exclude: tuple[str, ...] = ()
    """Patterns of files and folders that are left out of folders."""
    allow: tuple[str, ...] = ()
    """Codes of warnings that are not given."""
    strict: bool = False
    """Whether warnings count as errors."""
    root: str | None = None
    """The folder that used files must lie in, relative to that of pyproject.toml."""


def config() -> Config:
    """The settings of the project around the working directory. Raises WrongUsage where they are wrong."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / FILE
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            return _read(text, path) if any(name in text for name in NAMED) else Config()
    return Config()


def _read(text: str, path: Path) -> Config:
    import tomllib
    from difflib import get_close_matches

    try:
        tools = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise WrongUsage(f"{path} cannot be read: {error}") from error
    table = tools.get("nnspec", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise WrongUsage(f"[tool.nnspec] of {path} is no table", "write [tool.nnspec], and settings below it")
    found: dict[str, Any] = {}
    known = list(Config._fields)
    for key, value in table.items():
        if key not in known:
            close = get_close_matches(key, known, n=1)
            help = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise WrongUsage(f"[tool.nnspec] of {path} has no setting {key}", help)
        found[key] = _accepted(key, value, path)
    if "root" in found:
        found["root"] = str(path.parent / found["root"])
        if not Path(found["root"]).is_dir():
            raise WrongUsage(f"root in [tool.nnspec] of {path}: there is no folder {found['root']}")
    return Config(**found)


def _accepted(key: str, value: Any, path: Path) -> Any:
    wanted = {"strict": "true or false", "root": "a string"}.get(key, "a list of strings")
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    fits = {"strict": isinstance(value, bool), "root": isinstance(value, str)}.get(key, texts)
    if not fits:
        raise WrongUsage(f"{key} in [tool.nnspec] of {path} is {wanted}")
    if key == "allow":
        _known_codes(value, path)
    return tuple(value) if isinstance(value, list) else value


def _known_codes(codes: list[str], path: Path) -> None:
    from nnspec.diagnostics.catalogue import CATALOGUE

    for code in codes:
        if not code.startswith("W") or code not in CATALOGUE:
            there = ", ".join(sorted(known for known in CATALOGUE if known.startswith("W")))
            raise WrongUsage(f"allow in [tool.nnspec] of {path}: {code} is no code of a warning", f"there are {there}")
