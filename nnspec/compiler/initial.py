"""Initial values: a function of the seed and of the parameter's own path, so that a layer more leaves the others as
they were."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from nnspec.compiler.lowering import Library
from nnspec.data.randomness import philox
from nnspec.ir import codec
from nnspec.ir.components import Initializer
from nnspec.ir.spec import Parameter, Spec

Array = np.ndarray[Any, Any]


def initial_values(spec: Spec, library: Library, seed: int) -> dict[str, Array]:
    """The initial array of every parameter, by path; shared and tied ones once."""
    return {item.path: initial_value(item, library, seed) for item in spec.parameters}


def initial_value(parameter: Parameter, library: Library, seed: int) -> Array:
    initializer = codec.decode(library, "initializer", parameter.init)
    domain = int.from_bytes(hashlib.sha256(parameter.path.encode()).digest()[:8], "little")
    return _drawn(initializer, np.random.Generator(philox(seed, domain)), parameter).astype(parameter.dtype)


def _drawn(initializer: Initializer, random: np.random.Generator, parameter: Parameter) -> Array:
    """Each group by itself, as the weight [out, in, *kernel] of which fans and orthogonality speak."""
    first, *rest = parameter.shape or (1,)
    own = first // parameter.groups
    if parameter.transposed:
        return np.concatenate(
            [initializer.sample(random, (rest[0], own, *rest[1:])).swapaxes(0, 1) for _ in range(parameter.groups)]
        )
    if parameter.groups == 1:
        return np.asarray(initializer.sample(random, parameter.shape))
    return np.concatenate([initializer.sample(random, (own, *rest)) for _ in range(parameter.groups)])
