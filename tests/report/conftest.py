"""Runs to report on, trained once."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nnspec.cli.main import main

SPECS = Path(__file__).parent.parent.parent / "specs"
VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects what there is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def trained(folder: Path, spec: str, *more: str) -> Path:
    """The run directory of a spec of `specs/`."""
    shutil.copytree(SPECS, folder / "specs", dirs_exist_ok=True)
    run = folder / "run"
    assert main(["train", str(folder / "specs" / f"{spec}.nn"), "--out", str(run), "--quiet", *more]) == 0
    return run


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("iris"), "iris", "--epochs", "12")


@pytest.fixture(scope="session")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("diabetes"), "diabetes", "--epochs", "8")
