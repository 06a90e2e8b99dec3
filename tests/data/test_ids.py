"""Numbers that an embedding reads are held against its count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.data.arrays import dataset_from_arrays
from nnspec.data.dataset import load
from nnspec.data.slots import embedded_ids
from nnspec.diagnostics.errors import DataError
from nnspec.library import registries

SPEC = """nnspec 1
model m {
  input tokens: int64[N, 2]
  input kind: uint8[N]
  small = tokens -> embedding(3, 2) -> mean(axis = 1)
  large = tokens -> embedding(9, 2) -> mean(axis = 1)
  output y = small + large + (kind -> embedding(300, 2))
}
data {
  train  = %s
  tokens = ["a", "b"]
  kind   = "kind"
}
"""


def spec(source: str = 'csv("t.csv")') -> Any:
    return nnspec.loads(SPEC % source)


def fault_of(call: Any) -> str:
    with pytest.raises(DataError) as caught:
        call()
    (found,) = caught.value.diagnostics
    return f"{found.code}: {found.message}"


def test_the_smallest_embedding_counts() -> None:
    assert embedded_ids(spec()) == {"tokens": 3, "kind": 300}


@pytest.mark.parametrize("bad", [3, -1])
def test_the_line_and_the_column_are_named(tmp_path: Path, bad: int) -> None:
    (tmp_path / "t.csv").write_text(f"a,b,kind\n0,1,0\n2,{bad},1\n")
    found = fault_of(lambda: load(spec(), registries(), tmp_path))
    assert found == f"E611: t.csv, line 3: column 'b' holds {bad}, and the embedding has the ids 0 to 2"


def test_arrays_of_python_code() -> None:
    kind = np.zeros(2, np.uint8)
    found = fault_of(lambda: dataset_from_arrays(spec(), {"tokens": [[0, 1], [2, -1]], "kind": kind}, targets=False))
    assert found == "E611: tokens, index 1 holds -1 at [1], and the embedding has the ids 0 to 2"
    model = nnspec.compile(spec())
    assert "E611" in fault_of(lambda: model.run({"tokens": [[0, 3]], "kind": [1]}))
    assert model.run({"tokens": [[0, 2]], "kind": [1]})["y"].shape == (1, 2)


def test_synthetic_rows_have_ids_that_exist() -> None:
    rows = load(spec("synthetic(200)"), registries()).train
    assert rows is not None
    assert set(rows.arrays["tokens"].ravel().tolist()) == {0, 1, 2}
    assert rows.arrays["kind"].max() > 2
