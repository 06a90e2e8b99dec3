"""What holds for every registered layer, operator and loss, on each of its examples."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from itertools import pairwise

import numpy as np
import pytest
from library_cases import (
    Case,
    cases,
    in_float64,
    inferred_by_onnx,
    lowered,
    model_of,
    onnxruntime,
    option_names,
    reference,
    sized,
)

from nnspec.autodiff import gradients
from nnspec.graph.dtypes import is_float
from nnspec.ir.components import Component
from nnspec.ir.schema import json_schema
from nnspec.ir.types import TensorType
from nnspec.library import registries

RANDOM = ("dropout", "spatial_dropout", "gaussian_noise")
SHAPED = ("layer", "operator", "loss", "metric")
CLASSES = [
    (kind, name)
    for kind, registry in registries().items()
    if kind not in ("source", "augmentation")
    for name in registry
]

every_case = pytest.mark.parametrize("case", cases(), ids=str)


@every_case
def test_infer_is_the_type_of_what_lower_makes(case: Case) -> None:
    for training in (False, True):
        if training and case.component.name in RANDOM:
            continue
        results = lowered(case, training=training, symbolic=not training).results
        inferred = case.built(sized).infer(*map(sized, case.types)) if training else case.component.infer(*case.types)
        assert tuple(value.type for value in results) == ((inferred,) if isinstance(inferred, TensorType) else inferred)


@every_case
def test_infer_agrees_with_onnx(case: Case) -> None:
    model, _ = model_of(lowered(case, symbolic=True))
    inferred = case.component.infer(*case.types)
    for type, (dtype, dims) in zip(
        (inferred,) if isinstance(inferred, TensorType) else inferred, inferred_by_onnx(model), strict=True
    ):
        assert ("string" if dtype == "object" else dtype) == type.dtype
        assert len(dims) == type.rank or not dims
        for own, theirs in zip(type.shape, dims, strict=False):
            assert theirs is None or str(theirs).startswith("unk__") or str(theirs) == str(own)


@every_case
def test_onnxruntime_agrees_with_the_reference(case: Case) -> None:
    model, feeds = model_of(lowered(case, symbolic=True))
    for ours, wanted in zip(onnxruntime(model, feeds), reference(model, feeds), strict=True):
        assert ours.dtype == wanted.dtype and ours.shape == wanted.shape
        if is_float(str(ours.dtype)):
            np.testing.assert_allclose(ours, wanted, rtol=2e-5, atol=2e-6)
        else:
            assert (ours == wanted).all()


def alike(case: Case) -> bool:
    """Whether training and inference compute the same: nothing random, no running statistics in the place of others."""
    return case.component.name not in RANDOM and not getattr(case.component, "track", False)


@pytest.mark.parametrize("case", list(filter(alike, cases())), ids=str)
def test_the_form_that_trains_equals_the_form_for_inference(case: Case) -> None:
    trains, feeds = model_of(lowered(case, training=True))
    for one, other in zip(onnxruntime(trains, feeds), onnxruntime(model_of(lowered(case))[0], feeds), strict=True):
        if is_float(str(one.dtype)):
            np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)
        else:
            assert (one == other).all()


@every_case
def test_gradients_agree_with_finite_differences(case: Case) -> None:
    """One random direction in the space of all inputs and parameters, in float64 on the reference evaluator."""
    lowering = lowered(case, training=True)
    g, random = lowering.graph, np.random.default_rng(1)
    wrt = [value for value in (*g.inputs, *g.parameters.values()) if is_float(value.dtype)]
    results = [y for y in lowering.results if is_float(y.dtype)]
    if not wrt or not results:
        return
    terms = [g.op("Mul", y, g.constant(random.uniform(0.5, 1.5, y.static_shape), "float32")) for y in results]
    loss = g.op("Sum", *(g.reduce("ReduceSum", term, range(term.rank)) for term in terms))
    found = gradients(g, loss, wrt)
    reached = {value.name: gradient for value, gradient in zip(wrt, found, strict=True) if gradient is not None}
    for name, gradient in {"loss": loss, **{f"d/{name}": gradient for name, gradient in reached.items()}}.items():
        g.output(name, gradient)
    from nnspec.graph.onnx_file import to_model

    model = in_float64(to_model(g))
    feeds = {
        name: array.astype(np.float64) if is_float(str(array.dtype)) else array
        for name, array in lowering.feeds.items()
    }
    feeds = {name: array for name, array in feeds.items() if name in {info.name for info in model.graph.input}}
    direction = {value.name: random.normal(size=feeds[value.name].shape) for value in wrt if value.name in feeds}
    step = 1e-6

    def moved(by: float) -> float:
        shifted = {name: array + by * direction[name] if name in direction else array for name, array in feeds.items()}
        return float(reference(model, shifted)[0])

    slope = (moved(step) - moved(-step)) / (2 * step)
    values = dict(zip(reached, reference(model, feeds)[1:], strict=True))
    assert {name: values[name].shape for name in values} == {name: feeds[name].shape for name in values}
    own = sum(float((values[name] * direction[name]).sum()) for name in values)
    assert own == pytest.approx(slope, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("kind", "name"), CLASSES)
def test_the_class_is_documented(kind: str, name: str) -> None:
    cls = registries()[kind][name]
    assert cls.__doc__ and len(cls.__doc__) > 10
    if kind in SHAPED:
        assert re.search(r"\[.*\]", cls.__doc__), "the docstring gives shapes in axis letters"
    documented: set[str] = set()
    for base in cls.__mro__:
        if issubclass(base, Component) and base.__name__ != "Component" and not _made_from_a_table(base):
            documented |= _documented_fields(base)
    missing = [option for option in cls.option_names if option not in documented]
    assert not missing, f"write a string below {', '.join(missing)} in {cls.__module__}.{cls.__name__}: what it does"


def test_every_option_is_in_an_example() -> None:
    for kind in SHAPED:
        for name in registries()[kind]:
            cls = registries()[kind][name]
            used = set().union(*(option_names(kind, example.call) for example in cls.examples))
            used |= {option for example in cls.examples for option, _ in getattr(example, "arguments", ())}
            assert cls.examples, f"the {kind} {name} has no examples: write some into {cls.__module__}.{cls.__name__}"
            unused = sorted(set(cls.option_names) - used)
            assert not unused, f"no example of the {kind} {name} uses {unused}: write one into {cls.__module__}"


def test_options_resolve_and_have_a_schema() -> None:
    for kind, name in CLASSES:
        assert json_schema(registries()[kind][name])["additionalProperties"] is False


def test_names_of_other_frameworks_are_answered_with_ours() -> None:
    for kind, name in CLASSES:
        for foreign in registries()[kind][name].foreign_names:
            assert registries()[kind].nearest(foreign) == name, f"{kind}: {foreign}"
    known = {
        "layer": {
            "nn.Linear": "dense",
            "Dense": "dense",
            "nn.ReLU": "relu",
            "ReLU6": "relu6",
            "nn.SiLU": "silu",
            "swish": "silu",
            "F.gelu": "gelu",
            "LeakyReLU": "leaky_relu",
            "Hardswish": "hard_swish",
            "PReLU": "prelu",
            "LogSoftmax": "log_softmax",
            "torch.cat": "concat",
            "Concatenate": "concat",
            "permute": "transpose",
            "nn.Dropout2d": "spatial_dropout",
            "Upsample": "resize",
            "drop_out": "dropout",
        },
        "loss": {
            "nn.CrossEntropyLoss": "cross_entropy",
            "BCEWithLogitsLoss": "binary_cross_entropy",
            "L1Loss": "mae",
            "MeanSquaredError": "mse",
        },
        "optimizer": {"torch.optim.AdamW": "adamw", "SGD": "sgd"},
        "schedule": {"CosineAnnealingLR": "cosine", "OneCycleLR": "one_cycle", "ReduceLROnPlateau": "plateau"},
        "metric": {"acc": "accuracy", "r2_score": "r2"},
        "initializer": {"xavier_uniform_": "glorot_uniform", "kaiming_normal": "he_normal"},
    }
    for kind, names in known.items():
        assert {foreign: registries()[kind].nearest(foreign) for foreign in names} == names


def _made_from_a_table(cls: type) -> bool:
    """Classes of one line, such as activations, have the fields of their base."""
    return "__annotations__" not in vars(cls)


def _documented_fields(cls: type) -> set[str]:
    """Fields that are followed by a docstring in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id
        for field, doc in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(doc, ast.Expr)
    }
