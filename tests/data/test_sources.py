"""The components that a data section names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.data.dataset import load
from nnspec.data.sources import SOURCES, Csv, Synthetic
from nnspec.ir.codec import decode, encode
from nnspec.ir.fields import OptionError
from nnspec.ir.spec import Spec

MakeSpec = Callable[..., Spec]


def test_importing_the_sources_imports_no_numpy() -> None:
    code = "import sys, nnspec.data.sources, nnspec.data.slots; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_source_is_documented_and_survives_the_ir() -> None:
    examples: dict[str, dict[str, Any]] = {
        "csv": {"path": "a.csv"},
        "npz": {"path": "a.npz"},
        "text": {"path": "a.txt", "context": 8},
        "synthetic": {"rows": 3},
    }
    assert set(examples) <= set(SOURCES)
    for name, options in examples.items():
        component = SOURCES[name](**options)
        assert decode({"source": SOURCES}, "source", encode(component)) == component
        assert f"`{name}(" in (SOURCES[name].__doc__ or "")
    assert SOURCES.nearest("read_csv") == "csv"


@pytest.mark.parametrize(
    "options",
    [
        {"path": ""},
        {"path": "a", "delimiter": ""},
        {"path": "a", "delimiter": "::"},
        {"path": "a", "delimiter": '"'},
        {"path": "a", "delimiter": "\n"},
    ],
)
def test_options_are_checked(options: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        Csv(**options)


def test_rows_are_positive() -> None:
    with pytest.raises(OptionError):
        Synthetic(rows=0)


def synthetic(make_spec: MakeSpec, rows: int = 20) -> Spec:
    return make_spec(
        {
            "x": "float32[N, T, 3]",
            "image": "uint8[N, 8*H, 8*W]",
            "tokens": "int64[N, T]",
            "mask": "bool[N]",
            "word": "string[N]",
            "half": "float16[N]",
            "brain": "bfloat16[N]",
        },
        {"y": "label[N]", "next": "int64[N, T]"},
        train=("synthetic", {"rows": rows}),
        validation=("synthetic", {"rows": 5}),
        test=0.2,
        classes=5,
    )


def test_synthetic_rows_fit_the_model(make_spec: MakeSpec, tmp_path: Path) -> None:
    library: dict[str, Any] = {"source": SOURCES}
    splits = load(synthetic(make_spec), library, tmp_path)
    train, validation = splits.train, splits.validation
    assert train is not None
    assert validation is not None
    assert (train.rows, validation.rows) == (16, 5)
    assert {name: (str(array.dtype), array.shape[1:]) for name, array in train.arrays.items()} == {
        "x": ("float32", (8, 3)),
        "image": ("uint8", (64, 64)),
        "tokens": ("int64", (8,)),
        "mask": ("bool", ()),
        "word": ("object", ()),
        "half": ("float16", ()),
        "brain": ("bfloat16", ()),
        "y": ("int64", ()),
        "next": ("int64", (8,)),
    }
    assert splits.classes == {"y": (0, 1, 2, 3, 4)}
    assert set(train.arrays["next"].ravel()) == {0, 1, 2, 3, 4}
    assert not np.array_equal(train.arrays["x"][:5], validation.arrays["x"])
    again = load(synthetic(make_spec), library, tmp_path).train
    assert again is not None
    assert np.array_equal(again.arrays["x"], train.arrays["x"])


def test_fewer_synthetic_rows_than_classes(make_spec: MakeSpec, tmp_path: Path) -> None:
    splits = load(synthetic(make_spec, rows=4), {"source": SOURCES}, tmp_path)
    assert splits.classes == {"y": (0, 1, 2, 3, 4)}
