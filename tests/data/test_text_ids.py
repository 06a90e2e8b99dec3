"""Text as the numbers of its characters or words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.compiler.deployed import Deployed
from nnspec.data.dataset import Splits, load
from nnspec.data.io import Meaning, read_inputs
from nnspec.diagnostics.errors import DataError
from nnspec.ir.spec import Spec
from nnspec.library import registries

MakeSpec = Callable[..., Spec]
ROWS = "text,more\nbad,b\na cab,ca\nzoo,b\n,c\n"


def loaded(make_spec: MakeSpec, folder: Path, type: str, mode: str = "characters", **changes: Any) -> Splits:
    (folder / "t.csv").write_text(ROWS)
    source = ("csv", {"path": "t.csv", "text": mode})
    spec = make_spec(**{"inputs": {"x": type}, "feeds": {"x": "text"}, "train": source, **changes})
    return load(spec, registries(), folder)


def test_characters_are_counted_from_two_behind_padding_and_the_unknown(make_spec: MakeSpec, tmp_path: Path) -> None:
    found = loaded(make_spec, tmp_path, "int32[N, T]")
    assert found.classes == {"x": (" ", "a", "b", "c", "d", "o", "z")}
    assert found.train is not None
    array = found.train.arrays["x"]
    assert array.dtype == np.int32
    assert array.tolist() == [[4, 3, 6, 0, 0], [3, 2, 5, 3, 4], [8, 7, 7, 0, 0], [0, 0, 0, 0, 0]]


def test_words(make_spec: MakeSpec, tmp_path: Path) -> None:
    found = loaded(make_spec, tmp_path, "int64[N, 3]", "words")
    assert found.classes == {"x": ("a", "bad", "cab", "zoo")}
    assert found.train is not None
    assert found.train.arrays["x"].tolist() == [[3, 0, 0], [2, 4, 0], [5, 0, 0], [0, 0, 0]]


def test_the_vocabulary_is_that_of_the_rows_to_learn_from(make_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("text,more\nbax,b\n")
    validation = ("csv", {"path": "v.csv", "text": "characters"})
    found = loaded(make_spec, tmp_path, "int64[N, 5]", validation=validation)
    assert found.validation is not None
    assert found.validation.arrays["x"].tolist() == [[4, 3, 1, 0, 0]]


def test_a_row_that_is_too_long_is_named(make_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv, line 3: column 'text' has 5 characters, and x is int64\[N, 4\]"):
        loaded(make_spec, tmp_path, "int64[N, 4]")


def test_a_target_has_no_unknown(make_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("text,more\nba,bx\n")
    changes = {
        "targets": {"y": "int64[N, T]"},
        "feeds": {"x": "text", "y": "more"},
        "validation": ("csv", {"path": "v.csv", "text": "characters"}),
    }
    with pytest.raises(DataError, match=r"v\.csv, line 2: column 'more' holds 'x', which the rows to learn from"):
        loaded(make_spec, tmp_path, "int64[N, 5]", **changes)


SPEC = """nnspec 1
model m {
  input text: int64[N, T]
  length = text != 0 -> cast("int64") -> sum(1)
  embedded = text -> embedding(9, 4)
  embedded -> gru(3, lengths = length, returns = "last")
  output y = dense(1)
}
data {
  train = csv("t.csv", text = "characters")
  text  = "text"
  more  = "more"
}
train {
  target more: label[N]
  loss = cross_entropy(z, more)
  optimizer = sgd(lr = 0.1)
  epochs = 1
  batch_size = 2
  seed = 1
}
""".replace("output y = dense(1)", "z = dense(3)\n  output z")


def test_text_from_python_is_read_with_the_vocabulary_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    (tmp_path / "m.nn").write_text(SPEC)
    trainer = nnspec.Trainer(nnspec.load(tmp_path / "m.nn"))
    trainer.fit()
    trainer.save(tmp_path / "run")
    resumed = nnspec.Trainer.resume(tmp_path / "run")
    assert resumed.classes["text"] == (" ", "a", "b", "c", "d", "o", "z")
    ids = np.array([[4, 3, 6], [8, 1, 0]])
    np.testing.assert_array_equal(resumed.predict({"text": ["bad", "z!"]})["z"], resumed.predict({"text": ids})["z"])


def test_an_embedding_that_is_too_small_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    (tmp_path / "m.nn").write_text(SPEC.replace("embedding(9, 4)", "embedding(8, 4)"))
    with pytest.raises(
        DataError, match=r"holds 7 characters, 9 ids with padding and the unknown, and the embedding has 8"
    ):
        nnspec.Trainer(nnspec.load(tmp_path / "m.nn")).fit()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("q.csv", "text\nbad\nz!\n"),
        ("q.csv", "more,text\nx,bad\ny,z!\n"),
        ("q.json", '["bad", "z!"]'),
        ("q.csv", "4,3,6\n8,1,0\n"),
    ],
)
def test_a_model_file_reads_text(tmp_path: Path, file: str, content: str) -> None:
    """The vocabulary is in it; numbers are taken as well."""
    (tmp_path / "t.csv").write_text(ROWS)
    (tmp_path / "m.nn").write_text(SPEC)
    trainer = nnspec.Trainer(nnspec.load(tmp_path / "m.nn"))
    trainer.fit()
    model = Deployed(nnspec.compile(trainer.spec, weights=trainer).onnx)
    (tmp_path / file).write_text(content)
    meaning = Meaning(model.columns, model.ids, model.images, model.texts)
    given = read_inputs([f"text={tmp_path / file}"], model.inputs, meaning)
    assert given.rows.arrays["text"].tolist() == [[4, 3, 6], [8, 1, 0]]
    np.testing.assert_allclose(
        model.run(given.rows.arrays)["z"], trainer.predict({"text": ["bad", "z!"]})["z"], rtol=1e-5
    )
