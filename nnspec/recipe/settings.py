"""The settings of the sections `train` and `export`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from nnspec.ir.components import Component
from nnspec.ir.fields import Limits, PositiveFloat, PositiveInt, Rule
from nnspec.ir.types import TensorType
from nnspec.recipe.base import Average, EarlyStop, Metric, Optimizer, Regularizer
from nnspec.recipe.starts import Start


class TrainSection(Component):
    """What is minimised, how, and for how long."""

    kind: ClassVar[str] = "section"
    name: ClassVar[str] = "train"

    foreign_options: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs", "nb_epoch"), "epochs"),
        **dict.fromkeys(("max_steps", "num_steps", "iterations"), "steps"),
        **dict.fromkeys(("batch", "train_batch_size"), "batch_size"),
        **dict.fromkeys(("gradient_accumulation_steps", "accumulate_grad_batches"), "accumulate"),
        **dict.fromkeys(("clipnorm", "grad_clip_norm", "gradient_clip_val", "max_grad_norm"), "clip_norm"),
        **dict.fromkeys(("clipvalue", "grad_clip_value"), "clip_value"),
        **dict.fromkeys(("early_stopping", "callbacks"), "early_stop"),
        **dict.fromkeys(("criterion", "objective"), "loss"),
        **dict.fromkeys(("random_state", "random_seed"), "seed"),
        "optim": "optimizer",
        "kernel_regularizer": "regularize",
        "frozen": "freeze",
        "pretrained": "init",
    }

    loss: TensorType
    """An expression over values of the model and targets: `cross_entropy(logits, species)`, `a + 0.3 * b`."""
    optimizer: Optimizer
    """How gradients change parameters: `adamw(lr = 0.01)`."""
    regularize: Regularizer | tuple[Regularizer, ...] = ()
    """Penalties on parameters, added to the loss: `[l2(1e-4), l1(1e-5, on = "*.weight")]`."""
    clip_norm: PositiveFloat | None = None
    """Scale the gradients down so that their common L2 norm is at most this."""
    clip_value: PositiveFloat | None = None
    """Limit every entry of the gradients to [-clip_value, clip_value]."""
    metrics: tuple[Metric, ...] = ()
    """What is reported over a whole split: `[accuracy(logits, species)]`."""
    epochs: PositiveInt | None = None
    """Passes over the training rows. Either this or `steps`."""
    steps: PositiveInt | None = None
    """Updates. Either this or `epochs`."""
    batch_size: PositiveInt = 32
    """Rows in a step; the last batch of an epoch may be smaller."""
    accumulate: PositiveInt = 1
    """Batches whose gradients are averaged into one update."""
    early_stop: EarlyStop | None = None
    """When to stop before the last epoch: `patience(5, monitor = "validation.loss")`."""
    average: Average | None = None
    """An average of the parameters over the steps that is validated and kept: `ema(0.999)`."""
    freeze: tuple[str, ...] = ()
    """Patterns of parameters that stay as they are, such as `["stem.*"]`; `*` crosses dots."""
    init: str | Start | None = None
    """Weights to start from: a safetensors file or a run directory, of which every name must match, or a part of one:
    `weights("file", into = "backbone")`."""
    seed: Annotated[int, Limits(ge=0, lt=1 << 63)] = 0
    """Decides initial values, shuffling, dropout and noise."""

    def _check(self) -> None:
        if self.epochs is None and self.steps is None:
            raise ValueError("epochs or steps says how long to train, and neither is given")
        if self.epochs is not None and self.steps is not None:
            raise Rule("steps", "either epochs or steps says how long to train, and both are given")


class ExportSection(Component):
    """How the inference file is made."""

    kind: ClassVar[str] = "section"
    name: ClassVar[str] = "export"

    opset: Annotated[int, Limits(ge=17, le=26)] | None = None
    """ONNX operator set, 21 by default."""
    outputs: tuple[str, ...] | None = None
    """The outputs that the file has, all by default."""
    precision: Literal["float32", "float16"] | None = None
    """Number type of weights and arithmetic; inputs and outputs stay as they are."""
    quantize: Literal["int8", "int8-static", "int8-dynamic"] | None = None
    """Weights in int8: with scales of activations measured on the data (static, for convolutions), or in each run."""

    def _check(self) -> None:
        if self.precision == "float16" and self.quantize is not None:
            raise Rule("quantize", "a model is written in float16 or in int8, not in both")
