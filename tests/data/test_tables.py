"""Tables in memory: pandas, pyarrow, and whatever gives an Arrow stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import nnspec
from nnspec.data.dataset import dataset_from_arrays
from nnspec.diagnostics.errors import DataError
from nnspec.ir.spec import Spec

TEXT = """nnspec 1
model people {
  input measured: float32[N, 2]
  input count: int64[N]
  input word: string[N]
  word -> lookup(["x"]) -> embedding(2, 2)
  logits = (measured, count -> cast("float32") -> unsqueeze(1)) -> concat -> dense(2)
}
data {
  train    = csv("none.csv")
  measured = ["height", "weight"]
  count    = "children"
  word     = "word"
  kind     = "kind"
}
train {
  target kind: label[N]
  loss       = cross_entropy(logits, kind)
  optimizer  = adam(lr = 0.1)
  epochs     = 1
}
"""
FRAME = pd.DataFrame(
    {
        "kind": ["b", "a", "b"],
        "weight": [1.5, 2.5, 3.5],
        "height": np.array([1, 2, 3], np.int16),
        "children": [0, 1, 2],
        "word": ["x", "y", "x"],
        "unused": [object()] * 3,
    }
)
USED = FRAME.drop(columns="unused")


class Streamed:
    """Gives nothing but an Arrow stream."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__()


def reader(frame: pd.DataFrame) -> pa.RecordBatchReader:
    return pa.Table.from_pandas(frame).to_reader(max_chunksize=2)


def encoded(frame: pd.DataFrame) -> Streamed:
    """Text as numbers into a dictionary, in chunks that begin in the middle of their buffers."""
    table = pa.Table.from_pandas(frame)
    for name in ("word", "kind"):
        number = table.column_names.index(name)
        table = table.set_column(number, name, table[name].combine_chunks().dictionary_encode())
    twice = pa.concat_tables([table, table])
    return Streamed(pa.concat_tables([twice.slice(3, 1), twice.slice(1, 2)]))


KINDS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "categories": lambda frame: frame.astype({"word": "category", "kind": "category"}),
    "nullable": lambda frame: frame.convert_dtypes(),
    "arrow": pa.Table.from_pandas,
    "batch": pa.RecordBatch.from_pandas,
    "reader": reader,
    "stream": lambda frame: Streamed(pa.Table.from_pandas(frame)),
    "encoded": encoded,
}


@pytest.fixture(scope="module")
def spec() -> Spec:
    return nnspec.loads(TEXT)


@pytest.mark.parametrize("kind", KINDS)
def test_the_columns_that_the_data_section_names(spec: Spec, kind: str) -> None:
    dataset = dataset_from_arrays(spec, KINDS[kind](USED))
    assert dataset.arrays["measured"].tolist() == [[1, 1.5], [2, 2.5], [3, 3.5]]
    assert dataset.arrays["measured"].dtype == np.float32
    assert dataset.arrays["count"].tolist() == [0, 1, 2] and dataset.arrays["count"].dtype == np.int64
    assert dataset.arrays["word"].tolist() == ["x", "y", "x"]
    assert dataset.arrays["kind"].tolist() == [1, 0, 1] and dataset.classes == {"kind": ("a", "b")}
    assert dataset.rows == 3 and dataset.where(1).endswith(", index 1")


def test_other_columns_are_not_looked_at(spec: Spec) -> None:
    assert dataset_from_arrays(spec, FRAME).rows == 3


@pytest.mark.parametrize("kind", ["pandas", "nullable", "arrow", "stream"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"children": [0, None, 1]}, "index 1: column 'children' is missing, a value is needed"),
        ({"word": ["x", None, "y"]}, "index 1: column 'word' is missing, a value is needed"),
        ({"kind": ["a", "b", None]}, "index 2: column 'kind' is missing, a value is needed"),
        ({"children": [0.0, 1.5, 1.0]}, ": column 'children' holds float64, int64 is needed"),
        ({"weight": ["heavy", "b", "c"]}, ": column 'weight' holds text, float32 is needed"),
        ({"height": [1, 2**60 + 1, 3]}, f"index 1: column 'height' holds {2**60 + 1}, which float32 would round"),
    ],
)
def test_findings_name_column_and_row(spec: Spec, kind: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        dataset_from_arrays(spec, KINDS[kind](USED.assign(**change)))
    assert [found.message.endswith(message) for found in caught.value.diagnostics] == [True], caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_that_is_missing(spec: Spec, kind: str) -> None:
    with pytest.raises(DataError, match=r"E605.* index 1: column 'weight' is (nan|missing)"):
        dataset_from_arrays(spec, KINDS[kind](USED.assign(weight=[1.0, None, 2.0])))


def test_a_column_that_is_not_there(spec: Spec) -> None:
    with pytest.raises(DataError) as caught:
        dataset_from_arrays(spec, USED.rename(columns={"weight": "wieght"}))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E602", "the DataFrame has no column 'weight'")
    assert found.help.startswith("did you mean 'wieght'? its columns are: 'kind'")
    assert found.span is not None and found.span.line == 11, "the entry of the data section"


def test_tables_that_are_none(spec: Spec) -> None:
    with pytest.raises(DataError, match=r"E604: the DataFrame has two columns 'kind'|E604.*two columns 'kind'"):
        dataset_from_arrays(spec, pd.concat([USED, USED[["kind"]]], axis=1))
    with pytest.raises(DataError, match=r"E609.*the DataFrame has no rows"):
        dataset_from_arrays(spec, USED[:0])
    with pytest.raises(DataError, match=r"E604.*the Series has no columns"):
        dataset_from_arrays(spec, USED["kind"])
    dates = pa.table({**{name: USED[name].tolist() for name in USED}, "weight": pd.date_range("2026-01-01", periods=3)})
    with pytest.raises(DataError, match=r"E603.*column 'weight' has the Arrow format 'tsn:'|E603.*'weight'"):
        dataset_from_arrays(spec, Streamed(dates))


def test_a_stream_that_breaks(spec: Spec) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from pa.Table.from_pandas(USED).to_batches()
        raise OSError("the line is dead")

    schema = pa.Table.from_pandas(USED).schema
    with pytest.raises(DataError, match=r"E601.*the RecordBatchReader cannot be read: .*the line is dead"):
        dataset_from_arrays(spec, pa.RecordBatchReader.from_batches(schema, batches()))


def test_every_format_of_numbers_and_text(make_spec: Any) -> None:
    for type in (pa.int8(), pa.uint8(), pa.int16(), pa.uint32(), pa.uint64(), pa.float16(), pa.float64(), pa.bool_()):
        spec = make_spec({"x": "float32[N]"}, {})
        values = (
            pa.array([1, 0, 1]).cast(pa.float32()).cast(type)
            if type == pa.float16()
            else pa.array([1, 0, 1]).cast(type)
        )
        assert dataset_from_arrays(spec, Streamed(pa.table({"x": values}))).arrays["x"].tolist() == [1, 0, 1]
    spec = make_spec({"x": "string[N]"}, {})
    for type in (pa.string(), pa.large_string()):
        table = pa.table({"x": pa.array(["é", "", "bc"], type)})
        assert dataset_from_arrays(spec, Streamed(table)).arrays["x"].tolist() == ["é", "", "bc"]


def test_memory_of_a_stream_is_copied(make_spec: Any) -> None:
    """And given back: the buffers of the table die before the rows are read."""
    spec = make_spec({"x": "float64[N]"}, {})
    before = pa.total_allocated_bytes()
    for _ in range(3):
        dataset = dataset_from_arrays(spec, Streamed(pa.table({"x": np.arange(100_000) * 0.5})))
    assert dataset.arrays["x"][-1] == 99_999 * 0.5 and pa.total_allocated_bytes() <= before + 1_000_000


# Without a data section


def test_columns_of_the_names_of_inputs_and_targets(make_spec: Any) -> None:
    spec = make_spec({"x": "float32[N]", "y": "float32[N, 1]"}, {"label": "label[N]"}, classes=3)
    dataset = dataset_from_arrays(spec, pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0], "label": [2, 0]}))
    assert dataset.arrays["y"].tolist() == [[3.0], [4.0]]
    assert dataset.classes == {"label": (0, 1, 2)}, "class numbers, of which some occur"
    with pytest.raises(DataError, match=r"E602.*nothing says which columns feed z, float32\[N, 2\]"):
        dataset_from_arrays(make_spec({"z": "float32[N, 2]"}, {}), pd.DataFrame({"a": [1.0], "b": [2.0]}))


def test_tables_as_arrays_by_name(make_spec: Any) -> None:
    spec = make_spec({"z": "float32[N, 2]"}, {"label": "label[N]"}, classes=2)
    frame = pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0], "label": ["u", "v"]})
    for columns in (frame[["a", "b"]], frame[["a", "b"]].convert_dtypes()):
        dataset = dataset_from_arrays(spec, {"z": columns, "label": frame["label"]})
        assert dataset.arrays["z"].tolist() == [[1, 2], [3, 4]] and dataset.arrays["label"].tolist() == [0, 1]
    with pytest.raises(DataError, match=r"E605.*label, index 1 is missing"):
        dataset_from_arrays(spec, {"z": frame[["a", "b"]], "label": pd.Series(["u", None])})


def test_a_trainer_takes_tables(make_spec: Any) -> None:
    spec = nnspec.load("specs/iris.nn")
    frame = pd.read_csv("specs/data/iris.csv")
    trainer, plain = nnspec.Trainer(spec), nnspec.Trainer(spec)
    features = frame.columns[:4]
    arrays = {"features": frame[features].to_numpy(np.float32), "species": frame["species"].to_numpy()}
    assert trainer.fit(frame, frame[:30], epochs=2) == plain.fit(
        arrays, {name: array[:30] for name, array in arrays.items()}, epochs=2
    )
    assert trainer.evaluate(pa.Table.from_pandas(frame)) == plain.evaluate(arrays)
    assert np.array_equal(
        trainer.predict(frame[features])["probability"], plain.predict({"features": arrays["features"]})["probability"]
    )
    assert trainer.step(frame[:8]) == plain.step({name: array[:8] for name, array in arrays.items()})
    batches = pa.Table.from_pandas(frame).to_batches(max_chunksize=16)
    with pytest.raises(DataError, match=r"E607.*species has 1 class in the RecordBatch(.|\n)*name all: Trainer"):
        nnspec.Trainer(spec).fit(batches, epochs=1)
    listed = nnspec.Trainer(spec, classes={"species": ["setosa", "versicolor", "virginica"]})
    assert listed.fit(batches, epochs=1).epochs[0]["step"] == 10


def test_classes_that_are_given_fit_the_spec() -> None:
    spec = nnspec.load("specs/iris.nn")
    with pytest.raises(nnspec.RunError, match=r"E607.*species has 2 classes in those given, the loss expects 3"):
        nnspec.Trainer(spec, classes={"species": ["a", "b"]})
    with pytest.raises(nnspec.RunError, match=r"E602.*no label target 'specie'(.|\n)*did you mean 'species'"):
        nnspec.Trainer(spec, classes={"specie": ["a", "b", "c"]})
