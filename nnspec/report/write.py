"""`RUN/report.html`, from the files of a run and its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nnspec.data.dataset import load
from nnspec.data.rows import Dataset
from nnspec.diagnostics.errors import Fault, NnspecError
from nnspec.library import registries
from nnspec.report.masks import masks
from nnspec.report.page import Picture, page
from nnspec.report.predictions import compared
from nnspec.report.story import Story, read_story
from nnspec.runtime.edge import run_errors
from nnspec.runtime.files import write_text

NAME = "report.html"
Rows = Callable[[str], Dataset]
"""Gives the rows of a split."""


@run_errors()
def write_report(run: str | Path, *, rows: Rows | None = None, folder: str | Path | None = None) -> Path:
    """Write the report of a run into its directory; the path of the file.

    `rows` gives the splits where they are in memory already; without it the data is read as the run did, paths
    starting in `folder`, by default that of the run. What cannot be read or drawn is left out, and the page says why.
    Raises E707 where there is no run or the file cannot be written.
    """
    story = read_story(Path(run))
    notes: list[str] = []
    splits = _splits(story, rows, folder, notes)
    shown = next((name for name in ("validation", "train") if name in splits), "")
    pictures = _pictures(story, splits[shown], notes) if shown and story.records else []
    target = story.folder / NAME
    write_text(target, page(story, splits, pictures, shown, notes))
    return target


def _splits(story: Story, rows: Rows | None, folder: str | Path | None, notes: list[str]) -> dict[str, Dataset]:
    """The splits that can be read."""
    declared = story.spec.data
    names = [n for n in ("train", "validation", "test") if declared is None or getattr(declared, n) is not None]
    try:
        if rows is not None:
            return {name: rows(name) for name in names}
        if declared is None:
            return {}
        classes = {name: tuple(found) for name, found in story.facts.get("classes", {}).items()}
        start = folder if folder is not None else story.facts.get("folder")
        found = load(story.spec, registries(), start, story.facts.get("seed"), classes)
        return {name: split for name in names if (split := getattr(found, name)) is not None}
    except (NnspecError, Fault, OSError) as error:
        notes.append(f"The data could not be read, so there is no picture of the predictions: {error}")
        return {}


def _pictures(story: Story, split: Dataset, notes: list[str]) -> list[Picture]:
    """The predictions of a split; none where they fail, which must not take the rest of the report with it."""
    try:
        told = story.spec, story.folder, story.facts.get("classes", {}), split
        return [*compared(*told), *masks(*told)]
    except Exception as error:
        notes.append(f"The predictions could not be drawn: {error}")
        return []
