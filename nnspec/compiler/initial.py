"""Initial values: a function of the seed and of the parameter's own path, so that a layer more leaves the others as
they were."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from nnspec.compiler.lowering import Library
from nnspec.data.randomness import philox
from nnspec.ir import codec
from nnspec.ir.spec import Parameter, Spec

Array = np.ndarray[Any, Any]


def initial_values(spec: Spec, library: Library, seed: int) -> dict[str, Array]:
    """The initial array of every parameter, by path; shared and tied ones once."""
    return {item.path: initial_value(item, library, seed) for item in spec.parameters}


def initial_value(parameter: Parameter, library: Library, seed: int) -> Array:
    initializer = codec.decode(library, "initializer", parameter.init)
    domain = int.from_bytes(hashlib.sha256(parameter.path.encode()).digest()[:8], "little")
    drawn = initializer.sample(np.random.Generator(philox(seed, domain)), parameter.shape)
    return np.asarray(drawn).astype(parameter.dtype)
