"""nnspec: a compiler for neural networks.

`load` and `check` read specs without importing numpy, onnx or onnxruntime; what computes is imported when it is first
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnspec.api import RequirementWarning, check, compile, load, loads
    from nnspec.compiler.generation import Generator
    from nnspec.compiler.weight_files import load_weights, save_weights
    from nnspec.diagnostics.errors import DataError, Diagnostic, NnspecError, RunError, SpecError
    from nnspec.estimator.classifier import NNClassifier
    from nnspec.estimator.regressor import NNRegressor
    from nnspec.ir.spec import Spec
    from nnspec.training.callbacks import Callback, CSVLogger, PrintProgress, StopTraining, StopWhen, TimeLimit
    from nnspec.training.history import STOP, EpochDone, History, StepDone, TrainingDone
    from nnspec.training.trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "STOP",
    "CSVLogger",
    "Callback",
    "DataError",
    "Diagnostic",
    "EpochDone",
    "Generator",
    "History",
    "NNClassifier",
    "NNRegressor",
    "NnspecError",
    "PrintProgress",
    "RequirementWarning",
    "RunError",
    "Spec",
    "SpecError",
    "StepDone",
    "StopTraining",
    "StopWhen",
    "TimeLimit",
    "Trainer",
    "TrainingDone",
    "__version__",
    "check",
    "compile",
    "load",
    "load_weights",
    "loads",
    "save_weights",
]

_HOMES = {
    **dict.fromkeys(("DataError", "Diagnostic", "NnspecError", "RunError", "SpecError"), "nnspec.diagnostics.errors"),
    "RequirementWarning": "nnspec.api",
    "check": "nnspec.api",
    "compile": "nnspec.api",
    "load": "nnspec.api",
    "load_weights": "nnspec.compiler.weight_files",
    "loads": "nnspec.api",
    "save_weights": "nnspec.compiler.weight_files",
    "Generator": "nnspec.compiler.generation",
    "NNClassifier": "nnspec.estimator.classifier",
    "NNRegressor": "nnspec.estimator.regressor",
    "Spec": "nnspec.ir.spec",
    **dict.fromkeys(
        ("Callback", "CSVLogger", "PrintProgress", "StopTraining", "StopWhen", "TimeLimit"), "nnspec.training.callbacks"
    ),
    **dict.fromkeys(("STOP", "EpochDone", "History", "StepDone", "TrainingDone"), "nnspec.training.history"),
    "Trainer": "nnspec.training.trainer",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nnspec' has no attribute {name!r}")
