"""The examples below the help of each command. Tests hold them against the options."""

from __future__ import annotations

EXAMPLES = {
    "new": ("nnspec new classifier -o spirals.nn", "nnspec new image"),
    "check": (
        "nnspec check",
        "nnspec check spirals.nn --set hidden=64",
        "nnspec check specs --strict --format github",
        "nnspec check --fix old.nn",
    ),
    "fmt": ("nnspec fmt specs", "nnspec fmt --check --diff specs"),
    "show": (
        "nnspec show spirals.nn",
        "nnspec show spirals.nn --set hidden=64 --format mermaid",
        "nnspec show spirals.onnx",
    ),
    "explain": ("nnspec explain E201", "nnspec explain"),
    "train": (
        "nnspec train spirals.nn --out runs/spirals",
        "nnspec train spirals.nn --out runs/wide --set hidden=64 --seed 2",
        "nnspec train spirals.nn --out runs/spirals --resume --epochs 100",
    ),
    "report": ("nnspec report runs/spirals",),
    "eval": ("nnspec eval spirals.nn --weights runs/spirals --split train",),
    "compile": (
        "nnspec compile spirals.nn --weights runs/spirals -o spirals.onnx",
        "nnspec compile spirals.nn --weights runs/spirals -o small.onnx --quantize int8 --max-drop 0.01",
    ),
    "page": ("nnspec page digits.nn -o digits.html", "nnspec page digits.nn --weights runs/digits -o digits.html"),
    "verify": ("nnspec verify spirals.onnx spirals.golden.npz",),
    "run": (
        "nnspec run spirals.onnx --input position=spirals.csv --head 5",
        "nnspec run pets.onnx --input photo=holidays -o found.csv",
    ),
    "serve": (
        "nnspec serve runs/spirals",
        "nnspec serve spirals.onnx pets=runs/pets --host 0.0.0.0 --port 80 --max-delay 2",
    ),
    "generate": ('nnspec generate tales.nn --weights runs/tales --prompt "The old " --temperature 0.7',),
    "weights": (
        "nnspec weights model.safetensors",
        "nnspec weights model.safetensors --rename huggingface/gpt2.toml --spec gpt2.nn",
        "nnspec weights runs/gpt2 --rename huggingface/gpt2.toml --reverse --to model.safetensors",
    ),
    "diff": ("nnspec diff HEAD~1 spirals.nn", "nnspec diff old.nn new.nn --breaking"),
    "lsp": ("nnspec lsp",),
}
