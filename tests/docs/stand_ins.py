"""What PyTorch and transformers write on docs/weights.md, written without them.

tests/parity/test_weights_page.py runs the page with both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import nnspec
from nnspec.compiler.initial import initial_values
from nnspec.library import registries
from nnspec.runtime.tensor_file import write_tensors

GPT2 = {"vocab": 256, "context": 32, "dim": 48, "heads": 4, "layers": 2}
CONFIG = {"vocab_size": 256, "n_positions": 32, "n_embd": 48, "n_head": 4, "n_layer": 2}


def write_stand_ins(folder: Path) -> None:
    """The folder `gpt2` and the file `mlp.safetensors`, in a folder that has the specs."""
    spec = nnspec.load(folder / "specs" / "gpt2.nn", set=GPT2)
    (folder / "gpt2").mkdir()
    (folder / "gpt2" / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    table = folder / "specs" / "huggingface" / "gpt2.toml"
    weights = initial_values(spec, registries(), 1)
    nnspec.save_weights(folder / "gpt2" / "model.safetensors", weights, rename=table)
    shapes = {"0.weight": (16, 4), "0.bias": (16,), "2.weight": (3, 16), "2.bias": (3,)}
    write_tensors(folder / "mlp.safetensors", {name: np.full(size, 0.1, np.float32) for name, size in shapes.items()})
