"""All forms and structures: the modules that define them, imported."""

from __future__ import annotations

from . import (
    forms_activations,
    forms_convolution,
    forms_normalization,
    forms_numbers,
    forms_pooling,
    forms_sequence,
    forms_shape,
    structures_blocks,
    structures_inputs,
)
from .forms import FORMS
from .structures import STRUCTURES

__all__ = [
    "FORMS",
    "STRUCTURES",
    "forms_activations",
    "forms_convolution",
    "forms_normalization",
    "forms_numbers",
    "forms_pooling",
    "forms_sequence",
    "forms_shape",
    "structures_blocks",
    "structures_inputs",
]
