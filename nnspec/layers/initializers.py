"""Initial values of parameters.

`fan_in` and `fan_out` are the numbers of inputs and outputs that a weight [out, in, *kernel] connects: `in` and
`out`, each times the size of the kernel. A vector counts as its length for both. The weight of a convolution in groups
is so many weights one behind the other, and that of a transposed one lies as [in, out, *kernel]: its initializer draws
each group by itself, and sees [out, in, *kernel].
"""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nnspec.ir.components import Initializer, called
from nnspec.ir.fields import NonNegativeFloat, PositiveFloat
from nnspec.layers.registry import INITIALIZERS

if TYPE_CHECKING:
    from numpy import float64
    from numpy.random import Generator
    from numpy.typing import NDArray

    Sample = NDArray[float64]


Mode = Literal["fan_in", "fan_out"]


class Fans(NamedTuple):
    inputs: int
    outputs: int


def fans(shape: tuple[int, ...]) -> Fans:
    """The fans of a weight [out, in, *kernel]."""
    if len(shape) < 2:
        return Fans(prod(shape), prod(shape))
    kernel = prod(shape[2:])
    return Fans(shape[1] * kernel, shape[0] * kernel)


def _fan(shape: tuple[int, ...], mode: Mode) -> int:
    found = fans(shape)
    return found.inputs if mode == "fan_in" else found.outputs


@INITIALIZERS("glorot_uniform")
class GlorotUniform(Initializer):
    """Uniform in ±sqrt(6 / (fan_in + fan_out)): keeps the variance forward and backward. Glorot and Bengio, 2010."""

    foreign_names = ("xavier_uniform", "xavier_uniform_", "xavier")

    def sample(self, random: Generator, shape: tuple[int, ...]) -> Sample:
        limit = sqrt(6 / max(sum(fans(shape)), 1))
        return random.uniform(-limit, limit, shape)


@INITIALIZERS("glorot_normal")
class GlorotNormal(Initializer):
    """Normal with variance 2 / (fan_in + fan_out). Glorot and Bengio, 2010."""

    foreign_names = ("xavier_normal", "xavier_normal_")

    def sample(self, random: Generator, shape: tuple[int, ...]) -> Sample:
        return random.normal(0, sqrt(2 / max(sum(fans(shape)), 1)), shape)


@INITIALIZERS("he_uniform")
class HeUniform(Initializer):
    """Uniform in ±sqrt(6 / fan_in), for layers before a relu. He et al., 2015."""

    foreign_names = ("kaiming_uniform", "kaiming_uniform_")

    mode: Mode = "fan_in"
    """Keep the variance of the values forward, or with fan_out, which takes the place of fan_in, that of the gradients
    backward."""

    def sample(self, random: Generator, shape: tuple[int, ...]) -> Sample:
        limit = sqrt(6 / max(_fan(shape, self.mode), 1))
        return random.uniform(-limit, limit, shape)


@INITIALIZERS("he_normal")
class HeNormal(Initializer):
    """Normal with variance 2 / fan_in, for layers before a relu. He et al., 2015."""

    foreign_names = ("kaiming_normal", "kaiming_normal_", "kaiming")

    mode: Mode = "fan_in"
    """Keep the variance of the values forward, or with fan_out, which takes the place of fan_in, that of the gradients
    backward."""

    def sample(self, random: Generator, shape: tuple[int, ...]) -> Sample:
        return random.normal(0, sqrt(2 / max(_fan(shape, self.mode), 1)), shape)


@INITIALIZERS("lecun_normal")
class LecunNormal(Initializer):
    """Normal with variance 1 / fan_in, for layers before a selu. LeCun et al., 1998; Klambauer et al., 2017."""

    foreign_names = ("lecun", "variance_scaling")

    def sample(self, random: Generator, shape: tuple[int, ...]) -> Sample:
        return random.normal(0, sqrt(1 / max(fans(shape).inputs, 1)), shape)


@INITIALIZERS("normal")
class Normal(Initializer):
    """Normal around `mean`."""

    foreign_options = called(deviation="std stddev scale sigma")
    foreign_names = ("random_normal", "RandomNormal", "normal_", "gaussian", "truncated_normal", "trunc_normal_")

    deviation: NonNegativeFloat = 0.02
    """Standard deviation."""
    mean: float = 0.0
    """Centre."""

    def sample(self, random: Generator, shape: tuple[int, ...]) -> Sample:
        return random.normal(self.mean, self.deviation, shape)


@INITIALIZERS("uniform")
class Uniform(Initializer):
    """Uniform in [low, high)."""

    foreign_options = called(low="a minval min", high="b maxval max")
    foreign_names = ("random_uniform", "RandomUniform", "uniform_")

    low: float = -0.05
    """Least value."""
    high: float = 0.05
    """Bound above, which is not reached."""

    def _check(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")

    def sample(self, random: Generator, shape: tuple[int, ...]) -> Sample:
        return random.uniform(self.low, self.high, shape)


@INITIALIZERS("zeros")
class Zeros(Initializer):
    """All 0, the default of biases."""

    foreign_names = ("zero", "zeros_")

    def sample(self, random: Any, shape: tuple[int, ...]) -> Sample:
        import numpy as np

        return np.zeros(shape)


@INITIALIZERS("ones")
class Ones(Initializer):
    """All 1, the default of scales."""

    foreign_names = ("one", "ones_")

    def sample(self, random: Any, shape: tuple[int, ...]) -> Sample:
        import numpy as np

        return np.ones(shape)


@INITIALIZERS("orthogonal")
class Orthogonal(Initializer):
    """Orthogonal rows, or columns if there are fewer, times `gain`; [out, in, *kernel] counts as [out, in * kernel].

    Saxe et al., 2014. Drawn uniformly: the QR decomposition of a normal matrix, with the signs of R's diagonal.
    """

    foreign_names = ("orthogonal_", "OrthogonalInitializer")

    gain: PositiveFloat = 1.0
    """Factor of all values."""

    def sample(self, random: Generator, shape: tuple[int, ...]) -> Sample:
        import numpy as np

        rows, columns = shape[0] if shape else 1, prod(shape[1:])
        tall = random.normal(size=(max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)
