"""Names of measurements as titles."""

from __future__ import annotations

KNOWN = {"mae": "MAE", "mse": "MSE", "r2": "R²", "f1": "F1", "auc": "AUC", "iou": "IoU"}
"""What is an abbreviation or a formula; all else is a word."""


def known(name: str) -> str:
    """`r2.height` as `R² height`, `accuracy` as it is."""
    first, _, rest = name.partition(".")
    return " ".join(filter(None, (KNOWN.get(first, first.replace("_", " ")), rest)))


def title(name: str) -> str:
    """The same, to stand alone."""
    text = known(name)
    return text[:1].upper() + text[1:]
