"""Activations and elementwise functions, by PyTorch's definitions.

One without options is one call of `activation`: name, formula for the documentation, operators. Where the backward
pass can reuse a part of the forward pass (the Erf of gelu), `training` gives the form that names that part; inference
uses the native operator.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, prod, sqrt
from typing import TYPE_CHECKING, ClassVar, Literal

from nnspec.ir.components import Example, Layer, ParameterSpec, called, feature_axis, known_size, require_dtype
from nnspec.ir.fields import PositiveFloat
from nnspec.ir.types import FLOATS, NUMBERS, TensorType
from nnspec.layers.initializers import Normal
from nnspec.layers.registry import LAYERS, define

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Formula = Callable[["Graph", "Value"], "Value"]


class Elementwise(Layer):
    """A function of each element.    [*] -> [*]"""

    dtypes: ClassVar[tuple[str, ...]] = FLOATS

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, self.dtypes)
        return x


def activation(
    name: str,
    doc: str,
    formula: Formula,
    *,
    training: Formula | None = None,
    foreign: tuple[str, ...] = (),
    low: float = -2.0,
    high: float = 2.0,
    dtypes: tuple[str, ...] = FLOATS,
) -> None:
    """Register an elementwise function without options; test data is drawn from [low, high)."""

    def lower(self: Layer, g: Graph, x: Value) -> Value:
        return (training or formula if g.training else formula)(g, x)

    examples = (Example(name, ("float32[N, 3, 5]",), low, high),)
    define(
        LAYERS,
        name,
        Elementwise,
        doc=f"{doc}    [*] -> [*]",
        foreign_names=foreign,
        examples=examples,
        dtypes=dtypes,
        lower=lower,
    )


def gelu_erf(g: Graph, x: Value) -> Value:
    """x Φ(x) = √(2/π) u q(u) with u = x √½ and q = √π/2 (1 + erf u), so that d(u q)/du = q + u e^(-u²).

    Eight passes over the data forwards and back, where Mul, Erf, Add, Mul, Mul and their gradients are sixteen: the
    factors of u and of the result become those of the matrix products around it. e^(u²) may be inf; u / inf is right.
    """
    u = g.op("Mul", x, sqrt(0.5))
    q = affine(g, g.op("Erf", u), sqrt(pi) / 2, sqrt(pi) / 2)

    def gradient(dy: Value) -> tuple[Value, ...]:
        bell = g.op("Div", u, g.op("Exp", g.op("Mul", u, u)))
        return (g.op("Mul", dy, g.op("Add", q, bell)),)

    y = g.with_gradient(g.op("Mul", u, q), [u], gradient)
    g.spared.append(y)
    return g.op("Mul", y, sqrt(2 / pi))


def gelu_tanh(g: Graph, x: Value) -> Value:
    """The approximation 0.5 x (1 + tanh z) = x σ(2 z), 2 z = x (c + 0.044715 c x²), c = √(8/π); with y the result,
    dy/dx = σ + y (1 - σ) (c + 3 · 0.044715 c x²)."""
    c = sqrt(8 / pi)
    square = g.op("Mul", x, x)
    part = g.op("Sigmoid", g.op("Mul", x, affine(g, square, 0.044715 * c, c)))
    y = g.op("Mul", x, part)

    def gradient(dy: Value) -> tuple[Value, ...]:
        steep = g.op("Mul", affine(g, square, 3 * 0.044715 * c, c), g.op("Mul", y, affine(g, part, -1, 1)))
        return (g.op("Mul", dy, g.op("Add", part, steep)),)

    return g.with_gradient(y, [x], gradient)


def affine(g: Graph, x: Value, scale: float, offset: float) -> Value:
    """x a + b with numbers a and b in one pass: a normalization with mean 0 and variance 1 of one channel."""
    numbers = (g.constant([number], x.dtype) for number in (scale, offset, 0, 1))
    flat = g.reshape(x, (1, 1, prod(x.static_shape)))
    return g.reshape(g.op("BatchNormalization", flat, *numbers, epsilon=0.0), x.shape)


def silu(g: Graph, x: Value) -> Value:
    """x sigmoid(x)."""
    return g.op("Mul", x, g.op("Sigmoid", x))


activation("sigmoid", "1 / (1 + exp(-x)).", lambda g, x: g.op("Sigmoid", x), foreign=("logistic", "sigm"))
activation("tanh", "The hyperbolic tangent.", lambda g, x: g.op("Tanh", x), foreign=("TanhActivation",))
activation("relu", "max(x, 0).", lambda g, x: g.op("Relu", x), foreign=("rectifier", "rectify"))
activation(
    "relu6",
    "min(max(x, 0), 6). Howard et al., 2017.",
    lambda g, x: g.op("Clip", x, 0, 6),
    # the slope at 0 and 6 is 0, as relu's at 0; that of Clip is 1
    training=lambda g, x: g.op("Mul", g.op("HardSigmoid", x, alpha=1 / 6, beta=0.0), 6),
    low=-4,
    high=9,
)
activation("selu", "1.0507 elu(x, 1.67326), self-normalizing. Klambauer et al., 2017.", lambda g, x: g.op("Selu", x))
activation("silu", "x sigmoid(x). Elfwing et al., 2017.", silu, foreign=("swish",))
activation(
    "mish",
    "x tanh(softplus(x)). Misra, 2019.",
    lambda g, x: g.op("Mish", x),
    training=lambda g, x: g.op("Mul", x, g.op("Tanh", g.op("Softplus", x))),
)
activation("softplus", "log(1 + exp(x)), without overflow.", lambda g, x: g.op("Softplus", x), foreign=("softrelu",))
activation("softsign", "x / (1 + |x|).", lambda g, x: g.op("Softsign", x))
activation(
    "hard_sigmoid", "relu6(x + 3) / 6.", lambda g, x: g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5), low=-5, high=5
)
activation(
    "hard_swish",
    "x relu6(x + 3) / 6. Howard et al., 2019.",
    lambda g, x: g.op("HardSwish", x),
    foreign=("hard_silu", "hswish"),
    training=lambda g, x: g.op("Mul", x, g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)),
    low=-5,
    high=5,
)
activation("exp", "e to the power of x.", lambda g, x: g.op("Exp", x))
activation("log", "The natural logarithm.", lambda g, x: g.op("Log", x), foreign=("ln",), low=0.2, high=3)
activation("sqrt", "The square root.", lambda g, x: g.op("Sqrt", x), foreign=("square_root",), low=0.2, high=3)
activation("abs", "|x|.", lambda g, x: g.op("Abs", x), foreign=("absolute", "fabs"), dtypes=NUMBERS)


@LAYERS("leaky_relu")
class LeakyRelu(Elementwise):
    """max(x, 0) + slope min(x, 0). Maas et al., 2013.    [*] -> [*]"""

    foreign_options = called(slope="negative_slope alpha")
    examples = (Example("leaky_relu"), Example("leaky_relu(0.2)"))

    slope: float = 0.01
    """Factor of negative values."""

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("LeakyRelu", x, alpha=self.slope)


@LAYERS("elu")
class Elu(Elementwise):
    """x where positive, alpha (exp(x) - 1) elsewhere. Clevert et al., 2015.    [*] -> [*]"""

    foreign_names = ("exponential_linear_unit",)
    examples = (Example("elu"), Example("elu(0.5)"))

    alpha: float = 1.0
    """The limit for x to minus infinity is -alpha."""

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("Elu", x, alpha=self.alpha)


@LAYERS("celu")
class Celu(Elementwise):
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)). Barron, 2017.    [*] -> [*]"""

    examples = (Example("celu"), Example("celu(0.5)"))

    alpha: PositiveFloat = 1.0
    """The limit for x to minus infinity is -alpha; smooth at 0 for every alpha."""

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("Celu", x, alpha=self.alpha)


@LAYERS("gelu")
class Gelu(Elementwise):
    """x Φ(x), with the distribution function Φ of the normal distribution. Hendrycks and Gimpel, 2016.    [*] -> [*]"""

    foreign_names = ("gelu_new", "quick_gelu", "NewGELUActivation")
    examples = (Example("gelu"), Example('gelu("tanh")'))

    approximate: Literal["none", "tanh"] = "none"
    """"none" is exact; "tanh" is the approximation of GPT-2."""

    def lower(self, g: Graph, x: Value) -> Value:
        if g.training:
            return gelu_erf(g, x) if self.approximate == "none" else gelu_tanh(g, x)
        return g.op("Gelu", x, approximate=self.approximate)


class AlongAxis(Layer):
    """A function along one axis."""

    axis: int = -1
    """The axis of the features or classes."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        feature_axis(self.name, x, self.axis)
        return x


@LAYERS("softmax")
class Softmax(AlongAxis):
    """exp(x), scaled to the sum 1 along an axis.    [*] -> [*]"""

    foreign_names = ("Softmax2d",)
    examples = (Example("softmax"), Example("softmax(axis = 1)", ("float32[N, 3, 4]",)))

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("Softmax", x, axis=self.axis % x.rank)


@LAYERS("log_softmax")
class LogSoftmax(AlongAxis):
    """log(softmax(x)) along an axis, without overflow.    [*] -> [*]"""

    examples = (Example("log_softmax"), Example("log_softmax(axis = 1)", ("float32[N, 3, 4]",)))

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("LogSoftmax", x, axis=self.axis % x.rank)


@LAYERS("prelu")
class Prelu(Elementwise):
    """max(x, 0) + slope min(x, 0), with a learned slope. He et al., 2015.    [*] -> [*]

    Parameter: `weight` [1], or [channels], 0.25 at first.
    """

    foreign_options = called(per_channel="num_parameters", axis="shared_axes")
    foreign_names = ("parametric_relu",)
    examples = (
        Example("prelu"),
        Example("prelu(per_channel = true)"),
        Example("prelu(true, axis = 1)", ("float32[N, 3, T]",)),
    )

    per_channel: bool = False
    """A slope for each size of the axis, in place of one."""
    axis: int = -1
    """The axis of the channels."""

    def infer(self, x: TensorType) -> TensorType:
        super().infer(x)
        self._slopes(x)
        return x

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        return {"weight": ParameterSpec((self._slopes(x),), Normal(deviation=0, mean=0.25), dtype=x.dtype)}

    def lower(self, g: Graph, x: Value, *, weight: Value) -> Value:
        after = x.rank - 1 - self.axis % x.rank if self.per_channel else 0
        return g.op("PRelu", x, g.reshape(weight, (*weight.shape, *(1 for _ in range(after)))))

    def _slopes(self, x: TensorType) -> int:
        return known_size(self.name, x, feature_axis(self.name, x, self.axis)) if self.per_channel else 1
