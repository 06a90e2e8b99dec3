"""Golden answers: inputs and what the model gave for them when it was compiled, to be asked again where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.deployed import Deployed
from nnspec.compiler.verification import random_inputs, signatures
from nnspec.data.npz_file import read_arrays
from nnspec.data.outputs import write_outputs
from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.library import registries

Array = np.ndarray[Any, Any]

ROWS = 16
"""Rows of real data that are recorded."""
TOLERANCE = 1e-4
"""What other kernels, in another order of the same sums, may change: a part of the largest number of an output."""


class Answer(NamedTuple):
    """How an output compares with what was recorded."""

    name: str
    shape: tuple[int, ...]
    gap: float
    """The largest difference; infinite for another shape or dtype, for text and whole numbers that differ, and where
    one side alone is no finite number."""
    largest: float
    """The largest number recorded."""

    def within(self, tolerance: float) -> bool:
        return self.gap <= tolerance * self.largest


def golden_path(model: str | Path) -> Path:
    """`iris.onnx` -> `iris.golden.npz`."""
    path = Path(model)
    return path.with_name(f"{path.stem}.golden.npz")


def random_rows(spec: Spec) -> dict[str, Array]:
    """Inputs that fit the model, for want of real ones; always the same."""
    sizes = list(signatures(spec, registries()))[-1]
    return random_inputs(spec, sizes)


def write_golden(model: Deployed, inputs: Mapping[str, Array], path: str | Path) -> None:
    """Record inputs and the model's outputs for them as arrays by their names. Raises E707."""
    write_outputs({**inputs, **model.run(inputs)}, path, format="npz")


def replay(model: Deployed, path: str | Path) -> list[Answer]:
    """Ask the model what was recorded. Raises E720 for a recording of another model; E601 to E609 for files that are
    none."""
    arrays = read_arrays(Path(), str(path))
    names = set(model.inputs) | set(model.outputs)
    if set(arrays) != names:
        raise Fault(
            "E720",
            f"{path} records {', '.join(sorted(arrays))}, the model has {', '.join(sorted(names))}",
            help="take the file that compile wrote beside this model",
        )
    given = {name: _as(arrays[name], type.dtype) for name, type in model.inputs.items()}
    found = model.run(given)
    return [_answer(name, found[name], arrays[name]) for name in model.outputs]


def _as(array: Array, dtype: str) -> Array:
    return array.astype(object) if dtype == "string" else array


def _answer(name: str, found: Array, wanted: Array) -> Answer:
    if found.dtype.kind == "O":
        found = found.astype(str)
    alike = found.shape == wanted.shape and (
        found.dtype == wanted.dtype or found.dtype.kind == wanted.dtype.kind == "U"
    )
    if not alike:
        return Answer(name, found.shape, float("inf"), 0.0)
    if wanted.dtype.kind != "f":
        same = bool(np.array_equal(found, wanted))
        return Answer(name, found.shape, 0.0 if same else float("inf"), 0.0)
    finite = np.isfinite(wanted)
    if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True):
        return Answer(name, found.shape, float("inf"), 0.0)
    difference = np.abs(found[finite].astype(np.float64) - wanted[finite])
    return Answer(
        name, found.shape, float(np.max(difference, initial=0)), float(np.max(np.abs(wanted[finite]), initial=0))
    )
