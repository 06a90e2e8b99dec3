"""What the estimators promise beyond scikit-learn's checks."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import nnspec
from nnspec import NNClassifier, NNRegressor

SPECS = Path(__file__).parents[2] / "specs"
OWN = SPECS / "iris.nn"
UNTRAINED = "nnspec 1\nmodel m {\n  input x: float32[N, 4]\n  dense(2)\n}\n"
IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = IRIS.astype(np.float32)
IMAGES = """nnspec 1
model images(hidden = 4) {
  input picture: float32[N, 1, 4, 4]
  flatten -> dense(hidden) -> relu
  output logits = dense(2)
}
train {
  target label: label[N]
  loss       = cross_entropy(logits, label)
  optimizer  = adam(lr = 0.05)
  early_stop = patience(3, monitor = "%s.loss")
  epochs     = 20
}
"""


def pictures(count: int = 40) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rows of 16 pixels, and whether the left half is the brighter one."""
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 1, 4, 4)).astype(np.float32)
    bright = random.integers(0, 2, count)
    x[..., :2] += 2 * bright[:, None, None, None]
    return x, np.where(bright == 1, "left", "right")


# The built-in network


def test_it_learns_classes_of_any_kind() -> None:
    names = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    for y in (SPECIES, SPECIES + 5, SPECIES.astype(float), names, names.astype(object)):
        model = NNClassifier(epochs=30).fit(IRIS, y)
        assert model.score(IRIS, y) > 0.95
        assert model.classes_.tolist() == np.unique(y).tolist()
        assert model.predict(IRIS).dtype == model.classes_.dtype
    assert np.array_equal(
        model.predict_proba(IRIS).argmax(axis=1), np.searchsorted(names[[0, 50, 100]], model.predict(IRIS))
    )


def test_it_learns_numbers_in_their_own_units() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = NNRegressor(hidden=(16,), epochs=20).fit(x, y)
    assert model.score(x, y) > 0.45
    assert abs(model.predict(x).mean() - y.mean()) < 10
    both = NNRegressor(hidden=(16,), epochs=20).fit(x, np.stack([y, 1e4 - y], axis=1))
    assert both.predict(x).shape == (len(x), 2) and both.score(x, np.stack([y, 1e4 - y], axis=1)) > 0.45


def test_the_parameters_shape_the_network() -> None:
    model = NNClassifier(hidden=[8, 5], activation="gelu", dropout=0.25, epochs=1).fit(IRIS, SPECIES)
    kinds = [node.component + str(node.options.get("units", "")) for node in model.spec_.nodes]
    assert kinds == ["standardize", "dense8", "gelu", "dropout", "dense5", "gelu", "dropout", "dense3", "softmax"]
    model = NNClassifier(epochs=2, batch_size=50, learning_rate=0.125).fit(IRIS, SPECIES)
    assert [model.n_iter_, model.history_.epochs[-1]["step"], model.history_.epochs[-1]["lr"]] == [2, 6, 0.125]
    assert not hasattr(NNRegressor(hidden=()).fit(IRIS, SPECIES), "classes_")


def test_a_mistake_in_the_parameters_is_a_finding() -> None:
    with pytest.raises(nnspec.SpecError, match="there is no layer rellu"):
        NNClassifier(activation="rellu").fit(IRIS, SPECIES)


def test_the_seed_decides() -> None:
    fits = [NNClassifier(epochs=2, random_state=seed).fit(IRIS, SPECIES).predict_proba(IRIS) for seed in (1, 1, 2)]
    assert np.array_equal(fits[0], fits[1]) and not np.array_equal(fits[0], fits[2])
    assert np.array_equal(*(NNClassifier(epochs=1).fit(IRIS, SPECIES).predict_proba(IRIS) for _ in range(2)))
    drawn = NNClassifier(epochs=1, random_state=np.random.default_rng(3)).fit(IRIS, SPECIES)
    assert drawn.predict(IRIS).shape == (150,)


def test_early_stopping_holds_out_rows() -> None:
    model = NNClassifier(early_stopping=True, patience=2, epochs=500, learning_rate=0.05).fit(IRIS, SPECIES)
    assert model.n_iter_ < 500 and model.history_.series("validation.loss")
    with pytest.raises(ValueError, match=r"validation_fraction=0.001 of n_samples=150 leaves no row"):
        NNClassifier(early_stopping=True, validation_fraction=0.001).fit(IRIS, SPECIES)


def test_verbose_prints_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    NNClassifier(epochs=2, verbose=True).fit(IRIS, SPECIES)
    assert capsys.readouterr().out.startswith("epoch 1/2  train.loss")


def test_partial_fit_goes_on() -> None:
    model = NNClassifier(learning_rate=0.02)
    for _ in range(15):
        model.partial_fit(IRIS[::2], SPECIES[::2], classes=[0, 1, 2])
    assert model.n_iter_ == 15 and model.score(IRIS, SPECIES) > 0.9
    with pytest.raises(ValueError, match=r"7 is none of the classes \[0, 1, 2\]"):
        model.partial_fit(IRIS[:2], [0, 7])
    stopped = NNClassifier(early_stopping=True, epochs=3).fit(IRIS, SPECIES)
    assert stopped.partial_fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.5

    numbers = NNRegressor(learning_rate=0.02)
    for _ in range(15):
        numbers.partial_fit(IRIS[:, :3], IRIS[:, 3] * 100)
    assert numbers.score(IRIS[:, :3], IRIS[:, 3] * 100) > 0.8
    with pytest.raises(ValueError, match="y has the shape"):
        numbers.partial_fit(IRIS[:, :3], IRIS[:, 2:])


# Specs of one's own


def test_a_spec_by_path_text_or_itself() -> None:
    for spec in (OWN, str(OWN), OWN.read_text(), nnspec.load(OWN)):
        model = NNClassifier(spec, epochs=20).fit(IRIS, SPECIES)
        assert model.score(IRIS, SPECIES) > 0.9 and model.spec_.name == "iris"
    wide = NNClassifier(OWN, settings={"hidden": 24}, epochs=1).fit(IRIS, SPECIES)
    assert wide.trainer_.parameters["dense_1.weight"].shape == (24, 4)
    x, y = load_diabetes(return_X_y=True)
    numbers = NNRegressor(SPECS / "diabetes.nn").fit(x, y)
    assert numbers.predict(x).shape == y.shape and numbers.history_.series("validation.r2")


def test_images_and_logits() -> None:
    x, y = pictures()
    model = NNClassifier(IMAGES % "train").fit(x, y)
    assert model.score(x, y) > 0.9
    assert np.array_equal(
        NNClassifier(IMAGES % "train").fit(x.reshape(40, 16), y).predict_proba(x.reshape(40, 16)),
        model.predict_proba(x),
    )
    assert np.allclose(model.predict_proba(x).sum(axis=1), 1) and (model.predict_proba(x) >= 0).all()


@pytest.mark.parametrize(
    ("model", "x", "y", "message"),
    [
        (NNClassifier(OWN), IRIS, SPECIES // 2, "y has 2 classes, the spec expects 3"),
        (NNClassifier(OWN), IRIS[:, :3], SPECIES, "X has 3 features, but the spec takes float32"),
        (NNClassifier(SPECS / "diabetes.nn"), IRIS, SPECIES, "compared by one cross_entropy"),
        (NNClassifier(OWN, hidden=(8,)), IRIS, SPECIES, "hidden shape the built-in network"),
        (NNClassifier(nnspec.load(OWN), settings={"hidden": 2}), IRIS, SPECIES, "settings are for"),
        (NNClassifier(UNTRAINED), IRIS, SPECIES, "no train section"),
        (NNRegressor(OWN), IRIS, SPECIES, "compared with one output"),
        (NNRegressor(SPECS / "diabetes.nn"), np.ones((9, 10)), np.ones((9, 2)), "y has 2 columns, the spec wants"),
    ],
)
def test_specs_that_do_not_fit_are_refused(model: Any, x: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.fit(x, y)


# In the company of scikit-learn and others


def test_pickles_and_clones() -> None:
    model = NNClassifier(epochs=3).fit(IRIS, SPECIES)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(IRIS), model.predict_proba(IRIS))
    assert again.partial_fit(IRIS, SPECIES).history_.epochs
    assert pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(model)))).score(IRIS, SPECIES) > 0.5
    fresh = clone(model)
    assert fresh.get_params() == model.get_params() and not hasattr(fresh, "classes_")


def test_search_and_pipelines() -> None:
    pipeline = make_pipeline(MinMaxScaler(), NNClassifier(epochs=10))
    assert cross_val_score(pipeline, IRIS, SPECIES, cv=3).mean() > 0.8
    search = GridSearchCV(NNClassifier(epochs=3), {"hidden": [(4,), (8, 8)], "learning_rate": [0.01, 0.05]}, cv=2)
    assert search.fit(IRIS, SPECIES).best_params_["learning_rate"] == 0.05


def test_tables_have_names() -> None:
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    model = NNClassifier(epochs=2).fit(frame, pd.Series(SPECIES))
    assert model.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("dcba")])


def test_the_model_is_compiled_with_its_classes(tmp_path: Path) -> None:
    names = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    model = NNClassifier(epochs=5).fit(IRIS, names)
    compiled = model.compile()
    assert np.allclose(compiled.run({"features": IRIS[:5]})["probability"], model.predict_proba(IRIS[:5]), atol=1e-6)
    model.trainer_.save(tmp_path / "run")
    assert nnspec.Trainer.resume(tmp_path / "run").classes == {"label": ("setosa", "versicolor", "virginica")}
    y = IRIS[:, 3] * 100
    numbers = NNRegressor(epochs=5).fit(IRIS[:, :3], y)
    found = numbers.compile().run({"features": IRIS[:5, :3]})["prediction"][:, 0]
    assert np.allclose(found, numbers.predict(IRIS[:5, :3]), rtol=1e-4)


WITHOUT = """
import sys
sys.modules["sklearn"] = None
import pickle
import numpy as np
from nnspec import NNClassifier, NNRegressor
from nnspec.estimator import door
assert not door.INSTALLED
x = np.random.default_rng(0).normal(size=(60, 3))
y = np.where(x[:, 0] > 0, "up", "down")
model = NNClassifier(hidden=(8,), epochs=20, learning_rate=0.02)
assert repr(model) == "NNClassifier(hidden=(8,), epochs=20, learning_rate=0.02)"
assert model.get_params()["patience"] == 10
assert model.set_params(patience=3).patience == 3
def refused(call, kind, words):
    try:
        call()
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(words)
refused(lambda: model.predict(x), AttributeError, "not fitted")
assert model.fit(x, y).score(x, y) > 0.9
assert pickle.loads(pickle.dumps(model)).score(x, y) > 0.9
refused(lambda: model.set_params(nothing=1), ValueError, "Invalid parameter 'nothing'")
refused(lambda: model.predict(x[:, :2]), ValueError, "X has 2 features, but NNClassifier is expecting 3")
refused(lambda: model.fit(x[0], y), ValueError, "Expected 2D array")
refused(lambda: model.fit(x[:0], y[:0]), ValueError, "0 sample")
refused(lambda: model.fit(x * np.nan, y), ValueError, "NaN")
refused(lambda: model.fit(x, y[:9]), ValueError, "inconsistent numbers")
refused(lambda: model.fit(x, x), ValueError, "1d array")
refused(lambda: model.fit(x, x[:, 0]), ValueError, "Unknown label type")
numbers = NNRegressor(hidden=(), epochs=50, learning_rate=0.05).fit(x, x @ [1.0, 2.0, 3.0])
assert numbers.score(x, x @ [1.0, 2.0, 3.0]) > 0.9
refused(lambda: numbers.fit(x, x[:, 0] * np.inf), ValueError, "NaN or infinity")
"""


def test_scikit_learn_is_not_needed() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_the_door_imports_scikit_learn() -> None:
    code = (
        "import sys, nnspec; nnspec.Trainer, nnspec.Callback;"
        "assert not {'sklearn', 'pandas', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
