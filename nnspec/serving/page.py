"""The page to try models by hand: one file, which asks this server alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from nnspec import __version__
from nnspec.serving.forms import form_of
from nnspec.serving.model import Model

FOLDER = Path(__file__).parent


def page(models: Sequence[Model]) -> str:
    """The page with the forms of the models."""
    said = json.dumps({"version": __version__, "models": [form_of(model) for model in models]})
    parts = {name: (FOLDER / f"page.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    filled = parts["html"].replace("/*style*/", parts["css"]).replace("/*script*/", parts["js"])
    return filled.replace('"models here"', said.replace("<", "\\u003c"))  # no text of a model ends the script
