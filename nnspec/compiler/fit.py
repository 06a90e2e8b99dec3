"""Whether weights fit a spec, and what is said of those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from nnspec.data.wording import nearest
from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import numpy_dtype
from nnspec.ir.patterns import matches
from nnspec.ir.spec import Parameter, Spec
from nnspec.ir.types import FLOATS, shape_text

Array = np.ndarray[Any, Any]

SHOWN = 8
"""Names listed in a message before it says how many more there are."""

OTHER_NAMES = (
    "where the names are those of another library, a rename table leads to those of the spec: "
    'weights("…", rename = "…"), or --rename beside --weights; specs/huggingface has some'
)

TURNED = '"transpose" as a third entry of a rule is for what is stored as [in, out]'

COUNTER = "num_batches_tracked"
"""What PyTorch's batch norms count, and those of a spec only where they need it."""


def without_counters(spec: Spec, weights: Mapping[str, Array]) -> dict[str, Array]:
    """The weights but for the counters of PyTorch that the spec has no use for."""
    known = {item.path for item in spec.parameters}
    return {path: array for path, array in weights.items() if path in known or not is_counter(path)}


def is_counter(path: str) -> bool:
    return path.rpartition(".")[2] == COUNTER


def require_fit(
    spec: Spec,
    weights: Mapping[str, Any],
    *,
    strict: bool = True,
    only: Iterable[str] = ("*",),
    names: Mapping[str, str] | None = None,
    advise: Callable[[list[str]], str] | None = None,
) -> None:
    """Raise E702 unless the weights have the names and shapes of the spec's parameters, or of those that the patterns
    `only` cover, and are finite numbers in their dtypes.

    Not `strict`, some may be missing. `names` are those that the weights have in their file, and `advise` gives the
    help for missing paths, if it has any.
    """
    wanted = {item.path: item for item in spec.parameters if any(matches(pattern, item.path) for pattern in only)}
    problems = {path: _problem(wanted[path], value) for path, value in weights.items() if path in wanted}
    missing = [path for path in wanted if path not in weights] if strict else []
    unexpected = [path for path in weights if path not in wanted]
    kinds = {
        "missing": missing,
        "unexpected": [_named(path, names) for path in unexpected],
        "wrong shape": [f"{_named(path, names)} {text}" for path, (kind, text) in problems.items() if kind == "shape"],
        "wrong values": [
            f"{_named(path, names)} {text}" for path, (kind, text) in problems.items() if kind == "values"
        ],
    }
    said = [f"{kind}: {_listed(found)}" for kind, found in kinds.items() if found]
    if said:
        absent = [item for path, item in wanted.items() if path not in weights]
        help = advise(missing) if advise and missing else ""
        help = help or _meant(absent, {path: weights[path] for path in unexpected}, names)
        turned = [path for path, item in wanted.items() if len(item.shape) == 2 and _is_turned(weights.get(path), item)]
        help = help or (TURNED if turned else "")
        raise Fault("E702", f"the weights do not fit {spec.name}; {'; '.join(said)}", help=help)


def _meant(missing: list[Parameter], unexpected: Mapping[str, Any], names: Mapping[str, str] | None) -> str:
    """Which of the unexpected names are most likely those of the missing parameters."""
    if not missing or not unexpected:
        return ""
    if scope := _scope_between([item.path for item in missing], list(unexpected)):
        return scope
    own = not any(_named(path, names) != path for path in unexpected)
    if own and len(missing) > SHOWN and len(unexpected) > SHOWN:
        return OTHER_NAMES
    found = [f"{_named(near, names)} may be {path}" for path, near in _pairs(missing[:SHOWN], dict(unexpected))]
    return "; ".join(found)


def _scope_between(missing: list[str], unexpected: list[str]) -> str:
    """The help where all names of one side are on the other, below a scope."""
    for short, long, option, side in ((missing, unexpected, "part", "file"), (unexpected, missing, "into", "model")):
        scopes = [name.removesuffix(f".{short[0]}") for name in long if name.endswith(f".{short[0]}")]
        for scope in scopes:
            if {f"{scope}.{name}" for name in short} <= set(long):
                takes = f'init = weights("…", {option} = "{scope}") takes them so'
                return f"the names agree below {scope} of the {side}: {takes}"
    return ""


def _pairs(missing: Iterable[Parameter], left: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each missing path with the unexpected name that is nearest among those of its shape, or of all."""
    for item in missing:
        same = [name for name, value in left.items() if np.shape(value) == item.shape]
        near = nearest(item.path, same) or (same[0] if len(same) == 1 else nearest(item.path, list(left)))
        if near:
            yield item.path, near
            del left[near]


def _is_turned(value: Any, parameter: Parameter) -> bool:
    return value is not None and np.shape(value) == parameter.shape[::-1] != parameter.shape


def _problem(parameter: Parameter, value: Any) -> tuple[str, str]:
    """What is wrong with an array, as its kind and a text; two empty texts if nothing is."""
    try:
        array = np.asarray(value)
    except ValueError:
        return "shape", f"ragged instead of {shape_text(parameter.shape)}"
    if array.shape != parameter.shape:
        return "shape", f"{shape_text(array.shape)} instead of {shape_text(parameter.shape)}"
    if array.dtype.kind not in "fiub" and array.dtype.name not in FLOATS:
        return "values", f"{array.dtype} instead of {parameter.dtype}"
    with np.errstate(all="ignore"):
        cast = array.astype(numpy_dtype(parameter.dtype), copy=False)
        bad = int(np.sum(~np.isfinite(cast) if parameter.dtype in FLOATS else cast != array))
    state = "not finite as" if parameter.dtype in FLOATS else "no"
    return ("values", f"({bad} of {array.size} {state} {parameter.dtype})") if bad else ("", "")


def _named(path: str, names: Mapping[str, str] | None) -> str:
    """A path, and where it is another one the name in the file."""
    name = (names or {}).get(path, path)
    return path if name == path else f"{path} ({name} in the file)"


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return ", ".join(known[:SHOWN]) + more
