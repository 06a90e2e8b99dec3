"""The graphs of training, in standard operators only: gradients, evaluation, forward pass, update.

Batch and parameters come as inputs under the names of the spec. What the spec has no name for is named with a slash,
which no name of a spec can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnspec.autodiff.engine import gradients
from nnspec.autodiff.recomputed_blocks import recompute_blocks
from nnspec.compiler.lowering import Library, Sizes, lower_loss, lower_model
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.filters_twice import filters_twice
from nnspec.graph.graph import Graph, Value
from nnspec.graph.idle_bias import leave_out_idle_biases
from nnspec.graph.passes import optimized
from nnspec.graph.schedule import computed_last_to_first
from nnspec.graph.training_forms import in_training_forms
from nnspec.ir import codec
from nnspec.ir.dims import symbol
from nnspec.ir.patterns import matches
from nnspec.ir.spec import Parameter, Spec
from nnspec.ir.types import TensorType

if TYPE_CHECKING:
    from nnspec.recipe.base import Average, Optimizer

SEED, STEP = "random/seed", "random/step"
"""Inputs, uint32 scalars: what the random numbers of a step depend on."""
LOSS, PENALTY = "train/loss", "train/penalty"
"""Outputs, scalars: the loss expression, and the sum of the regularizers where there are any."""
FLAT, SCALAR = TensorType("float32", (symbol("elements"),)), TensorType("float32", ())
"""What an update works on: buffers of any length, and numbers of the step."""
AVERAGE = "average"
"""The slot that holds the running average of the parameters."""


def gradient_name(path: str) -> str:
    return f"gradient/{path}"


def state_name(path: str) -> str:
    return f"state/{path}"


def metric_name(metric: str, part: str) -> str:
    return f"metric/{metric}/{part}"


def trained_parameters(spec: Spec) -> tuple[Parameter, ...]:
    """The parameters that training changes, trainable and not frozen; those that weight decay acts on come first."""
    held = frozen_paths(spec)
    found = [item for item in spec.parameters if item.trainable and item.path not in held]
    patterns = spec.train.optimizer.options.get("decay_on", "*") if spec.train else "*"
    decayed = [patterns] if isinstance(patterns, str) else patterns
    return tuple(sorted(found, key=lambda item: not any(matches(pattern, item.path) for pattern in decayed)))


def frozen_paths(spec: Spec) -> set[str]:
    """The parameters and statistics that `freeze` covers."""
    patterns = spec.train.freeze if spec.train else ()
    return {item.path for pattern in patterns for item in spec.parameters if matches(pattern, item.path)}


def gradients_graph(spec: Spec, library: Library, sizes: Sizes) -> Graph:
    """Forward, loss and backward for one batch signature.

    Inputs: the batch, the parameters, seed and step. Outputs: loss, penalty, the parts of the metrics, the new running
    statistics, and the gradient of loss + penalty for every trained parameter; zeros for one that the loss does not
    depend on.
    """
    held = frozen_paths(spec)
    g = _training_graph(spec, held)
    loss = _loss_and_metrics(spec, library, g, sizes)
    penalty = _penalty(spec, library, g)
    objective = g.op("Add", loss, penalty) if penalty else loss
    if penalty:
        g.output(PENALTY, penalty)
    g.state = {path: value for path, value in g.state.items() if path not in held}
    for path, value in g.state.items():
        g.output(state_name(path), value)
    trained = trained_parameters(spec)
    wanted = [g.parameter(item.path, TensorType(item.dtype, item.shape)) for item in trained]
    leave_out_idle_biases(g)
    in_training_forms(g)
    forward = len(g.nodes)
    for item, gradient in zip(trained, gradients(g, objective, wanted), strict=True):
        g.output(gradient_name(item.path), gradient or g.expand(g.constant(0, item.dtype), item.shape))
    recompute_blocks(g, forward)
    g = optimized(g)
    g = filters_twice(g, g.outputs[LOSS])
    known = {item.path for item in trained}
    return computed_last_to_first(g, [gradient_name(path) for path in g.parameters if path in known])


def require_trainable(spec: Spec, library: Library, sizes: Sizes) -> None:
    """Raise the fault of a layer that cannot learn from batches of these sizes."""
    lower_model(spec, library, _training_graph(spec, frozen_paths(spec)), sizes)


def evaluation_graph(spec: Spec, library: Library, sizes: Sizes) -> Graph:
    """Loss and parts of the metrics for one batch signature, as in inference: no dropout, running statistics."""
    g = Graph(f"{spec.name}_evaluation")
    _loss_and_metrics(spec, library, g, sizes)
    return optimized(g)


def forward_graph(
    spec: Spec,
    library: Library,
    outputs: Mapping[str, str],
    sizes: Sizes | None = None,
    opset: int = 21,
    deployed: bool = False,
) -> Graph:
    """The model as in inference: `outputs` maps the names of the graph's outputs to values of the spec."""
    g = Graph(spec.name, opset=opset, deployed=deployed)
    values = lower_model(spec, library, g, sizes)
    for name, value in outputs.items():
        g.output(name, values[value])
    return optimized(g)


def update_graph(
    optimizer: Optimizer,
    *,
    average: Average | None = None,
    scaled: bool = False,
    clip_value: float | None = None,
) -> Graph:
    """One step of the optimizer over a flat buffer of any length; one parameter of it, where the rule is per tensor.

    The operator that makes an output follows all that read its input, so that outputs may be bound over their inputs.
    Inputs: `parameter`, `gradient`, every slot of the state (with `average` the slot of that name), `lr` and `step`
    (the number of this update, from 1); `scale` where `scaled`, a factor of the gradient that carries the clipping by
    norm. Outputs: `new/parameter` and `new/<slot>`.
    """
    g = Graph("update")
    parameter, gradient = g.input("parameter", FLAT), g.input("gradient", FLAT)
    state = {slot: g.input(slot, FLAT) for slot in update_slots(optimizer, average)}
    lr, step = g.input("lr", SCALAR), g.input("step", TensorType("int64", ()))
    if scaled:
        gradient = g.op("Mul", gradient, g.input("scale", SCALAR))
    if clip_value is not None:
        gradient = g.op("Clip", gradient, -clip_value, clip_value)
    parameter, found = optimizer.update(g, parameter, gradient, state, lr, step)
    if average:
        found[AVERAGE] = average.update(g, state[AVERAGE], parameter, step)
    g.output("new/parameter", parameter)
    for slot, value in found.items():
        g.output(f"new/{slot}", value)
    return optimized(g)


def update_slots(optimizer: Optimizer, average: Average | None) -> tuple[str, ...]:
    """The state tensors that an update keeps, each as long as the parameters."""
    return (*optimizer.slots, AVERAGE) if average else optimizer.slots


def norm_graph(limit: float) -> Graph:
    """The `scale` that brings the L2 norm of a flat `gradient` down to `limit`: min(1, limit / (norm + 1e-6))."""
    g = Graph("norm")
    norm = g.op("ReduceL2", g.input("gradient", FLAT), keepdims=0)
    g.output("scale", g.op("Min", g.op("Div", g.constant(limit, "float32"), g.op("Add", norm, 1e-6)), 1))
    return g


def accumulation_graph() -> Graph:
    """`new/total` = `total` + `gradient` * `weight`, elementwise over flat buffers."""
    g = Graph("accumulation")
    total, gradient, weight = g.input("total", FLAT), g.input("gradient", FLAT), g.input("weight", SCALAR)
    g.output("new/total", g.op("Add", total, g.op("Mul", gradient, weight)))
    return g


def _training_graph(spec: Spec, frozen: set[str]) -> Graph:
    g = Graph(f"{spec.name}_gradients", training=True, frozen=frozen)
    scalar = tensor_type("uint32", ())
    g.seed_with(g.input(SEED, scalar), g.input(STEP, scalar))
    return g


def _loss_and_metrics(spec: Spec, library: Library, g: Graph, sizes: Sizes) -> Value:
    assert spec.train is not None
    values = lower_model(spec, library, g, sizes)
    loss = lower_loss(spec, library, g, values, sizes)
    g.output(LOSS, loss)
    lower_metrics(spec, library, g, values)
    return loss


def lower_metrics(spec: Spec, library: Library, g: Graph, values: Mapping[str, Value]) -> None:
    """Outputs `metric/…`: what this batch says, from values of the model and targets."""
    for item in spec.train.metrics if spec.train else ():
        given = {option: values[name] for option, name in item.arguments.items()}
        metric = codec.decode(library, "metric", item.metric, **{option: value.type for option, value in given.items()})
        with g.at(item.name):
            for part, value in metric.parts(g, *(values[name] for name in item.inputs), **given).items():
                g.output(metric_name(item.name, part), value)


def _penalty(spec: Spec, library: Library, g: Graph) -> Value | None:
    """The sum of the regularizers over the trainable parameters that they cover."""
    assert spec.train is not None
    total: Value | None = None
    trainable = {item.path: TensorType(item.dtype, item.shape) for item in spec.parameters if item.trainable}
    for reference in spec.train.regularize:
        regularizer = codec.decode(library, "regularizer", reference)
        for path in (path for path in trainable if matches(regularizer.on, path)):
            term = regularizer.penalty(g, g.parameter(path, trainable[path]))
            total = term if total is None else g.op("Add", total, term)
    return total
