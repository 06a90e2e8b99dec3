"""The page of the server."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nnspec.serving.model import Model


def page(models: Sequence[Model]) -> str:
    """What is served, with a link to what each model says about itself."""
    items = "".join(f'<li><a href="/v2/models/{m.name}">{escape(m.name)}</a></li>' for m in models)
    return f"<!doctype html><title>nnspec</title><ul>{items}</ul>"
