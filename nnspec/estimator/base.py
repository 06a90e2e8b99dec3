"""What classifiers and regressors have in common: parameters, training, prediction, and how they are pickled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nnspec.data.randomness import SPLIT, permutation
from nnspec.data.rows import Dataset
from nnspec.estimator.door import BaseEstimator, check_is_fitted, validate_data
from nnspec.estimator.network import Network, changed, read_spec, train_of, without_stop
from nnspec.estimator.text import Layers
from nnspec.ir.spec import Spec
from nnspec.training.callbacks import PrintProgress
from nnspec.training.trainer import Trainer

if TYPE_CHECKING:
    from nnspec.compiler.export import CompiledModel

Array = np.ndarray[Any, Any]
MADE = {"hidden": (64,), "activation": "relu", "dropout": 0.0, "weight_decay": 1e-4}
"""The parameters of the built-in network, which a spec has no use for, and their defaults."""


class Estimator(BaseEstimator):
    """Trains the model of a spec, or a feed-forward network that is made from the parameters."""

    def __init__(
        self,
        spec: Spec | str | Path | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        hidden: Sequence[int] = (64,),
        activation: str = "relu",
        dropout: float = 0.0,
        weight_decay: float = 1e-4,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        early_stopping: bool = False,
        patience: int = 10,
        validation_fraction: float = 0.1,
        random_state: Any = None,
        device: str = "cpu",
        verbose: bool = False,
    ) -> None:
        self.spec = spec
        self.settings = settings
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    @property
    def trainer_(self) -> Trainer:
        """The trainer, with the fitted parameters."""
        check_is_fitted(self)
        if "_trainer" not in self.__dict__:  # after unpickling
            self._trainer = self._new_trainer()
            self._trainer.load_parameters(self.__dict__.pop("_weights"))
        return self._trainer

    def compile(self) -> CompiledModel:
        """The fitted model for deployment: `.save("model.onnx")`."""
        from nnspec.compiler.export import compile_model

        return compile_model(self.spec_, self.trainer_.parameters, classes=self._class_names())

    def __getstate__(self) -> dict[str, Any]:
        """Fitted parameters instead of the trainer, whose sessions cannot be pickled. The optimizer's state is left
        behind."""
        state: dict[str, Any] = super().__getstate__()
        if "_trainer" in state:
            state["_weights"] = state.pop("_trainer").parameters
        return state

    def _class_names(self) -> dict[str, tuple[Any, ...]]:
        """Class names by target, for messages and model files."""
        return {}

    def _begin(self, text: str, network: Callable[[Spec], Network], *, stop: bool) -> None:
        """Set up `spec_`, the names that matter in it and a new trainer. `text` is that of the built-in network,
        `network` finds the names; without `stop` no early stop is kept."""
        spec = read_spec(text, None) if self.spec is None else read_spec(self.spec, self.settings)
        spec = changed(
            spec,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            patience=self.patience if self.early_stopping else None,
        )
        self.spec_ = spec if stop else without_stop(spec)
        self._ends = network(self.spec_)
        self._seed = _seed(self.random_state, train_of(spec).seed)
        self.__dict__.pop("_weights", None)
        self._trainer = self._new_trainer()

    def _new_trainer(self) -> Trainer:
        return Trainer(self.spec_, seed=self._seed, device=self.device, classes=self._class_names())

    def _layers(self) -> Layers:
        """The hidden layers of the built-in network. Raises ValueError where a spec is given beside them."""
        given = [name for name, value in MADE.items() if getattr(self, name) != value]
        if self.spec is not None and given:
            raise ValueError(f"{', '.join(given)} shape the built-in network, and spec is given: set them there")
        return Layers(tuple(self.hidden), self.activation, self.dropout)

    def _fit(self, dataset: Dataset) -> Self:
        """Train from the start."""
        train, held_out = self._divided(dataset)
        callbacks = [PrintProgress()] if self.verbose else []
        self.history_ = self._trainer.fit(train, held_out, callbacks=callbacks)
        self.n_iter_ = len(self.history_)
        return self

    def _fit_more(self, dataset: Dataset) -> Self:
        """One pass over the rows, from where training is."""
        if train_of(self.spec_).early_stop is not None:  # it watches rows that are not at hand here
            weights = self.trainer_.parameters
            self.spec_ = without_stop(self.spec_)
            self._trainer = self._new_trainer()
            self._trainer.load_parameters(weights)
        trainer, train = self.trainer_, train_of(self.spec_)
        done = trainer.history.epochs[-1]["step"] if trainer.history.epochs else 0
        batches = -(-dataset.rows // (train.batch_size * train.accumulate))
        self.history_ = trainer.fit(dataset, steps=int(done) + batches)
        self.n_iter_ = len(self.history_)
        return self

    def _divided(self, dataset: Dataset) -> tuple[Dataset, Dataset | None]:
        """The rows to learn from, and a fraction to validate with where the early stop watches it."""
        stop = train_of(self.spec_).early_stop
        if stop is None or not str(stop.options.get("monitor", "")).startswith("validation."):
            return dataset, None
        count = round(self.validation_fraction * dataset.rows)
        if not 0 < count < dataset.rows:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of n_samples={dataset.rows} leaves no row on one side"
            )
        order = permutation(dataset.rows, self._seed, SPLIT)
        return dataset.subset(np.sort(order[count:])), dataset.subset(np.sort(order[:count]))

    def _rows(self, X: Any, y: Any = None, *, reset: bool, **options: Any) -> Any:
        """X, or X and y, as arrays, by scikit-learn's rules."""
        spec = self.spec_ if not reset else None if self.spec is None else read_spec(self.spec, self.settings)
        images = spec is not None and len(spec.inputs) == 1 and len(spec.inputs[0].shape) > 2
        given = {} if y is None else {"y": y, **options}
        return validate_data(self, X, **given, reset=reset, dtype=np.float32, allow_nd=images)

    def _results(self, X: Any) -> Array:
        """What the network says about each row."""
        check_is_fitted(self)
        rows = self._rows(X, reset=False)
        ends = self._ends
        return self.trainer_.predict({ends.input.name: ends.shaped(rows)})[ends.output]


def _seed(random_state: Any, otherwise: int) -> int:
    """A seed from None, a number, or one of NumPy's generators."""
    if random_state is None:
        return otherwise
    if hasattr(random_state, "randint"):
        return int(random_state.randint(2**31 - 1))
    if hasattr(random_state, "integers"):
        return int(random_state.integers(2**31 - 1))
    return int(random_state)
