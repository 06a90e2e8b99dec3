"""Forms of the layers that work on sequences: attention, positions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from .forms import Pieces, form, one
from .sketch import Piece, Random, Shape


class Attention(nn.Module):
    """Attention with the projections under nnspec's names."""

    def __init__(self, features: int, sizes: tuple[int, int, int], bias: bool, **how: Any) -> None:
        super().__init__()
        heads, kv_heads, self.size = sizes
        self.query = nn.Linear(features, heads * self.size, bias)
        self.key = nn.Linear(features, kv_heads * self.size, bias)
        self.value = nn.Linear(features, kv_heads * self.size, bias)
        self.output = nn.Linear(heads * self.size, features, bias)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (-1, self.size)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        if base := self.how["rotary"]:
            q, k = turned(q, base), turned(k, base)
        apart = torch.arange(x.shape[1])[:, None] - torch.arange(x.shape[1])
        allowed = apart.abs() < (self.how["window"] or x.shape[1])
        if self.how["causal"]:
            allowed &= apart >= 0
        y = scaled_dot_product_attention(q, k, v, allowed, scale=self.how["scale"], enable_gqa=True)
        found: Tensor = self.output(y.transpose(1, 2).flatten(2))
        return found


def turned(x: Tensor, base: float) -> Tensor:
    """Rotary positions, by complex numbers of the features i and i + half."""
    half = x.shape[-1] // 2
    turns = torch.outer(torch.arange(x.shape[-2]), base ** -(torch.arange(half) / half))
    points = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(turns), turns)
    return torch.cat([points.real, points.imag], -1)


def attention_form(size: int, kv_heads: int | None, causal: bool, rotary: int | None, init: str | None) -> None:
    """Four heads, the rest at random. With an offset where positions are turned: elsewhere the gradient of the offset
    of the keys is 0 but for rounding."""

    @form(f"attention of size {size}", 3)
    def make(r: Random, shape: Shape) -> Pieces:
        scale, window = one(r, [None, 0.5]), one(r, [None, None, 2])
        heads = kv_heads * int(r.integers(1, 4)) if kv_heads else 2
        how = {"scale": scale, "causal": causal, "window": window, "rotary": rotary}
        module = Attention(shape[-1], (heads, kv_heads or heads, size), rotary is not None, **how)
        given = {
            "kv_heads": kv_heads,
            "head_size": size,
            "causal": "true" if causal else None,
            "window": window,
            "rotary": rotary,
            "scale": scale,
            "bias": None if rotary else "false",
            "init": init,
        }
        said = "".join(f", {name} = {value}" for name, value in given.items() if value is not None)
        return [Piece(f"attention({heads}{said})", module)]


attention_form(2, None, True, None, None)
attention_form(3, 2, False, None, "normal(0.3)")
attention_form(4, 1, True, 50, None)


class Places(nn.Module):
    """A learned vector for each place."""

    def __init__(self, count: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(count, features))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight[: x.shape[1]]


def position_forms(more: int, init: str, base: int) -> None:
    @form(f"learned_position, {more} more than there are", 3)
    def learned(r: Random, shape: Shape) -> Pieces:
        count = shape[1] + more
        return [Piece(f"learned_position({count}{init})", Places(count, shape[2]))]

    @form(f"sinusoidal_position({base})", 3)
    def sinusoidal(r: Random, shape: Shape) -> Pieces:
        """Of twice the features, which are always an even number."""
        rates = base ** -(torch.arange(0, 2 * shape[2], 2) / (2 * shape[2]))
        turns = torch.outer(torch.arange(shape[1]), rates)
        waves = torch.stack([turns.sin(), turns.cos()], -1).flatten(1)
        return [
            Piece("tile(1, 1, 2)", lambda x: x.repeat(1, 1, 2)),
            Piece(f"sinusoidal_position({base})", lambda x: x + waves),
        ]


position_forms(0, "", 10_000)
position_forms(3, ", init = uniform(-1, 1)", 20)
