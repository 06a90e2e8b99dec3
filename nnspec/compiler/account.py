"""What becomes of every tensor of a file: told from the file's header, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnspec.compiler.fit import is_counter, require_fit, without_counters
from nnspec.compiler.foreign_config import Config, read_config, require_config
from nnspec.compiler.renamed import Moved, advice, renamed
from nnspec.compiler.weights import one_of_several
from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import numpy_dtype
from nnspec.ir.renaming import Table
from nnspec.ir.spec import Parameter, Spec
from nnspec.runtime.tensor_file import Tensor

LOADED, COPY, ASIDE, UNEXPECTED, WRONG = "loaded", "copy", "left aside", "unexpected", "wrong shape"


class Landing(NamedTuple):
    """A tensor of the file."""

    name: str
    tensor: Tensor
    paths: tuple[str, ...]
    """Where it leads; of a copy to what it is a copy of."""
    mark: str = ""
    """What a rename table says is done with its axes."""
    state: str = LOADED
    """What a spec makes of it; without a spec all that is not left aside is loaded."""


class Account(NamedTuple):
    """What becomes of a file."""

    landings: list[Landing]
    missing: list[Parameter]
    """Parameters of the spec that nothing leads to."""
    fault: Fault | None
    """Why the weights do not fit the spec."""
    config: Config | None
    """What stands beside the file."""

    def count(self, state: str) -> int:
        return sum(landing.state == state for landing in self.landings)


def account(tensors: Mapping[str, Tensor], table: Table, spec: Spec | None = None, file: Path | None = None) -> Account:
    """Where the tensors of a file lead, and whether it is for such a model as that of the spec. Raises E702 for what a
    table cannot do with them; whether copies are equal only their values tell."""
    config = read_config(file, table) if file else None
    made = renamed({name: np.broadcast_to(np.False_, tensor.shape) for name, tensor in tensors.items()}, table)
    wanted = {item.path: item for item in spec.parameters} if spec else {}
    landings = [_landing(name, tensor, table, made, wanted if spec else None) for name, tensor in tensors.items()]
    if spec is None:
        return Account(landings, [], None, config)
    missing = [item for path, item in wanted.items() if path not in made.arrays]
    return Account(landings, missing, _fault(spec, made, table, file, config), config)


def _landing(name: str, tensor: Tensor, table: Table, made: Moved, wanted: Mapping[str, Parameter] | None) -> Landing:
    new = table(name)
    state = LOADED
    if name in made.aside:
        state = COPY if made.aside[name] else ASIDE
    elif wanted is not None:
        if unknown := [path for path in new.names if path not in wanted]:
            state = ASIDE if all(is_counter(path) for path in unknown) else UNEXPECTED
        elif any(made.arrays[path].shape != wanted[path].shape for path in new.names):
            state = WRONG
    return Landing(name, tensor, new.names, new.mark, state)


def _fault(spec: Spec, made: Moved, table: Table, file: Path | None, config: Config | None) -> Fault | None:
    """What loading would say of names and shapes."""
    dtypes = {item.path: item.dtype for item in spec.parameters}
    zeros = {
        path: np.broadcast_to(np.zeros((), numpy_dtype(dtypes.get(path, "float32"))), array.shape)
        for path, array in made.arrays.items()
    }

    def advise(missing: list[str]) -> str:
        return advice(table, made, missing) or (one_of_several(file) if file else "")

    try:
        require_config(spec, config)
        require_fit(spec, without_counters(spec, zeros), names=made.names, advise=advise)
    except Fault as fault:
        return fault
    return None
