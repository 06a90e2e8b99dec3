"""Layers that read a sequence step by step. The weights have PyTorch's names, layouts and order of gates.

The rows of the batch come first and the steps second, in every value: x is [N, T, in]. `weight_ih_l1_reverse` is the
weight of the input (`ih`; `hh`: of the state) in the second layer (`l1`, from `l0`) against the direction of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Initializer, Layer, ParameterSpec, called, known_size, require_dtype
from nnspec.ir.dims import Dim
from nnspec.ir.fields import Limits, PositiveInt, default
from nnspec.ir.types import TensorType, shape_text
from nnspec.ir.wording import counted
from nnspec.layers.initializers import GlorotUniform, Orthogonal, Zeros
from nnspec.layers.lengths import LENGTHS, require_lengths
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value
    from nnspec.layers.cells import Run

Rate = Annotated[float, Limits(ge=0, lt=1)]


class Recurrent(Layer):
    """Base of the recurrent layers."""

    foreign_options = LENGTHS | called(
        units="hidden_size hidden_units hidden output_size num_units features dim",
        layers="num_layers n_layers depth",
        returns="return_sequences return_sequence return_state",
        initial="initial_state hx h_0 h0 state initial_states",
        dropout="dropout_rate p",
        recurrent_init="recurrent_initializer",
    )
    gates: ClassVar[int]
    onnx_gates: ClassVar[tuple[int, ...]]
    """Our gates in ONNX's order."""
    states: ClassVar[tuple[str, ...]] = ("h",)

    units: PositiveInt
    """H, the size of the state, for each direction."""
    returns: Literal["sequence", "last", "state"] = "sequence"
    """The outputs of all steps; the output after the last one, of both directions joined, where each has read the
    whole sequence; or all outputs and then the last states."""
    layers: PositiveInt = 1
    """So many layers, each on the outputs of the one before, both directions joined."""
    bidirectional: bool = False
    """A second set of weights reads the sequence from its end; the outputs are joined, the forward ones first."""
    dropout: Rate = 0.0
    """Dropout of this rate between the layers, in training."""
    initial: TensorType | tuple[TensorType, ...] | None = None
    """States to begin with, in the order and shapes that "state" returns: `initial = [h, c]`, `initial = h` where there
    is one. Zeros otherwise."""
    lengths: TensorType | None = None
    """Steps of each row, integers [N]; what follows is padding. It is ignored, also if it is no number, outputs there
    are 0, the last states are those at the row's own end, and the other direction begins there."""
    bias: bool = True
    """Add learned offsets, two of them as in PyTorch and cuDNN."""
    init: Initializer = default(GlorotUniform)
    """Initial values of the weights of the input; the offsets begin at 0."""
    recurrent_init: Initializer = default(Orthogonal)
    """Initial values of the weights of the state."""

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _check(self) -> None:
        if self.dropout and self.layers == 1:
            raise ValueError("dropout acts between layers, and there is one layer; a dropout layer may follow")

    def infer(self, x: TensorType) -> TensorType | tuple[TensorType, ...]:
        require_dtype(self.name, x, ("float32",))
        if x.rank != 3:
            help = "unsqueeze(-1) makes [N, T, 1] of [N, T]" if x.rank == 2 else ""
            raise Fault("E203", f"{self.name} needs a sequence [N, T, in], got {x}", help=help)
        known_size(self.name, x, -1)
        rows, steps, _ = x.shape
        require_lengths(self.name, x, self.lengths)
        self._check_initial(rows)
        every = x.with_shape(rows, steps, self.directions * self.units)
        if self.returns == "sequence":
            return every
        if self.returns == "last":
            return x.with_shape(rows, self.directions * self.units)
        return (every, *(x.with_shape(*self._state_shape(rows)) for _ in self.states))

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        wide, size = self.gates * self.units, known_size(self.name, x, -1)
        found = {}
        for layer in range(self.layers):
            for leaf in self._leaves(layer):
                found[f"weight_ih_{leaf}"] = ParameterSpec((wide, size), self.init)
                found[f"weight_hh_{leaf}"] = ParameterSpec((wide, self.units), self.recurrent_init)
                if self.bias:
                    found[f"bias_ih_{leaf}"] = ParameterSpec((wide,), Zeros())
                    found[f"bias_hh_{leaf}"] = ParameterSpec((wide,), Zeros())
            size = self.directions * self.units
        return found

    def macs(self, x: TensorType) -> Dim:
        rows, steps, _ = x.shape
        weights = sum(spec.shape[0] * spec.shape[1] for spec in self.parameters(x).values() if len(spec.shape) == 2)
        return rows * steps * weights

    def lower(
        self,
        g: Graph,
        x: Value,
        *,
        initial: Value | tuple[Value, ...] | None = None,
        lengths: Value | None = None,
        **weights: Value,
    ) -> Value | tuple[Value, ...]:
        from nnspec.layers import recurrent_inference, recurrent_training

        build = recurrent_training.build if g.training else recurrent_inference.build
        starts = () if initial is None else initial if isinstance(initial, tuple) else (initial,)
        every, last, states = build(g, self, x, starts, lengths, weights)
        if self.returns == "state":
            return every, *states
        return every if self.returns == "sequence" else last

    def run(self, g: Graph, z: Value, recurrent: Value, states: Sequence[Value], offset: Value, backwards: bool) -> Run:
        """The cell over all steps, in training: `offset` is that of the state where it is not in z, as `joins_offsets`
        says."""
        raise NotImplementedError

    def joins_offsets(self) -> bool:
        """Whether the offsets of the input and of the state only ever appear as their sum."""
        return True

    def onnx_options(self) -> dict[str, int | list[str]]:
        """What its ONNX operator needs to know."""
        return {}

    def weights_of(self, layer: int, weights: dict[str, Value]) -> list[list[Value]]:
        """For each direction of a layer: both weights, then both offsets where there are any."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if self.bias else 2]
        return [[weights[f"{kind}_{leaf}"] for kind in kinds] for leaf in self._leaves(layer)]

    def _leaves(self, layer: int) -> tuple[str, ...]:
        return (f"l{layer}", f"l{layer}_reverse")[: self.directions]

    def _state_shape(self, rows: Dim) -> tuple[Dim, ...]:
        count = self.layers * self.directions
        return (rows, self.units) if count == 1 else (rows, count, self.units)

    def _check_initial(self, rows: Dim) -> None:
        if self.initial is None:
            return
        found = (self.initial,) if isinstance(self.initial, TensorType) else self.initial
        wanted = self._state_shape(rows)
        if len(found) != len(self.states):
            listed = f"[{', '.join(self.states)}]" if len(self.states) > 1 else "one value, the state"
            raise Fault("E203", f"{self.name} needs initial = {listed}, got {counted(len(found), 'value')}")
        for name, type in zip(self.states, found, strict=True):
            require_dtype(self.name, type, ("float32",))
            if type.shape != wanted:
                raise Fault(
                    "E203",
                    f"{self.name} needs an initial {name} {shape_text(wanted)}, got {type}",
                    help="a row of it for each layer and direction: l0, l0_reverse, l1, …" if len(wanted) == 3 else "",
                )


SEQUENCE = ("float32[N, T, 3]",)
LENGTHS_OF_N = ("lengths", "int64[N]")


def examples(name: str, states: int = 1) -> tuple[Example, ...]:
    """What all of them can do."""
    initial = "float32[N, 2]" if states == 1 else ("float32[N, 2]",) * states
    return (
        Example(f"{name}(4)", SEQUENCE),
        Example(f"{name}(2, init = normal(0.1), recurrent_init = normal(0.2))", ("float32[N, 4, 3]",)),
        Example(f'{name}(2, "last", 2, true, dropout = 0)', SEQUENCE),
        Example(f'{name}(2, returns = "last", bidirectional = true)', SEQUENCE, arguments=(LENGTHS_OF_N,)),
        Example(f'{name}(2, returns = "state", layers = 2, bias = false)', SEQUENCE),
        Example(f'{name}(2, returns = "state")', SEQUENCE, arguments=(("initial", initial), LENGTHS_OF_N)),
    )


@LAYERS("rnn")
class Rnn(Recurrent):
    """h = f(W x + b + R h' + c), h' the state before. Elman, 1990.

    [N, T, in] -> [N, T, units]    ONNX: RNN; Scan in training. "state" gives y and h [N, units], or [N, layers *
    directions, units] where there are several. Parameters: `weight_ih_l0` [units, in], `weight_hh_l0` [units,
    units], `bias_ih_l0` and `bias_hh_l0` [units].
    """

    foreign_names = ("SimpleRNN", "RNNCell", "SimpleRNNCell", "elman")
    foreign_options = called(activation="nonlinearity")
    examples = (*examples("rnn"), Example('rnn(2, activation = "relu")', SEQUENCE))
    gates = 1
    onnx_gates = (0,)

    activation: Literal["tanh", "relu"] = "tanh"
    """f."""

    def run(self, g: Graph, z: Value, recurrent: Value, states: Sequence[Value], offset: Value, backwards: bool) -> Run:
        from nnspec.layers import cells

        return cells.rnn(g, self.activation.title(), z, recurrent, states, backwards)

    def onnx_options(self) -> dict[str, int | list[str]]:
        return {"activations": [self.activation.title()] * self.directions}


@LAYERS("lstm")
class Lstm(Recurrent):
    """i, f, g, o = W x + b + R h' + d;  c = σ(f) c' + σ(i) tanh(g),  h = σ(o) tanh(c).

    Hochreiter and Schmidhuber, 1997; the gate f is of Gers et al., 2000.

    [N, T, in] -> [N, T, units]    ONNX: LSTM; Scan in training. "state" gives y, h and c [N, units], or [N, layers *
    directions, units] where there are several. Parameters, the gates in the order i, f, g, o: `weight_ih_l0` [4 units,
    in], `weight_hh_l0` [4 units, units], `bias_ih_l0` and `bias_hh_l0` [4 units].
    """

    foreign_names = ("LSTMCell", "CuDNNLSTM", "long_short_term_memory", "BiLSTM")
    examples = examples("lstm", 2)
    gates = 4
    onnx_gates = (0, 3, 1, 2)
    states = ("h", "c")

    def run(self, g: Graph, z: Value, recurrent: Value, states: Sequence[Value], offset: Value, backwards: bool) -> Run:
        from nnspec.layers import cells

        return cells.lstm(g, z, recurrent, states, backwards)


@LAYERS("gru")
class Gru(Recurrent):
    """r, z = σ(W x + b + R h' + d);  n = tanh(W x + b + r (R h' + d)),  h = (1 - z) n + z h'. Cho et al., 2014.

    [N, T, in] -> [N, T, units]    ONNX: GRU; Scan in training. "state" gives y and h [N, units], or [N, layers *
    directions, units] where there are several. Parameters, the gates in the order r, z, n: `weight_ih_l0` [3 units,
    in], `weight_hh_l0` [3 units, units], `bias_ih_l0` and `bias_hh_l0` [3 units].
    """

    foreign_names = ("GRUCell", "CuDNNGRU", "gated_recurrent_unit", "BiGRU")
    examples = (*examples("gru"), Example("gru(2, reset_after = false)", SEQUENCE))
    gates = 3
    onnx_gates = (1, 0, 2)

    reset_after: bool = True
    """Whether r scales R h' + d, as in PyTorch, cuDNN and Keras, or h' before the product: R (r h') + d, as published
    first."""

    def run(self, g: Graph, z: Value, recurrent: Value, states: Sequence[Value], offset: Value, backwards: bool) -> Run:
        from nnspec.layers import cells

        if self.reset_after:
            return cells.gru(g, z, (recurrent, cells.at_each_row(g, offset, states[0])), states, backwards)
        sizes = [2 * self.units, self.units]
        return cells.gru_reset_before(g, z, g.split(recurrent, sizes, 0), states, backwards)

    def joins_offsets(self) -> bool:
        """The gate r scales that of the state where it comes after the product."""
        return not self.reset_after

    def onnx_options(self) -> dict[str, int | list[str]]:
        return {"linear_before_reset": int(self.reset_after)}
