"""The public functions: load, check, compile."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.diagnostics.errors import Diagnostic, Fault, RunError, SpecError
from nnspec.ir.elaborate import Analysis, elaborate
from nnspec.ir.project import Project, read
from nnspec.library import registries

if TYPE_CHECKING:
    from nnspec.compiler.export import CompiledModel
    from nnspec.ir.spec import Spec

Settings = Mapping[str, Any]


class RequirementWarning(UserWarning):
    """A line of the require section does not hold for a spec that was loaded."""


def load(path: str | Path, *, set: Settings | None = None, root: str | Path | None = None) -> Spec:
    """The validated specification of the `.nn` file at `path`.

    `set` overrides parameters of the model. Files that it uses lie below `root`, by default the folder of `path`.
    Raises SpecError, whose `diagnostics` hold everything that is wrong. A requirement that does not hold is a
    RequirementWarning here, and in `Spec.unmet`; the commands check, compile and train take it for an error.
    """
    return load_project(read(str(path), root=None if root is None else str(root)), set)


def loads(
    text: str | bytes, *, path: str = "<text>", set: Settings | None = None, root: str | Path | None = None
) -> Spec:
    """Like `load`, for the text of a spec; `path` stands in the messages, and paths of data are relative to its
    folder."""
    content = text.encode() if isinstance(text, str) else text
    return load_project(read(path, content, None if root is None else str(root)), set)


def load_project(project: Project, set: Settings | None = None) -> Spec:
    """The validated specification of files that were read already."""
    from nnspec.ir.finish import finish

    analysis, found = _analysed(project, set)
    if analysis is None:
        raise SpecError(
            _errors(found) or [Diagnostic("E220", f"{project.main.path} is a library of blocks; it has no model", None)]
        )
    for finding in analysis.unmet:
        warnings.warn(f"{finding.span}: {finding.message}", RequirementWarning, stacklevel=3)
    return finish(analysis)


def check(
    path: str | Path, *, set: Settings | None = None, root: str | Path | None = None, warnings: bool = False
) -> list[Diagnostic]:
    """Everything that is wrong with the file at `path`; an empty list for a valid spec or library of blocks.

    With `warnings`, also what stops nothing; its `severity` is "warning".
    """
    found = check_project(read(str(path), root=None if root is None else str(root)), set)
    return found if warnings else _errors(found)


def check_project(project: Project, set: Settings | None = None) -> list[Diagnostic]:
    """Errors and warnings of files that were read already, in the order of their places."""
    return _analysed(project, set)[1]


def _errors(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [finding for finding in found if finding.severity == "error"]


def compile(
    spec: Spec,
    weights: Any = None,
    *,
    opset: int | None = None,
    outputs: str | Sequence[str] | None = None,
    precision: str | None = None,
    quantize: str | None = None,
    float16_ends: bool = False,
    calibration: Mapping[str, Any] | None = None,
    decode: bool = False,
) -> CompiledModel:
    """The verified inference model of `spec` with `weights`: a run directory, a safetensors file, arrays by path, a
    Trainer, or None for initial values. `outputs` is one name or several.

    `precision` is float32 or float16, whose inputs and outputs are float16 too with `float16_ends`; `quantize` is int8,
    int8-static, int8-dynamic or none. int8-static measures activations on `calibration`, some hundred rows of inputs by
    name. With `decode` it is a language model that is run token by token: keys and values of attention are inputs and
    outputs."""
    if decode:
        from nnspec.compiler.decoder_export import compile_decoder

        require_decoding(outputs=outputs, float16_ends=float16_ends, calibration=calibration)
        return compile_decoder(spec, weights, opset=opset, precision=precision, quantize=quantize)
    from nnspec.compiler.export import compile_model

    return compile_model(
        spec,
        weights,
        opset=opset,
        outputs=outputs,
        precision=precision,
        quantize=quantize,
        float16_ends=float16_ends,
        calibration=calibration,
    )


def require_decoding(**given: Any) -> None:
    """Raise E719 for options that a model which is run step by step has not, where they are given."""
    if others := [name for name, value in given.items() if value not in (None, False)]:
        fault = Fault("E719", f"a model that is run token by token goes without {', '.join(others)}")
        raise RunError([fault.at(None)])


def _analysed(project: Project, set: Settings | None) -> tuple[Analysis | None, list[Diagnostic]]:
    analysis, found = elaborate(project, registries(), set or {})
    ordered = sorted(found, key=lambda d: (d.span is None, d.span.file if d.span else "", d.span[1:] if d.span else ()))
    return analysis, list(dict.fromkeys(ordered))
