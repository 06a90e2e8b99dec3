"""Parameters of the model: their defaults, and what `--set` or `load(…, set = …)` puts in their place."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Integral, Real
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir.arithmetic import MAX_BITS, describe
from nnspec.ir.declared import check_kind
from nnspec.ir.expressions import Expressions
from nnspec.ir.records import POISON, Environment, Poison
from nnspec.ir.wording import suggestion
from nnspec.language import syntax


def bind_settings(
    expressions: Expressions, env: Environment, model: syntax.Definition, settings: Mapping[str, Any]
) -> None:
    """Bind the parameters of `model`, and report settings that it does not have or that do not fit."""
    known = [parameter.name.name for parameter in model.parameters]
    for name in settings:
        if name not in known:
            fault = Fault(
                "E307",
                f"model {model.name.name} has no parameter {name}",
                help=suggestion(name, known, "its parameters are") if known else "it has no parameters",
            )
            expressions.record.report(fault, model.name.span)
    for parameter in model.parameters:
        name = parameter.name.name
        env.values[name] = _value(expressions, env, parameter, settings)
        env.fixed[name] = "a parameter"


def _value(expressions: Expressions, env: Environment, parameter: syntax.Parameter, settings: Mapping[str, Any]) -> Any:
    name = parameter.name
    default = POISON
    if parameter.default:
        default = expressions.decided(env, parameter.default, "the default of a parameter")
    elif name.name not in settings:
        fault = Fault(
            "E206",
            f"the parameter {name.name} has no default and is not set",
            help=f"--set {name.name}=…, or {name.name} = … here",
        )
        return expressions.record.report(fault, name.span)
    if name.name not in settings:
        return default
    try:
        value = _accepted(name.name, settings[name.name])
        if value is None and default is not None and not isinstance(default, Poison):
            raise Fault("E307", f"{name.name} is {describe(default)} by default, and cannot be none")
        check_kind(name.name, value, default)
    except Fault as fault:
        return expressions.record.report(Fault("E307", fault.message, fault.help), name.span)
    return value


def _accepted(name: str, value: Any) -> Any:
    """A setting as a spec could write it. Raises E307."""
    if isinstance(value, Integral) and not isinstance(value, int):
        value = int(value)
    elif isinstance(value, Real) and not isinstance(value, (int, float)):
        value = float(value)
    if isinstance(value, (list, tuple)):
        return tuple(_accepted(name, item) for item in value)
    small = isinstance(value, int) and value.bit_length() <= MAX_BITS
    if value is None or isinstance(value, str) or small or (isinstance(value, float) and isfinite(value)):
        return value
    raise Fault("E307", f"{name} is set to {value!r:.60}, which no spec could say")
