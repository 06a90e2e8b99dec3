"""What a spec can name: layers, losses, metrics, optimizers, sources, … A component is one class in one place.

Its fields are its options, in the order of its positional arguments; its docstring is its documentation. Classes
register themselves in a `Registry` beside their definition; nothing else lists them. No module of components imports
numpy, onnx or onnxruntime when it is imported, so that `check` stays instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Dim, Shape, symbols
from nnspec.ir.fields import Options
from nnspec.ir.planned import plain, planned
from nnspec.ir.types import FLOATS, INTEGERS, NUMBERS, DType, TensorType, axis_of

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Results = TensorType | tuple[TensorType, ...]


def called(**names: str) -> dict[str, str]:
    """`foreign_options` from our options, each with its names in other frameworks: `called(rate="p prob")`."""
    return {other: own for own, others in names.items() for other in others.split()}


class Component(Options):
    """Base of everything that a spec names and gives options to."""

    kind: ClassVar[str]
    """What the messages call it: `layer`, `loss`, `optimizer`, …"""
    name: ClassVar[str]
    """The name in the language; set by the registry."""
    variadic: ClassVar[str | None] = None
    """The option that takes all positional arguments as one list, such as the sizes of `reshape(1, 28, 28)`."""
    foreign_names: ClassVar[tuple[str, ...]] = ()
    """Names of other frameworks that are answered with this one: `linear` and `fc` for `dense`. Case is ignored."""
    foreign_options: ClassVar[Mapping[str, str]] = called(
        axis="dim",
        axes="dims",
        keepdims="keepdim keep_dims",
        init="kernel_initializer weight_initializer embeddings_initializer initializer kernel_init weight_init",
        bias="use_bias with_bias",
        lr="learning_rate",
        path="filename file filepath file_path filepath_or_buffer",
        delimiter="sep separator",
    )
    """Names of options in other frameworks, by which ours are offered. Those of the bases count too."""
    foreign_words: ClassVar[Mapping[str, str]] = {}
    """Strings that other frameworks have for ours: `{"replicate": "edge"}`. Case is ignored."""
    size_second: ClassVar[bool] = False
    """Whether other frameworks give the size of the input second, as GroupNorm(2, 64) does, and not first."""
    needs_none: ClassVar[str] = ""
    """What is said to somebody who gives a component without options one that other frameworks have."""
    examples: ClassVar[tuple[Example, ...]] = ()
    """Uses that the contract tests run: shapes, gradients, export, documentation."""

    def doubt(self) -> Fault | None:
        """What a person should know about options that are allowed: a warning, W3xx."""
        return None

    def __str__(self) -> str:
        return f"{self.name}(…)"


class Example(NamedTuple):
    """One use of an operator for the documentation and for the contract tests."""

    call: str
    """As written in a spec: `dense(64, bias = false)`."""
    inputs: tuple[str, ...] = ("float32[N, 6]",)
    """Types of the inputs."""
    low: float = -2.0
    """Test data is uniform in [low, high): the domain in which the operator is smooth and defined."""
    high: float = 2.0
    arguments: tuple[tuple[str, str | tuple[str, ...]], ...] = ()
    """Options that are values, with their types: `(("mask", "bool[N, T]"),)`, several for a list of values; the call
    leaves them out."""


class ParameterSpec(NamedTuple):
    """A tensor that an operator owns."""

    shape: tuple[int, ...]
    init: Initializer
    trainable: bool = True
    """False for statistics: state that no gradient reaches."""
    dtype: DType = "float32"
    groups: int = 1
    """How many weights [out, in, *kernel] lie one behind the other: the initializer draws each by itself."""
    transposed: bool = False
    """Whether they lie as [in, out, *kernel]."""


class Initializer(Component):
    """Initial values of a parameter."""

    kind: ClassVar[str] = "initializer"

    def sample(self, random: Any, shape: tuple[int, ...]) -> Any:
        """A float64 array of `shape` drawn from a `numpy.random.Generator`."""
        raise NotImplementedError


class Operator(Component):
    """A component that makes values from values: a layer, an arithmetic operator or a loss.

    Methods get one argument per input, then the values given as options and the parameters by keyword. An option that
    may be a value is annotated with `TensorType`; it holds the value's type while shapes are inferred. (`Any` lets
    subclasses name their inputs.)
    """

    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """Least and greatest number of inputs; None for any number."""

    def infer(self, *inputs: Any, **named: Any) -> Results:
        """Types of the results, from a TensorType per input. Raises a Fault: what is wanted and what was found."""
        raise NotImplementedError

    def parameters(self, *inputs: Any, **named: Any) -> dict[str, ParameterSpec]:
        """The tensors it owns, by leaf name in PyTorch's layout; called after `infer` has accepted the inputs."""
        return {}

    def macs(self, *inputs: Any, **named: Any) -> Dim:
        """Multiply-accumulate operations of the forward pass; elementwise work counts none."""
        return 0

    def lower(self, g: Graph, *inputs: Any, **named: Any) -> Value | tuple[Value, ...]:
        """The operators that compute it, from a Value per input."""
        raise NotImplementedError


class Layer(Operator):
    """A layer of a model or block."""

    kind: ClassVar[str] = "layer"

    fitted: ClassVar[bool] = False
    """True where the parameters are statistics of the training rows, set by `fit` before training."""

    def fit(self, batches: Iterator[Any]) -> dict[str, Any]:
        """For fitted layers: the parameters, from the layer's input over the training rows, batch by batch."""
        raise NotImplementedError


class Loss(Operator):
    """A scalar to minimise, a mean over all elements. Inputs: prediction, target (class losses: logits, classes)."""

    kind: ClassVar[str] = "loss"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)


C = TypeVar("C", bound=Component)


class Registry(Generic[C]):
    """The components of one kind, by name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type[C]] = {}

    def __call__(self, name: str) -> Callable[[type[C]], type[C]]:
        """Class decorator: register under `name`."""

        def add(cls: type[C]) -> type[C]:
            if name in self._classes:
                raise ValueError(f"two {self.kind}s are named {name!r}")
            cls.name = name
            self._classes[name] = cls
            return cls

        return add

    def __contains__(self, name: str) -> bool:
        return name in self._classes

    def __getitem__(self, name: str) -> type[C]:
        return self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._classes))

    def __len__(self) -> int:
        return len(self._classes)

    def same(self, name: str) -> str | None:
        """The registered name that `name` is, here or in another framework: no guesses."""
        wanted = plain(name)
        found = (own for own, cls in self._classes.items() if wanted in map(plain, (own, *cls.foreign_names)))
        return next(found, None)

    def planned(self, name: str) -> str:
        """What `name` is to mean, here or in another framework, once the library has it; an empty text for nothing."""
        own = planned(self.kind, name)
        return "" if own in self._classes else own

    def nearest(self, name: str) -> str | None:
        """The registered name that somebody who wrote `name` most likely meant, here or in another framework."""
        if same := self.same(name):
            return same
        close = get_close_matches(name.lower(), self._classes, n=1, cutoff=0.76)
        return close[0] if close else None


def feature_axis(kind: str, x: TensorType, axis: int) -> int:
    """`axis` counted from the front. Raises E207 for the first, which holds the rows: no layer works across rows."""
    found = axis_of(x, axis)
    if found == 0:
        raise Fault(
            "E207",
            f"{kind} cannot work along axis {axis} of {x}: "
            "the first dimension holds the rows of the batch, which stay apart",
            help=f"the axes of features are 1 to {x.rank - 1}"
            if x.rank > 2
            else "axis 1 is that of the features"
            if x.rank == 2
            else "unsqueeze(1) gives each row an axis of its own",
        )
    return found


def feature_axes(kind: str, x: TensorType, axis: int | tuple[int, ...]) -> tuple[int, ...]:
    """An axis or several, counted from the front, in the order given. Raises E207 as well where one is named twice."""
    given = (axis,) if isinstance(axis, int) else axis
    axes = tuple(feature_axis(kind, x, each) for each in given)
    if len(set(axes)) < len(axes):
        raise Fault("E207", f"{kind} names an axis of {x} twice: {list(given)}")
    return axes


def require_rank(kind: str, x: TensorType, rank: int, wanted: str) -> None:
    """Raise E203 unless `x` has `rank` dimensions; `wanted` names them: `[N, C, H, W]`."""
    if x.rank != rank:
        raise Fault("E203", f"{kind} needs an input of {rank} dimensions {wanted}, got {x}")


def require_dtype(kind: str, x: TensorType, allowed: tuple[str, ...]) -> None:
    """Raise E215 unless the dtype of `x` is one of `allowed`."""
    if x.dtype not in allowed:
        families = {FLOATS: "a float dtype", INTEGERS: "an integer dtype", NUMBERS: "a number dtype"}
        target = "float32" if "float32" in allowed else "int64" if "int64" in allowed else ""
        raise Fault(
            "E215",
            f"{kind} needs {families.get(allowed, ' or '.join(allowed))}, got {x}",
            help=f'cast("{target}") converts'
            if target and x.dtype != "string"
            else 'lookup(["a", "b"]) numbers strings, and embedding or one_hot takes the numbers'
            if x.dtype == "string"
            else "",
        )


def known_size(kind: str, x: TensorType, axis: int) -> int:
    """The size of an axis that must be a number, such as the features of dense. Raises E214 for a symbolic one."""
    size = x.shape[axis]
    if not isinstance(size, int):
        where = "the last axis" if axis in (-1, x.rank - 1) else f"axis {axis % x.rank}"
        names = " and ".join(sorted(symbols(size)))
        raise Fault(
            "E214",
            f"{kind} needs a known size on {where} of {x}, but {size} is symbolic",
            help=f"declare the input with a number in the place of {names}"
            + (", or take global_avg_pool in the place of flatten" if " and " in names else ""),
        )
    return size


__all__ = [
    "Component",
    "Dim",
    "Example",
    "Initializer",
    "Layer",
    "Loss",
    "Operator",
    "ParameterSpec",
    "Registry",
    "Results",
    "Shape",
    "called",
    "feature_axes",
    "feature_axis",
    "known_size",
    "require_dtype",
    "require_rank",
]
