"""`python -m nnspec.docs FOLDER`: write every made page, or with `--check` only say which are stale."""

from __future__ import annotations

import sys
from pathlib import Path

from nnspec.docs.pages import pages


def main(arguments: list[str]) -> int:
    """The exit code: 1 where `--check` found a stale page, 2 for wrong usage."""
    check = "--check" in arguments
    folders = [argument for argument in arguments if argument != "--check"]
    if len(folders) != 1:
        print("usage: python -m nnspec.docs [--check] FOLDER", file=sys.stderr)
        return 2
    stale = [path for path, text in pages(Path(folders[0])).items() if _update(path, text, write=not check)]
    for path in stale:
        print(f"{path} {'is stale' if check else 'written'}")
    return 1 if check and stale else 0


def _update(path: Path, text: str, *, write: bool) -> bool:
    """Whether the page differed."""
    differs = not path.exists() or path.read_text(encoding="utf-8") != text
    if differs and write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return differs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
