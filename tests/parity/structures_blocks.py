"""Names, loops and blocks, and weights that are shared or tied."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .sketch import Piece, Sketch
from .structures import structure, twin, written


@structure
def current_value(s: Sketch) -> None:
    """Statements without a name, whose layers are numbered; a name that is bound again."""
    source, name = s.pick(2), s.name()
    width = s.shape(source)[1]
    first, second, third = (nn.Linear(width, width) for _ in range(3))
    s.net.own(s.number("dense"), first)
    s.net.own(f"{name}_end", second)
    s.net.own(f"{name}", third)

    def function(x: Tensor) -> Tensor:
        x = second(F.silu(first(x)))
        return x + x.sigmoid() * third(x)

    lines = [
        f"{source} -> identity",
        f"dense({width}) -> silu",
        f"{name}_end = dense({width})",
        f"{name} = {name}_end",
        f"{name} = {name} + ({name}_end -> sigmoid) * ({name} -> dense({width}))",
    ]
    written(s, function, source, lines, name)


@structure
def repeat_unnamed(s: Sketch) -> None:
    """Layers in a loop without a name are named as if they were written out."""
    source, name = s.pick(2, 3), s.name()
    width, times = s.shape(source)[-1], int(s.random.integers(2, 4))
    modules = [nn.Linear(width, width) for _ in range(times)]
    for module in modules:
        s.net.own(s.number("dense"), module)

    def function(x: Tensor) -> Tensor:
        for module in modules:
            x = F.softplus(module(x))
        return x

    lines = [f"{source} -> identity", f"repeat {times} {{ dense({width}) -> softplus }}", f"{name} = identity"]
    written(s, function, source, lines, name)


@structure
def repeat_named(s: Sketch) -> None:
    """A named loop is a scope, with a number for each turn; what a turn binds goes into the next."""
    source, name = s.pick(2, 3), s.name()
    width, hidden = s.shape(source)[-1], int(s.random.integers(2, 5))
    turns = [(nn.Linear(width, hidden), nn.Linear(hidden, width)) for _ in range(2)]
    for turn, (inner, outer) in enumerate(turns):
        s.net.own(f"{name}.{turn}.h.dense_1", inner)
        s.net.own(f"{name}.{turn}.h.dense_2", outer)

    def function(x: Tensor) -> Tensor:
        for turn, (inner, outer) in enumerate(turns):
            x = x + (turn + 1) * outer(F.gelu(inner(x)))
        return x

    lines = [
        f"x_{name} = {source} -> identity",
        f"{name} = repeat 2 as i {{",
        f"  h = x_{name} -> dense({hidden}) -> gelu -> dense({width})",
        f"  x_{name} = x_{name} + (i + 1) * h",
        "}",
    ]
    written(s, function, source, lines, name)


@structure
def loop_over_sizes(s: Sketch) -> None:
    source, name = s.pick(2, 3), s.name()
    modules = nn.Linear(s.shape(source)[-1], 5), nn.Linear(5, 3)
    for module in modules:
        s.net.own(s.number("dense"), module)
    lines = [
        f"{source} -> identity",
        f"let wide_{name} = 2 + 3",
        f"for size, steep in [[wide_{name}, true], [3, false]] {{",
        "  dense(size)",
        "  if steep { rescale(2) } else { rescale(0.5, offset = 0.1) }",
        "}",
        f"{name} = elu",
    ]
    written(s, lambda x: F.elu(modules[1](modules[0](x) * 2) * 0.5 + 0.1), source, lines, name)


PAIR = """block pair(units) {
  input a: [N, A]
  input b: [N, B]
  left = a -> dense(units) -> tanh
  right = b -> dense(units)
  output left * right
  output left - right
}"""


@structure
def block_with_two_results(s: Sketch) -> None:
    a, b, units = s.pick(2), s.pick(2), int(s.random.integers(2, 6))
    left, right = nn.Linear(s.shape(a)[1], units), nn.Linear(s.shape(b)[1], units)
    scope, names = s.number("pair"), [s.name(), s.name()]
    s.net.own(f"{scope}.left", left)
    s.net.own(f"{scope}.right", right)

    def function(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        x, y = left(a).tanh(), right(b)
        return x * y, x - y

    s.block(PAIR)
    s.lines.append(f"{', '.join(names)} = ({a}, {b}) -> pair({units})")
    s.step(function, [a, b], names)
    for name in names:
        s.offer(name)


RESIDUAL = """block residual(hidden, gain = 1.0, bent = true) {
  input x: [N, F]
  h = dense(hidden)
  if bent { h = h -> mish } else { h = h -> prelu }
  output x * gain + (h -> dense(F))
}"""


class Residual(nn.Module):
    """The block above; its modules have the names of its statements."""

    def __init__(self, width: int, hidden: int, gain: float, bent: bool) -> None:
        super().__init__()
        self.h, self.dense_1, self.gain = nn.Linear(width, hidden), nn.Linear(hidden, width), gain
        self.h_2 = nn.Mish() if bent else nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain + self.dense_1(self.h_2(self.h(x)))


@structure
def blocks(s: Sketch) -> None:
    """A block alone in a statement, and one with an option for each branch."""
    s.block(RESIDUAL)
    for gain, bent in ((1.0, True), (0.5, False)):
        source, hidden = s.pick(2), int(s.random.integers(2, 6))
        text = f"residual({hidden})" if bent else f"residual({hidden}, gain = {gain}, bent = false)"
        s.chain([Piece(text, Residual(s.shape(source)[1], hidden, gain, bent))], source)


@structure
def shared_block(s: Sketch) -> None:
    """One instance of a block, applied to two values and to its own result."""
    s.block(RESIDUAL)
    a, name = s.pick(2), s.name()
    b, module = twin(s, a), Residual(s.shape(a)[1], 3, 1.0, False)
    s.net.own(f"{name}_shared", module)
    s.lines.append(f"layer {name}_shared = residual(3, bent = false)")
    once = s.define(f"{a} -> {name}_shared -> {name}_shared", lambda x: module(module(x)), a)
    s.define(f"({b} -> {name}_shared) * {once}", lambda b, once: module(b) * once, b, once)


@structure
def shared_layer(s: Sketch) -> None:
    a, name = s.pick(2, 3), s.name()
    b, width = twin(s, a), s.shape(a)[-1]
    module = nn.Linear(width, width)
    s.net.own(f"{name}_shared", module)
    s.lines.append(f"layer {name}_shared = dense({width})")
    once = s.define(f"{a} -> {name}_shared -> relu", lambda x: module(x).relu(), a)
    s.define(f"{b} -> {name}_shared -> {name}_shared", lambda x: module(module(x)), b)
    s.define(f"{once} * ({a} -> {name}_shared)", lambda x, a: x * module(a), once, a)


@structure
def standard_blocks(s: Sketch) -> None:
    """Blocks of the standard library, without dropout."""
    s.use("std.feedforward: mlp, residual_dense")
    source, name = s.pick(2), s.name()
    width = s.shape(source)[-1]
    inner, outer = nn.Linear(width, 4), nn.Linear(4, width)
    s.net.own(f"{name}.dense_1", inner)
    s.net.own(f"{name}.dense_2", outer)
    written(s, lambda x: x + outer(inner(x).relu()), source, [f"{name} = {source} -> residual_dense(4)"], name)
    layers = [nn.Linear(width, 5), nn.Linear(5, 5)]
    scope = s.name()
    for number, layer in enumerate(layers, 1):
        s.net.own(f"{scope}.dense_{number}", layer)
    written(s, lambda x: layers[1](layers[0](x).relu()).relu(), name, [f"{scope} = {name} -> mlp(5)"], scope)
