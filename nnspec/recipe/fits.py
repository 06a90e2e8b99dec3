"""Whether predictions and targets fit. Nothing is broadcast: [N, 1] and [N] would pair every row with every other."""

from __future__ import annotations

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import feature_axis, known_size, require_dtype
from nnspec.ir.types import FLOATS, INTEGERS, TensorType, shape_text


def require_same(kind: str, prediction: TensorType, target: TensorType) -> None:
    """Raise unless both are floats of one dtype and one shape."""
    require_dtype(kind, prediction, FLOATS)
    if target.dtype != prediction.dtype:
        raise Fault(
            "E215",
            f"{kind} needs a target of the prediction's dtype, got {prediction} and {target}",
            help=f"declare the target as {prediction}" if target.dtype != "string" else "",
        )
    if prediction.shape == target.shape:
        return
    sizes = (*prediction.shape, *target.shape)
    certain = prediction.rank != target.rank or all(isinstance(size, int) for size in sizes)
    raise Fault(
        "E208" if certain else "E214",
        f"{kind} needs prediction and target of one shape, got {prediction} and {target}",
        help=_remedy(prediction, target),
    )


def require_classes(kind: str, logits: TensorType, target: TensorType, axis: int) -> int:
    """The number of classes. Raise unless the target has the shape of the logits without their axis of classes."""
    if logits.dtype in INTEGERS and target.dtype in FLOATS and target.rank == logits.rank + 1:
        message = f"{kind} takes the logits first, and then the classes, got {logits} and {target}"
        raise Fault("E215", message, help=f"swap them: {kind}(logits, classes)")
    require_dtype(kind, logits, FLOATS)
    if logits.rank < 2:
        raise Fault(
            "E203", f"{kind} needs logits [N, classes], got {logits}", help="dense(classes) gives each class a number"
        )
    at = feature_axis(kind, logits, axis)
    classes = known_size(kind, logits, at)
    wanted = (*logits.shape[:at], *logits.shape[at + 1 :])
    if target.dtype not in INTEGERS:
        raise Fault(
            "E215",
            f"{kind} needs classes as the target, int64{shape_text(wanted)}, got {target}",
            help=f"declare the target as label{shape_text(wanted)}",
        )
    if target.shape != wanted:
        raise Fault(
            "E208",
            f"{kind} needs a class for each row of {logits}, int64{shape_text(wanted)}, got {target}",
            help=_class_remedy(logits, target, at),
        )
    return classes


def _remedy(prediction: TensorType, target: TensorType) -> str:
    if help := _fixed_rows(prediction, target):
        return help
    if prediction.shape == (*target.shape, 1):
        return f"declare the target as {prediction} (a list of one column), or squeeze(-1) the prediction"
    if target.shape == (*prediction.shape, 1):
        return f"declare the target as {prediction} (one column, not a list), or unsqueeze(-1) the prediction"
    return f"declare the target as {prediction}"


def _fixed_rows(prediction: TensorType, target: TensorType) -> str:
    """A model for 32 rows is no model for batches of any size."""
    rows, free = prediction.shape[:1], target.shape[:1]
    if rows and free and isinstance(rows[0], int) and not isinstance(free[0], int):
        return f"declare the model's input with {free[0]} in the place of {rows[0]}, the number of rows"
    return ""


def _class_remedy(logits: TensorType, target: TensorType, axis: int) -> str:
    if help := _fixed_rows(logits, target):
        return help
    if axis == logits.rank - 1 and target.rank > 1 and target.shape == (logits.shape[0], *logits.shape[2:]):
        return "axis = 1 if the classes are on axis 1"
    if target.shape[:-1] == (*logits.shape[:axis], *logits.shape[axis + 1 :]) and target.shape[-1:] == (1,):
        return f"declare the target as label{shape_text(target.shape[:-1])}"
    if target.rank == logits.rank - 1 and target.shape[:1] == (logits.shape[axis],):
        wanted = (*logits.shape[:axis], *logits.shape[axis + 1 :])
        return f"declare the target as label{shape_text(wanted)}: its size is that of the rows, not of the classes"
    if target.rank == 1 and logits.rank > 2:
        return "flatten, or global_avg_pool of an image, in front of the last layer makes one row of each"
    return ""


def require_answers(kind: str, prediction: TensorType, target: TensorType, axis: int) -> None:
    """Raise unless the target says yes or no to every prediction, in floats, or names classes."""
    if target.dtype in FLOATS and target.shape == prediction.shape:
        require_same(kind, prediction, target)
    else:
        require_classes(kind, prediction, target, axis)
