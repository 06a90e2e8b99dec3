"""Attention against PyTorch's `scaled_dot_product_attention` and `MultiheadAttention`, in every combination of its
options: outputs, loss and the gradients of all parameters, those before the attention included."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

import nnspec

from .compare import error, worst

pytestmark = pytest.mark.parity

TOLERANCE = 1e-5
"""Relative, in the maximum norm of each tensor."""
ROWS, QUERIES, KEYS, FEATURES, SOURCE = 3, 6, 7, 16, 10
Batch = dict[str, np.ndarray[Any, Any]]


class Options(NamedTuple):
    memory: bool = False
    mask: str = ""
    """`keys`, `pairs` or nothing."""
    causal: bool = False
    kv_heads: int = 4
    window: int = 0
    rotary: bool = False
    bias: bool = True
    head_size: int = 0
    scale: float = 0.0

    @property
    def keys(self) -> int:
        return KEYS if self.memory else QUERIES

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self._asdict().items() if value) or "plain"


def combinations() -> list[Options]:
    """Every source, mask and direction, with and without shared keys; and these with the other options in turn."""
    found = [
        Options(memory, mask, causal, kv_heads)
        for memory, mask, causal, kv_heads in product((False, True), ("", "keys", "pairs"), (False, True), (4, 2, 1))
    ]
    turns: list[dict[str, Any]] = [
        {"window": 2},
        {"window": 3, "bias": False},
        {"rotary": True},
        {"rotary": True, "window": 3, "scale": 0.7},
        {"head_size": 6, "bias": False},
        {"head_size": 2, "scale": 0.1},
    ]
    base = [item for item in found if item.kv_heads < 4]
    for number, item in enumerate(base):
        for shift in (0, 1, 2):
            turn = turns[(number + 2 * shift + shift // 2) % len(turns)]
            if not (turn.get("rotary") and item.memory):
                found.append(item._replace(**turn))
    return list(dict.fromkeys(found))


CASES = combinations()


def test_there_are_more_than_sixty() -> None:
    assert len(CASES) >= 60
    for name in Options._fields:
        assert len({getattr(item, name) for item in CASES}) > 1, name


class Projections(nn.Module):
    """The four projections, under nnspec's names."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        size = options.head_size or FEATURES // 4
        source = SOURCE if options.memory else FEATURES
        self.query = nn.Linear(FEATURES, 4 * size, options.bias)
        self.key = nn.Linear(source, options.kv_heads * size, options.bias)
        self.value = nn.Linear(source, options.kv_heads * size, options.bias)
        self.output = nn.Linear(4 * size, FEATURES, options.bias)


class Reference(nn.Module):
    """A layer before, the attention, and PyTorch's way to say the same."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        self.first = nn.Linear(FEATURES, FEATURES)
        if options.memory:
            self.second = nn.Linear(SOURCE, SOURCE)
        self.mixed = Projections(options)

    def forward(self, batch: Batch) -> Tensor:
        x = self.first(torch.from_numpy(batch["x"]))
        source = self.second(torch.from_numpy(batch["memory"])) if self.options.memory else x
        p, size = self.mixed, self.options.head_size or FEATURES // 4
        q, k, v = (
            layer(value).unflatten(-1, (-1, size)).transpose(1, 2)
            for layer, value in ((p.query, x), (p.key, source), (p.value, source))
        )
        if self.options.rotary:
            q, k = rotated(q), rotated(k)
        allowed = self.allowed(batch)
        y = scaled_dot_product_attention(
            q, k, v, attn_mask=allowed, scale=self.options.scale or None, enable_gqa=self.options.kv_heads < 4
        )
        y = torch.where(allowed.any(-1, keepdim=True), y, torch.zeros(())) if allowed is not None else y
        found: Tensor = p.output(y.transpose(1, 2).flatten(2))
        return found

    def allowed(self, batch: Batch) -> Tensor | None:
        options = self.options
        apart = torch.arange(QUERIES)[:, None] - torch.arange(options.keys)
        near = torch.ones(QUERIES, options.keys, dtype=torch.bool)
        if options.causal:
            near &= apart >= 0
        if options.window:
            near &= apart.abs() < options.window
        near = near.expand(ROWS, 1, QUERIES, options.keys)
        if options.mask:
            mask = torch.from_numpy(batch["mask"])
            near = near & (mask[:, None, None] if options.mask == "keys" else mask[:, None])
        return near if options.mask or options.causal or options.window else None


def rotated(x: Tensor) -> Tensor:
    """Complex numbers of the features i and i + half, turned by their places."""
    half = x.shape[-1] // 2
    turns = torch.outer(torch.arange(x.shape[-2]), 10_000.0 ** -(torch.arange(half) / half))
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(turns), turns)
    return torch.cat([turned.real, turned.imag], -1)


def spec_of(options: Options) -> nnspec.Spec:
    given = {
        "kv_heads": options.kv_heads if options.kv_heads < 4 else None,
        "causal": "true" if options.causal else None,
        "mask": "mask" if options.mask else None,
        "memory": "source" if options.memory else None,
        "window": options.window or None,
        "rotary": "10_000" if options.rotary else None,
        "bias": None if options.bias else "false",
        "head_size": options.head_size or None,
        "scale": options.scale or None,
    }
    said = "".join(f", {name} = {value}" for name, value in given.items() if value is not None)
    keys = "S" if options.memory else "T"
    mask = {"keys": f"input mask: bool[N, {keys}]", "pairs": f"input mask: bool[N, T, {keys}]"}.get(options.mask, "")
    memory = f"input memory: float32[N, S, {SOURCE}]" if options.memory else ""
    return nnspec.loads(f"""nnspec 1
model one {{
  input x: float32[N, T, {FEATURES}]
  {memory}
  {mask}
  {"second = memory -> dense(10)" if options.memory else ""}
  first = x -> dense({FEATURES})
  mixed = first -> attention(4{said.replace("source", "second")})
  output y = mixed
}}
train {{
  target t: float32[N, T, {FEATURES}]
  loss = mse(y, t)
  optimizer = sgd(lr = 0.1)
  steps = 1
}}
""")


def batch_of(options: Options, seed: int = 0, spread: float = 1.0) -> Batch:
    random = np.random.default_rng(seed)
    batch: Batch = {"x": spread * random.normal(size=(ROWS, QUERIES, FEATURES)).astype(np.float32)}
    if options.memory:
        batch["memory"] = spread * random.normal(size=(ROWS, KEYS, SOURCE)).astype(np.float32)
    if options.mask:
        shape = (ROWS, options.keys) if options.mask == "keys" else (ROWS, QUERIES, options.keys)
        batch["mask"] = random.random(shape) < 0.75
        batch["mask"][1] = False
    batch["t"] = random.normal(size=(ROWS, QUERIES, FEATURES)).astype(np.float32)
    return batch


def pair(options: Options) -> tuple[nnspec.Trainer, Reference]:
    torch.manual_seed(1)
    reference = Reference(options)
    trainer = nnspec.Trainer(spec_of(options))
    trainer.load_parameters({name: weight.detach().numpy() for name, weight in reference.named_parameters()})
    return trainer, reference


def gradients(reference: Reference, batch: Batch) -> tuple[float, dict[str, Any]]:
    reference.zero_grad()
    loss = nn.functional.mse_loss(reference(batch), torch.from_numpy(batch["t"]))
    loss.backward()
    return loss.item(), {name: weight.grad.numpy() for name, weight in reference.named_parameters()}  # type: ignore[union-attr]


def inputs_of(batch: Batch) -> Batch:
    return {name: array for name, array in batch.items() if name != "t"}


def assert_gradients(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The gradient of the key's offset is 0 in theory, which both sides miss by rounding: it is held to the query's."""
    near_zero = {name for name in wanted if name == "mixed.key.bias"}
    for name in near_zero:
        size = max(float(np.abs(wanted["mixed.query.bias"]).max()), float(np.abs(wanted["mixed.value.bias"]).max()))
        assert np.abs(found[name] - wanted[name]).max() <= TOLERANCE * size
    rest = [{name: array for name, array in side.items() if name not in near_zero} for side in (found, wanted)]
    assert worst(*rest) < (TOLERANCE,)


@pytest.mark.parametrize("options", CASES, ids=str)
def test_outputs_loss_and_gradients(options: Options) -> None:
    trainer, reference = pair(options)
    batch = batch_of(options)
    wanted = reference(batch).detach().numpy()
    assert error(trainer.predict(inputs_of(batch))["y"], wanted) < TOLERANCE
    exported = nnspec.compile(spec_of(options), weights=trainer.parameters).run(inputs_of(batch))["y"]
    assert error(exported, wanted) < TOLERANCE
    loss, slopes = gradients(reference, batch)
    assert trainer.evaluate(batch)["loss"] == pytest.approx(loss, rel=TOLERANCE)
    assert_gradients(trainer.gradients(batch), slopes)


@pytest.mark.parametrize("options", [Options(causal=True), Options(mask="pairs"), Options(True, "keys")], ids=str)
def test_scores_of_ten_thousand(options: Options) -> None:
    """Weights are 0 and 1 then, and what is masked must not leak, however large its score."""
    trainer, reference = pair(options)
    weights = {
        name: array * (150 if name in ("mixed.query.weight", "mixed.key.weight") else 1)
        for name, array in trainer.parameters.items()
    }
    trainer.load_parameters(weights)
    reference.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    batch = batch_of(options)
    assert error(trainer.predict(inputs_of(batch))["y"], reference(batch).detach().numpy()) < TOLERANCE
    found, (_, wanted) = trainer.gradients(batch), gradients(reference, batch)
    assert all(np.isfinite(array).all() for array in found.values())
    for name in ("mixed.output.weight", "mixed.value.weight"):
        assert error(found[name], wanted[name]) < 1e-3, name  # scores of 1e4 are right to 1e-3 in float32


@pytest.mark.parametrize("mask", ["keys", "pairs"])
def test_rows_that_may_look_nowhere(mask: str) -> None:
    """Their result is the offset of the output, and they teach nothing."""
    options = Options(mask=mask)
    trainer, _ = pair(options)
    batch = batch_of(options)
    batch["mask"][...] = False
    y = trainer.predict(inputs_of(batch))["y"]
    np.testing.assert_allclose(y, np.broadcast_to(trainer.parameters["mixed.output.bias"], y.shape), rtol=1e-6)
    for name, slope in trainer.gradients(batch).items():
        assert np.isfinite(slope).all(), name
        assert slope.any() == (name == "mixed.output.bias"), name


@pytest.mark.parametrize("mask", ["", "keys", "pairs"])
@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_multihead_attention(mask: str, memory: bool, bias: bool) -> None:
    """PyTorch's module with query, key and value as one projection, or three where the memory has other features."""
    options = Options(memory, mask, bias=bias)
    torch.manual_seed(2)
    source = SOURCE if memory else FEATURES
    module = nn.MultiheadAttention(FEATURES, 4, bias=bias, kdim=source, vdim=source, batch_first=True)
    nn.init.normal_(module.out_proj.weight, std=0.3)
    trainer, reference = pair(options)
    own = dict(reference.state_dict())
    own |= {f"mixed.{name}": array for name, array in projections(module).items()}
    trainer.load_parameters({name: array.detach().numpy() for name, array in own.items()})
    reference.load_state_dict(own)
    batch = batch_of(options)
    if mask:
        batch["mask"][..., 0] = True  # the module gives nan where nothing may be looked at
    x = reference.first(torch.from_numpy(batch["x"]))
    other = reference.second(torch.from_numpy(batch["memory"])) if memory else x
    hidden = ~torch.from_numpy(batch["mask"]) if mask else None
    pairs = hidden.repeat_interleave(4, 0) if mask == "pairs" and hidden is not None else None
    keys = hidden if mask == "keys" else None
    y, _ = module(x, other, other, key_padding_mask=keys, attn_mask=pairs, need_weights=False)
    assert error(trainer.predict(inputs_of(batch))["y"], y.detach().numpy()) < TOLERANCE
    nn.functional.mse_loss(y, torch.from_numpy(batch["t"])).backward()
    wanted = {f"mixed.{name}": array.numpy() for name, array in projections(module, gradient=True).items()}
    wanted |= {name: weight.grad.numpy() for name, weight in reference.named_parameters() if weight.grad is not None}
    assert_gradients(trainer.gradients(batch), wanted)


def projections(module: nn.MultiheadAttention, *, gradient: bool = False) -> dict[str, Tensor]:
    """The module's tensors, or their gradients, under nnspec's names: the table in the docstring of attention."""

    def of(parameter: Tensor) -> Tensor:
        found = parameter.grad if gradient else parameter.detach()
        assert found is not None
        return found

    names = ("query", "key", "value")
    if module.in_proj_weight is not None:
        found = {f"{name}.weight": part for name, part in zip(names, of(module.in_proj_weight).chunk(3), strict=True)}
    else:
        apart = (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
        found = {f"{name}.weight": of(part) for name, part in zip(names, apart, strict=True)}
    found["output.weight"] = of(module.out_proj.weight)
    if module.in_proj_bias is not None:
        found |= {f"{name}.bias": part for name, part in zip(names, of(module.in_proj_bias).chunk(3), strict=True)}
        found["output.bias"] = of(module.out_proj.bias)
    return found


def test_dropout_leaves_weights_out_and_keeps_the_mean() -> None:
    """In training a weight is 0 with the probability, and counts 1 / (1 - p) elsewhere: the mean over many draws is the
    result without it. The gradient of the output offset, linear in the result, tells. Inference leaves nothing out."""
    text = """nnspec 1
model one(dropout = 0.0) {
  input x: float32[N, T, 8]
  output y = attention(2, dropout = dropout)
}
train {
  target t: float32[N, T, 8]
  loss = mse(y, t)
  optimizer = sgd(lr = 0.1)
  steps = 1
}
"""
    random = np.random.default_rng(3)
    one = random.normal(size=(1, 5, 8)).astype(np.float32)
    batch = {"x": np.repeat(one, 400, 0), "t": np.zeros((400, 5, 8), np.float32)}
    plain, dropped = (nnspec.Trainer(nnspec.loads(text, set={"dropout": rate}), seed=1) for rate in (0.0, 0.3))
    dropped.load_parameters(plain.parameters)
    inputs = {"x": batch["x"]}
    assert dropped.predict(inputs)["y"].tobytes() == plain.predict(inputs)["y"].tobytes()
    wanted, draws = plain.gradients(batch)["y.output.bias"], []
    for _ in range(30):
        draws.append(dropped.gradients(batch)["y.output.bias"].copy())
        dropped.step(batch)
        dropped.load_parameters(plain.parameters)
    spread = np.std(draws, 0) / np.sqrt(len(draws))
    assert (spread > 0).all() and (np.abs(np.mean(draws, 0) - wanted) < 4 * spread).all()
