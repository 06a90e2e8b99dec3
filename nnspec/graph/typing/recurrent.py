"""Steps over a sequence: Scan, and the recurrent operators."""

from __future__ import annotations

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, same_dtype, typed
from nnspec.ir.dims import Dim
from nnspec.ir.types import TensorType

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@typed("Scan")
def scan(call: Call) -> tuple[TensorType, ...]:
    """Scan(states, sequences, captured values): the last states, then what the steps keep, on a first axis of steps."""
    body = call.attributes["body"]
    states, sequences = body.states, call.integer("num_scan_inputs", 0)
    given, wanted = [value.type for value in map(call.value, range(len(call.operands)))], [v.type for v in body.inputs]
    if len(given) != len(wanted) or sequences != body.sequences or not sequences:
        raise ValueError(f"{len(given)} operands for a step of {len(wanted)} inputs")
    if len({type.shape[0] for type in given[states : states + sequences]}) > 1:
        raise ValueError("the sequences have different numbers of steps")
    for i, (own, type) in enumerate(zip(given, wanted, strict=True)):
        inner = own.with_shape(*own.shape[1:]) if states <= i < states + sequences else own
        if inner != type:
            raise ValueError(f"operand {i} is {own}, the step wants {type}")
    made = [value.type for value in body.outputs.values()]
    if made[:states] != wanted[:states]:
        raise ValueError(f"the states {wanted[:states]} become {made[:states]}")
    steps = given[states].shape[0]
    return (*made[:states], *(type.with_shape(steps, *type.shape) for type in made[states:]))


@typed("RNN", "GRU", "LSTM")
def recurrent(call: Call) -> tuple[TensorType, ...]:
    """RNN(x, w, r, bias, lengths, h): x [T, N, I], w [D, gates H, I], r [D, gates H, H], bias [D, 2 gates H], h [D, N,
    H]. The outputs of all steps [T, D, N, H], and the last states [D, N, H]: h, of LSTM c as well.
    """
    x, w, r = (call.type(i) for i in range(3))
    (steps, rows, features), hidden = x.shape, call.integer("hidden_size", 0)
    directions = 2 if call.attributes.get("direction") == "bidirectional" else 1
    wide = GATES[call.op_type] * hidden
    state: tuple[Dim, ...] = (directions, rows, hidden)
    _require(w, (directions, wide, features))
    _require(r, (directions, wide, hidden))
    if call.has(3):
        _require(call.type(3), (directions, 2 * wide))
    if call.has(4) and call.type(4) != tensor_type("int32", (rows,)):
        raise ValueError(f"lengths are int32[{rows}], got {call.type(4)}")
    for i in (5, 6):
        if call.has(i):
            _require(call.type(i), state)
    dtype = same_dtype([type for i, type in enumerate(call.types()) if type.dtype != "int32"])
    last = tensor_type(dtype, state)
    all_steps = tensor_type(dtype, (steps, directions, rows, hidden))
    return (all_steps, last, last)[: call.outputs] if call.op_type == "LSTM" else (all_steps, last)[: call.outputs]


def _require(found: TensorType, shape: tuple[Dim, ...]) -> None:
    if found.shape != shape:
        raise ValueError(f"{found} should have the shape {list(map(str, shape))}")


@typed("ReverseSequence")
def reverse_sequence(call: Call) -> TensorType:
    """The first `lengths` elements of each row in the opposite order."""
    x, lengths = call.type(0), call.type(1)
    batch, time = call.integer("batch_axis", 1), call.integer("time_axis", 0)
    if {batch, time} != {0, 1} or x.rank < 2:
        raise ValueError(f"{x} has no axes of rows and steps at {batch} and {time}")
    if lengths != tensor_type("int64", (x.shape[batch],)):
        raise ValueError(f"lengths are int64[{x.shape[batch]}], got {lengths}")
    return x
