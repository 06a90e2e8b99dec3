"""nnspec: a compiler for neural networks.

`load` and `check` read specs without importing numpy, onnx or onnxruntime; what computes is imported when it is first
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nnspec.diagnostics.errors import DataError, Diagnostic, NnspecError, RunError, SpecError

if TYPE_CHECKING:
    from nnspec.api import RequirementWarning, check, compile, load, loads
    from nnspec.ir.spec import Spec
    from nnspec.training.trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "Diagnostic",
    "NnspecError",
    "RequirementWarning",
    "RunError",
    "Spec",
    "SpecError",
    "Trainer",
    "__version__",
    "check",
    "compile",
    "load",
    "loads",
]

_HOMES = {
    "RequirementWarning": "nnspec.api",
    "check": "nnspec.api",
    "compile": "nnspec.api",
    "load": "nnspec.api",
    "loads": "nnspec.api",
    "Spec": "nnspec.ir.spec",
    "Trainer": "nnspec.training.trainer",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nnspec' has no attribute {name!r}")
