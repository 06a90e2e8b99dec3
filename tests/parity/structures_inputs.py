"""Inputs of all dtypes, and of sizes that are known when the model runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .forms import dense_piece, one, spelled
from .forms_numbers import Standardize
from .sketch import Piece, Sketch
from .structures import as_float, structure, whole, written


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
    def draw(r: np.random.Generator, rows: int) -> Any:
        return r.normal(0, 1, (rows, 2 + rows % 3, 3)).astype(np.float32)

    padded = Piece("pad(1, axis = 1)", lambda x: F.pad(x, (0, 0, 1, 1)))
    trimmed = Piece("slice(1, start = 1, end = -1)", lambda x: x[:, 1:-1])
    doubled = Piece("tile(1, 2, 1)", lambda x: x.repeat(1, 2, 1))
    steps = s.input("steps", "float32[N, T, 3]", draw)
    longer = s.chain([dense_piece((3,), 4), Piece("selu", F.selu), padded], steps)
    weights = s.chain([trimmed, Piece("softmax(axis = 1)", lambda x: x.softmax(1))], longer)
    parts = s.chain([doubled, Piece("slice(1, start = 2)", lambda x: x[:, 2:])], weights)
    s.chain([Piece("last", lambda x: x[:, -1])], longer)
    for kind, function in (("mean", torch.mean), ("max", torch.amax), ("sum", torch.sum)):
        source = one(s.random, [longer, weights, parts])
        s.chain([Piece(f"{kind}(1)", lambda x, function=function: function(x, 1))], source)
    square = s.define(f"({longer} -> transpose(0, 2, 1)) @ {longer}", lambda x: x.transpose(1, 2) @ x, longer)
    s.forget(longer, weights, parts)
    s.chain([Piece("flatten", lambda x: x.flatten(1)), dense_piece((16,), 3)], square)


@structure
def image_of_any_size(s: Sketch) -> None:
    def draw(r: np.random.Generator, rows: int) -> Any:
        return r.normal(0, 1, (rows, 1, 2 + rows % 2, 3)).astype(np.float32)

    picture = s.input("picture", "float32[N, 1, H, W]", draw)
    doubled = Piece("tile(1, 2, 1, 1)", lambda x: x.repeat(1, 2, 1, 1))
    mixed = s.chain([Piece("prelu", nn.PReLU()), doubled], picture)
    linear = {"mode": "bilinear", "align_corners": False}
    mode, arguments = one(s.random, [("nearest", {"mode": "nearest"}), ("linear", linear)])
    scaled = Piece(f'resize(scale = 2, mode = "{mode}")', lambda x: F.interpolate(x, scale_factor=2, **arguments))
    larger = s.chain([scaled, Piece("gelu", F.gelu)], mixed)
    framed = Piece('pad(1, axis = [2, 3], mode = "edge")', lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate"))
    s.chain([Piece("mean([2, 3])", lambda x: x.mean((2, 3)))], larger)
    s.chain([framed, Piece("min([-1, 2])", lambda x: x.amin((-1, 2)))], larger)
    s.forget(mixed, larger)
