"""What the language promises is registered or planned, and what is planned is said to be."""

from __future__ import annotations

import pytest

from nnspec.ir.planned import PLANNED, plain
from nnspec.library import registries

from .shorthand import findings, model

LIBRARY = {
    "layer": """
        dense embedding flatten reshape transpose squeeze unsqueeze concat stack split slice pad tile cast identity
        resize
        sigmoid tanh relu leaky_relu softmax log_softmax elu selu celu gelu silu mish softplus softsign hard_sigmoid
        hard_swish relu6 prelu glu swiglu geglu exp log sqrt abs
        conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d depthwise_conv2d
        max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d global_avg_pool global_max_pool
        batch_norm layer_norm rms_norm group_norm instance_norm l2_normalize
        dropout spatial_dropout gaussian_noise
        rnn lstm gru
        attention learned_position sinusoidal_position
        mean sum max min argmax last
        standardize rescale one_hot lookup clip log1p""",
    "loss": "cross_entropy binary_cross_entropy mse mae huber hinge kl_divergence cosine",
    "metric": "accuracy top_k_accuracy precision recall f1 auc mae mse r2 perplexity",
    "optimizer": "sgd adam adamw rmsprop adagrad adadelta lion lamb",
    "schedule": "step exponential linear cosine warmup_cosine one_cycle plateau",
    "initializer": """
        glorot_uniform glorot_normal he_uniform he_normal lecun_normal normal uniform zeros ones orthogonal""",
    "regularizer": "l1 l2",
    "stop": "patience",
    "average": "ema",
    "source": "csv parquet npz idx images text synthetic",
    "weights": "weights",
}
"""The layer library, and what the sections speak of, as LANGUAGE.md has them."""


@pytest.mark.parametrize("kind", LIBRARY)
def test_the_library_is_registered_or_planned(kind: str) -> None:
    library, registered = set(LIBRARY[kind].split()), set(registries().get(kind, ()))
    planned = set(PLANNED.get(kind, {}))
    forgotten = library - registered - planned
    assert not forgotten, f"the language has the {kind}s {sorted(forgotten)}: plan them in nnspec/ir/planned.py"
    invented = planned - library
    assert not invented, f"nnspec/ir/planned.py has the {kind}s {sorted(invented)}, and the language has not"


def test_every_planned_kind_is_one_of_the_language() -> None:
    assert set(PLANNED) <= set(LIBRARY)


def waiting() -> list[tuple[str, str]]:
    """Planned layers that are not registered, under all of their names."""
    layers = registries()["layer"]
    names = ((own, other) for own, others in PLANNED["layer"].items() for other in (own, *others))
    return [(own, other) for own, other in names if own not in layers and not layers.same(other)]


def test_a_planned_layer_is_said_to_be() -> None:
    for own, name in waiting():
        for text in (model(f"{name}(3)"), model(f"x -> {name}"), model(f"x -> nn.{name}(3, 4)")):
            (found,) = findings(text)
            assert (found.code, found.message) == ("E201", f"nnspec has no {own} yet")
            assert found.help == "it is part of the language, and comes in a later version"


def test_no_name_leads_to_two_planned_components() -> None:
    for kind, items in PLANNED.items():
        names = [
            plain(name) for own, others in items.items() for name in {plain(own): own, **{plain(o): o for o in others}}
        ]
        assert len(names) == len(set(names)), kind


def test_what_is_registered_counts_no_more() -> None:
    for kind, registry in registries().items():
        assert all(registry.planned(name) == "" for name in registry if name in PLANNED.get(kind, {}))
        for name in registry:
            assert registry.same(name) == name
