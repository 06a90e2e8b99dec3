"""Arrays through rename tables, there and back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.compiler.initial import initial_values
from nnspec.compiler.rename_file import rename_table
from nnspec.compiler.renamed import given_back, renamed
from nnspec.diagnostics.errors import Fault, RunError
from nnspec.ir.renaming import Table
from nnspec.library import registries
from nnspec.runtime.tensor_file import list_tensors, read_tensors

SPECS = Path(__file__).parents[2] / "specs"
SMALL: dict[str, tuple[str, dict[str, Any], int]] = {
    "gpt2": ("gpt2", {"vocab": 20, "context": 8, "dim": 12, "heads": 3, "layers": 11}, 2 + 11 * 12 + 2),
    "bert": ("bert_base", {"vocab": 20, "context": 8, "dim": 12, "heads": 3, "layers": 11}, 5 + 11 * 16 + 2),
    "llama": ("llama", {"vocab": 20, "dim": 12, "heads": 6, "kv_heads": 2, "hidden": 10, "layers": 11}, 3 + 11 * 9),
    "vit": ("vit", {"size": 8, "patch": 4, "dim": 12, "heads": 3, "layers": 11, "classes": 3}, 4 + 11 * 16 + 4),
}
"""Spec, settings, and how many tensors Hugging Face's library has for them."""


@pytest.mark.parametrize("name", SMALL)
def test_shipped_tables_lead_there_and_back(name: str) -> None:
    """With more than ten layers, so that numbers have one digit and two."""
    stem, settings, count = SMALL[name]
    weights = initial_values(nnspec.load(SPECS / f"{stem}.nn", set=settings), registries(), 7)
    table = rename_table(SPECS / "huggingface" / f"{name}.toml")
    theirs = given_back(weights, table)
    assert len(theirs) == count
    made = renamed(theirs, table)
    assert not made.aside and set(made.arrays) == set(weights)
    assert all(np.array_equal(made.arrays[path], weights[path]) for path in weights)
    for prefix in ("transformer.", "bert.", "model.", "vit."):
        bare = {name.removeprefix(prefix): array for name, array in theirs.items()}
        assert set(renamed(bare, table).arrays) == set(weights)


def test_what_older_files_have() -> None:
    """Masks and positions are left aside, norms may have a gamma and a beta, and a copy of the words must be one."""
    words = np.arange(6.0).reshape(3, 2)
    table = rename_table(SPECS / "huggingface" / "gpt2.toml")
    made = renamed({"wte.weight": words, "lm_head.weight": words.copy(), "h.3.attn.bias": np.ones((1, 1, 2, 2))}, table)
    assert set(made.arrays) == {"embed.weight"} and made.aside == {
        "lm_head.weight": "embed.weight",
        "h.3.attn.bias": "",
    }
    assert set(renamed({"lm_head.weight": words}, table).arrays) == {"embed.weight"}
    with pytest.raises(
        Fault, match=r"lm_head\.weight and wte\.weight differ, and rule 10 of the rename table says"
    ) as caught:
        renamed({"lm_head.weight": words + 1, "wte.weight": words}, table)
    assert caught.value.code == "E702" and caught.value.help
    table = rename_table(SPECS / "huggingface" / "bert.toml")
    old = {
        "bert.embeddings.LayerNorm.gamma": 1,
        "bert.encoder.layer.2.attention.output.LayerNorm.beta": 2,
        "bert.encoder.layer.2.output.LayerNorm.gamma": 3,
        "bert.embeddings.position_ids": 4,
        "cls.seq.bias": 5,
        "classifier.weight": 6,
        "qa_outputs.bias": 7,
    }
    made = renamed({name: np.full(1, value) for name, value in old.items()}, table)
    found = {path: int(array[0]) for path, array in made.arrays.items()}
    prefix = "encoder.2.bert_layer_1"
    assert found == {"layer_norm_1.weight": 1, f"{prefix}.x.bias": 2, f"{prefix}.layer_norm_1.weight": 3}


def test_kernels_turn_and_turn_back() -> None:
    table = Table([["k.*", ["a.*", "b.*"], "transpose"], ["s", "t", "squeeze"]])
    kernel = np.arange(2 * 3 * 5 * 4.0).reshape(2, 3, 5, 4)  # [*, in, out]
    made = renamed({"k.w": kernel, "s": np.ones((1, 7))}, table)
    assert made.arrays["a.w"].shape == (2, 5, 2, 3) and made.arrays["t"].shape == (7,)
    assert made.arrays["b.w"][1, 4, 1, 2] == kernel[1, 2, 4, 3]
    back = given_back(made.arrays, table)
    assert np.array_equal(back["k.w"], kernel) and back["k.w"].flags.c_contiguous and back["s"].shape == (1, 7)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"q": (2,), "k": (2,)}, "qkv is put together of 3 parts, and there is only q, k"),
        (
            {"q": (2,), "k": (2,), "v": (3,)},
            "qkv is put together of parts of one shape, and there are q [2], k [2], v [3]",
        ),
        ({"x": (2,), "qkv": (1,)}, "the rename table has no way back for qkv"),
        ({"p": (2,), "old": (2,)}, "the rename table has no way back for old"),
    ],
)
def test_what_cannot_go_back(arrays: dict[str, tuple[int, ...]], said: str) -> None:
    table = Table([["qkv", ["q", "k", "v"]], ["old", "p"]])
    with pytest.raises(Fault) as caught:
        given_back({path: np.zeros(shape) for path, shape in arrays.items()}, table)
    assert caught.value.code == "E702" and caught.value.message == said


def test_the_python_interface(tmp_path: Path) -> None:
    stem, settings, _ = SMALL["llama"]
    spec = nnspec.load(SPECS / f"{stem}.nn", set=settings)
    weights = initial_values(spec, registries(), 7)
    table = SPECS / "huggingface" / "llama.toml"
    file = tmp_path / "model.safetensors"
    nnspec.save_weights(file, weights, rename=table)
    assert "model.layers.10.self_attn.k_proj.weight" in list_tensors(file) and read_tensors(file)[1] == ""
    for found in (nnspec.load_weights(file, rename=table), nnspec.load_weights(str(tmp_path), rename=table, spec=spec)):
        assert set(found) == set(weights) and all(np.array_equal(found[path], weights[path]) for path in found)
    config = {"rope_theta": 500000.0, "num_attention_heads": 6, "num_key_value_heads": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        RunError, match=r"config\.json says base = 500000, and llama has 10000\n  help: --set base=500000"
    ):
        nnspec.load_weights(file, rename=table, spec=spec)
    with pytest.raises(RunError, match=r"(?s)E702.*no rule of the rename table covers a name of the file") as caught:
        nnspec.load_weights(file, rename=[["h.*", "layers.*"]], spec=spec)
    assert "missing: embed.weight" in str(caught.value)
    with pytest.raises(RunError, match=r"E707.*rule 1 of the rename table is not"):
        nnspec.load_weights(file, rename=[["h.*"]])
    with pytest.raises(RunError, match=r"E706.*does not end with \.safetensors\n  help: write .*model\.safetensors"):
        nnspec.save_weights(tmp_path / "model.bin", weights)
    own = nnspec.save_weights(tmp_path / "own.safetensors", weights)
    assert own is None and set(list_tensors(tmp_path / "own.safetensors")) == set(weights)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "rope_scaling.rope_type = llama3"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling.type = linear"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0}}, "rope_parameters.rope_type = yarn"),
        ({"attention_bias": True}, "attention_bias = true"),
        ({"model_type": "mistral"}, "model_type = mistral"),
        ({"num_key_value_heads": 3}, "kv_heads = 3, and llama has 2"),
        ({"num_attention_heads": 6, "num_key_value_heads": None}, "kv_heads = 6, and llama has 2"),
        ({"rope_scaling": None, "rope_theta": 1e4, "rms_norm_eps": 1e-5, "model_type": "llama"}, ""),
    ],
)
def test_llamas_that_compute_something_else(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    stem, settings, _ = SMALL["llama"]
    spec = nnspec.load(SPECS / f"{stem}.nn", set=settings)
    table = SPECS / "huggingface" / "llama.toml"
    nnspec.save_weights(tmp_path / "model.safetensors", initial_values(spec, registries(), 7), rename=table)
    (tmp_path / "config.json").write_text(json.dumps(config))
    if said:
        with pytest.raises(RunError, match=re.escape(said)):
            nnspec.load_weights(tmp_path, rename=table, spec=spec)
    else:
        assert len(nnspec.load_weights(tmp_path, rename=table, spec=spec)) == len(spec.parameters)
