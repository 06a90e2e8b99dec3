"""What networks are made of beside chains of layers: arithmetic, joins, blocks, loops, shared and tied weights, inputs of all dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .forms import Standardize, dense_piece, one, spelled
from .sketch import Draw, Piece, Sketch

Structure = Callable[[Sketch], None]
STRUCTURES: list[Structure] = []


def structure(draw: Structure) -> Structure:
    """Decorator: something that adds values to a sketch."""
    STRUCTURES.append(draw)
    return draw


def normal(*sizes: int) -> Draw:
    return lambda r, rows: r.normal(0, 1, (rows, *sizes)).astype(np.float32)


def whole(dtype: str, low: int, high: int, *sizes: int) -> Draw:
    return lambda r, rows: r.integers(low, high, (rows, *sizes)).astype(dtype)


def twin(s: Sketch, name: str) -> str:
    """Another value of the same shape."""
    return s.define(f"{name} * 0.7 - 0.2", lambda x: x * 0.7 - 0.2, name)


as_float = Piece('cast("float32")', Tensor.float)


# Arithmetic


@structure
def sums_and_quotients(s: Sketch) -> None:
    a = s.pick(2, 3, 4)
    b = twin(s, a)
    c = s.define(f"2 * {a} + {b} * {a} - 1", lambda a, b: 2 * a + b * a - 1, a, b)
    d = s.define(f"-{a} / (1.5 + ({b} -> abs))", lambda a, b: -a / (1.5 + b.abs()), a, b)
    s.define(f"1 - {c} - {d} -> tanh", lambda c, d: (1 - c - d).tanh(), c, d)


@structure
def broadcasting(s: Sketch) -> None:
    a = s.pick(3, 4)
    axis = int(s.random.integers(1, len(s.shape(a))))
    mean = s.chain([Piece(f"mean({axis}, keepdims = true)", lambda x: x.mean(axis, keepdim=True))], a)
    s.define(f"({a} - {mean}) * {mean}", lambda a, mean: (a - mean) * mean, a, mean)
    last = s.chain([Piece("last", lambda x: x[:, -1]), Piece("unsqueeze(1)", lambda x: x.unsqueeze(1))], a)
    s.define(f"{a} / ({last} * {last} + 1)", lambda a, last: a / (last * last + 1), a, last)


@structure
def comparisons(s: Sketch) -> None:
    a = s.pick(2, 3, 4)
    b = twin(s, a)
    above = s.define(f"{a} > {b}", torch.gt, a, b)
    low = s.define(f"{a} <= 0.8", lambda a: a <= 0.8, a)
    alike = s.define(f"{above} == {low}", torch.eq, above, low)
    masked = [s.chain([as_float], mask) for mask in (above, alike)]
    s.define(f"{a} * {masked[0]} + {b} * (1 - {masked[1]})", lambda a, b, m, n: a * m + b * (1 - n), a, b, *masked)
    other = s.define(f"(0.3 < {b}) != ({a} >= -0.5)", lambda b, a: (b > 0.3) != (a >= -0.5), b, a)
    s.outputs["other"] = other


@structure
def products(s: Sketch) -> None:
    a = s.pick(3)
    turned = s.chain([Piece("transpose(0, 2, 1)", lambda x: x.transpose(1, 2))], a)
    scores = s.define(f"{a} @ {turned} / 2 -> softmax", lambda a, b: (a @ b / 2).softmax(-1), a, turned)
    s.define(f"{scores} @ {a}", torch.matmul, scores, a)


@structure
def broadcast_products(s: Sketch) -> None:
    """Matrices of several channels with those of one."""
    image = s.pick(4)
    first = [Piece("slice(1, end = 1)", lambda x: x[:, :1]), Piece("transpose(0, 1, 3, 2)", lambda x: x.transpose(2, 3))]
    s.define(f"{image} @ {(turned := s.chain(first, image))}", torch.matmul, image, turned)


# Joins and parts


@structure
def concat(s: Sketch) -> None:
    a = s.pick(2, 3, 4)
    b = s.chain([dense_piece(s.shape(a), int(s.random.integers(1, 5)))], a)
    joined = s.chain([Piece("concat", lambda a, b: torch.cat([a, b], -1))], a, b)
    s.chain([Piece("concat(axis = 1)", lambda *x: torch.cat(x, 1))], joined, twin(s, joined), joined)


@structure
def stack(s: Sketch) -> None:
    a = s.pick(2, 3)
    axis = one(s.random, [-1, 2])
    more = [a, twin(s, a), s.chain([Piece("softsign", F.softsign)], a)]
    s.chain([Piece(f"stack(axis = {axis})", lambda *x: torch.stack(x, axis))], *more)
    s.chain([Piece("stack", lambda *x: torch.stack(x, 1))], *more[:2])


@structure
def split(s: Sketch) -> None:
    a = s.pick(2, 3)
    doubled = s.chain([Piece(f"tile(1, 2{', 1' * (len(s.shape(a)) - 2)})", lambda x: torch.cat([x, x], 1))], a)
    size = s.shape(doubled)[1]
    first, second = parts(s, doubled, "2", (size // 2,) * 2, 1)
    s.define(f"{second} * {second} - 0.5 * {first}", lambda b, a: b * b - 0.5 * a, second, first)
    parts(s, doubled, f"[1, {size - 1}]", (1, size - 1), 1 - len(s.shape(a)))


def parts(s: Sketch, source: str, text: str, sizes: tuple[int, ...], axis: int) -> list[str]:
    names = [s.name() for _ in sizes]
    s.lines.append(f"{', '.join(names)} = {source} -> split({text}, axis = {axis})")
    s.step(lambda x: x.split(sizes, axis), [source], names)
    return [s.offer(name) for name in names]


# Names, loops, blocks


def written(s: Sketch, function: Callable[..., Any], source: str, lines: list[str], name: str) -> str:
    """Lines that make the value `name` of `source`."""
    s.lines += lines
    s.step(function, [source], [name])
    return s.offer(name)


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


# Inputs of other dtypes, and weights that are tied


@structure
def tied_embedding(s: Sketch) -> None:
    """A dense layer with the weight of an embedding, as language models end; its bias is its own."""
    ids, count, dim, name = s.input("tokens", "int64[N, 5]", whole("int64", 0, 9, 5)), 9, 4, s.name()
    embedding, scores = nn.Embedding(count, dim), nn.Linear(dim, count)
    s.net.own(f"{name}_table", embedding)
    bias = nn.Module()
    bias.register_parameter("bias", scores.bias)
    s.net.own(name, bias)
    s.lines.append(f"layer {name}_table = embedding({count}, {dim}, init = uniform(-1, 1))")
    found = s.define(f"{ids} -> {name}_table -> tanh", lambda x: embedding(x).tanh(), ids)
    written(
        s, lambda x: F.linear(x, embedding.weight, bias.bias), found,
        [f"{name} = {found} -> dense({count}, weight = {name}_table.weight)"], name,
    )  # fmt: skip


@structure
def embeddings(s: Sketch) -> None:
    """Ids of every integer dtype; one id of each stands for nothing."""
    for dtype in ("int64", "int32", "uint8"):
        ids = s.input(f"ids_{dtype}", f"{dtype}[N, 3]", whole(dtype, 0, 6, 3))
        table = nn.Embedding(6, 3, padding_idx=None if dtype == "int64" else 2)
        # the padding vector of nnspec is 0 whatever its weight holds; PyTorch's is what its weight holds, 0 at first
        option = "" if dtype == "int64" else ", padding = 2"
        s.chain([Piece(f"embedding(6, 3{option})", Looked(table))], ids)


class Looked(nn.Module):
    """An embedding of ids of any integer dtype."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.weight, self.padding = table.weight, table.padding_idx

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids.long(), self.weight, self.padding)


@structure
def words(s: Sketch) -> None:
    """Strings: their places in a list, with one place more for all others."""
    known = ["red", "green", "blue"]

    def draw(r: np.random.Generator, rows: int) -> Any:
        return r.choice([*known, "Rot", ""], (rows, 2))

    def look(x: Any) -> Tensor:
        return torch.tensor([[known.index(word) if word in known else 3 for word in row] for row in x.tolist()])

    found = s.chain([Piece(f"lookup({spelled(known)})", look)], s.input("words", "string[N, 2]", draw))
    s.chain([Piece("embedding(4, 3)", nn.Embedding(4, 3))], found)
    s.chain([Piece("one_hot(classes = 4)", lambda x: F.one_hot(x, 4).float()), dense_piece((4,), 2)], found)


@structure
def codes(s: Sketch) -> None:
    """Integers: their places in a list, one_hot with numbers that are no class, arithmetic and comparisons."""
    known = [10, 20, 40]
    ids = s.input("codes", "int32[N, 4]", lambda r, rows: r.choice([10, 20, 30, 40], (rows, 4)).astype(np.int32))
    places = Piece(f"lookup({spelled(known)})", lambda x: torch.tensor([3, 0, 1, 3, 2])[x.long() // 10])
    found = s.chain([places], ids)
    hot = Piece("one_hot(3)", lambda x: F.one_hot(x, 4)[..., :3].float())
    s.chain([hot, dense_piece((3,), 3)], found)
    mask = s.define(f"{ids} != 30", lambda x: x != 30, ids)
    scaled = s.define(f"-{found} * 2 + 1 - {found}", lambda x: -x * 2 + 1 - x, found)
    s.outputs["whole"] = scaled
    weights = s.chain([as_float], mask)
    numbers = s.chain([as_float], scaled)
    s.chain([Piece("dense(3)", nn.Linear(4, 3))], s.define(f"{numbers} * {weights}", torch.mul, numbers, weights))
    s.outputs["highest"] = s.chain([Piece("max(1, keepdims = true)", lambda x: x.amax(1, keepdim=True))], found)


@structure
def bytes_of_images(s: Sketch) -> None:
    """Preprocessing of bytes, by numbers and by statistics of the channels."""
    photo = s.input("photo", "uint8[N, 2, 3, 3]", whole("uint8", 0, 256, 2, 3, 3))
    s.chain([Piece("rescale(1 / 255)", lambda x: x.float() / 255), dense_piece((3,), 3)], photo)
    by_channel = Piece("standardize(axis = 1)", Standardize(2, 1, 128, 60))
    s.chain([Piece("clip(max = 200)", lambda x: x.clamp(max=200)), by_channel, dense_piece((3,), 2)], photo)


@structure
def counts(s: Sketch) -> None:
    """A column of numbers, [N]: standardized as one feature."""
    amount = s.input("amount", "int64[N]", whole("int64", 0, 100))
    grown = Piece("unsqueeze(1)", lambda x: x.unsqueeze(1))
    s.chain([Piece("standardize", Standardize(1, -1, 50, 30)), grown, dense_piece((1,), 3)], amount)
    raised = [Piece("clip(min = 3)", lambda x: x.clamp(min=3)), as_float, Piece("log1p", torch.log1p), grown]
    s.chain([*raised, dense_piece((1,), 2)], amount)


# Sizes that are known when the model runs


@structure
def sequence_of_any_length(s: Sketch) -> None:
    steps = s.input("steps", "float32[N, T, 3]", lambda r, rows: r.normal(0, 1, (rows, 2 + rows % 3, 3)).astype(np.float32))
    name = s.chain([dense_piece((3,), 4), Piece("selu", F.selu), Piece("pad(1, axis = 1)", lambda x: F.pad(x, (0, 0, 1, 1)))], steps)
    trimmed = [Piece("slice(1, start = 1, end = -1)", lambda x: x[:, 1:-1]), Piece("softmax(axis = 1)", lambda x: x.softmax(1))]
    weights = s.chain(trimmed, name)
    values = s.chain([Piece("tile(1, 2, 1)", lambda x: x.repeat(1, 2, 1)), Piece("slice(1, start = 2)", lambda x: x[:, 2:])], weights)
    s.chain([Piece("last", lambda x: x[:, -1])], name)
    for kind, function in (("mean", torch.mean), ("max", torch.amax), ("sum", torch.sum)):
        s.chain([Piece(f"{kind}(1)", lambda x, function=function: function(x, 1))], one(s.random, [name, weights, values]))
    turned = s.define(f"({name} -> transpose(0, 2, 1)) @ {name}", lambda x: x.transpose(1, 2) @ x, name)
    s.forget(name, weights, values)
    s.chain([Piece("flatten", lambda x: x.flatten(1)), dense_piece((16,), 3)], turned)


@structure
def image_of_any_size(s: Sketch) -> None:
    def draw(r: np.random.Generator, rows: int) -> Any:
        return r.normal(0, 1, (rows, 1, 2 + rows % 2, 3)).astype(np.float32)

    picture = s.input("picture", "float32[N, 1, H, W]", draw)
    mixed = s.chain([Piece("prelu", nn.PReLU()), Piece("tile(1, 2, 1, 1)", lambda x: x.repeat(1, 2, 1, 1))], picture)
    mode, arguments = one(s.random, [("nearest", {"mode": "nearest"}), ("linear", {"mode": "bilinear", "align_corners": False})])
    scaled = Piece(f'resize(scale = 2, mode = "{mode}")', lambda x: F.interpolate(x, scale_factor=2, **arguments))
    larger = s.chain([scaled, Piece("gelu", F.gelu)], mixed)
    s.chain([Piece("mean([2, 3])", lambda x: x.mean((2, 3)))], larger)
    s.chain([Piece('pad(1, axis = [2, 3], mode = "edge")', lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate")), Piece("min([-1, 2])", lambda x: x.amin((-1, 2)))], larger)
    s.forget(mixed, larger)
