"""`nnspec weights`, and `--rename` beside `--weights`, on files as Hugging Face's library lays them out."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec as api
from nnspec.compiler.initial import initial_values
from nnspec.library import registries
from nnspec.runtime.tensor_file import read_tensors, write_tensors
from tests.cli.conftest import Command

SETTINGS = {"vocab": 20, "context": 8, "dim": 12, "heads": 3, "layers": 2}
CONFIG = {"vocab_size": 20, "n_positions": 8, "n_embd": 12, "n_head": 3, "n_layer": 2, "n_inner": None}
TABLE = "specs/huggingface/gpt2.toml"
RENAME = ("--rename", TABLE)
SPEC = ("--spec", "specs/gpt2.nn")
Arrays = dict[str, Any]


@pytest.fixture
def weights(folder: Path) -> Arrays:
    """Parameters of gpt2.nn, which stand in the folder `hub` as Hugging Face's library writes them."""
    spec = api.load(folder / "specs" / "gpt2.nn", set=SETTINGS)
    found = initial_values(spec, registries(), 3)
    (folder / "hub").mkdir()
    (folder / "hub" / "config.json").write_text(json.dumps(CONFIG))
    api.save_weights(folder / "hub" / "model.safetensors", found, rename=folder / TABLE)
    return found


def cut(folder: Path, name: str, into: int) -> dict[str, str]:
    """Lay out the tensors of a file as several files with an index; which file each is in."""
    arrays, _ = read_tensors(folder / "hub" / "model.safetensors")
    (folder / name).mkdir()
    files = {tensor: f"model-0000{1 + place % into}-of-0000{into}.safetensors" for place, tensor in enumerate(arrays)}
    for file in set(files.values()):
        write_tensors(folder / name / file, {tensor: arrays[tensor] for tensor in arrays if files[tensor] == file})
    index = {"metadata": {"total_size": 1}, "weight_map": files}
    (folder / name / "model.safetensors.index.json").write_text(json.dumps(index))
    return files


def test_the_tensors_of_a_file(nnspec: Command, weights: Arrays, folder: Path) -> None:
    numbers = sum(array.size for array in weights.values())
    lines = nnspec("weights", "hub").out.splitlines()
    assert lines[0] == f"hub: 28 tensors, {numbers:,} numbers, {4 * numbers:,} bytes of float32"
    assert lines[2].split() == ["tensor", "type", "bytes"]
    assert lines[4].split() == ["transformer.h.0.attn.c_attn.bias", "float32[36]", "144"]
    assert len(lines) == 4 + 28
    said = json.loads(nnspec("weights", "hub", "--json").out)
    assert (said["version"], said["count"], said["numbers"], said["bytes"]) == (1, 28, numbers, 4 * numbers)
    wte = {"name": "transformer.wte.weight", "dtype": "float32", "shape": [20, 12], "bytes": 960}
    assert said["tensors"][-1] == wte
    assert said == {**json.loads(nnspec("weights", "hub/model.safetensors", "--format", "json").out), "file": "hub"}


def test_layers_are_listed_by_their_numbers(nnspec: Command, folder: Path) -> None:
    held = {f"h.{k}.w": np.zeros(1, dtype) for k, dtype in ((10, np.int64), (9, np.float32), (2, np.float16))}
    write_tensors(folder / "w.safetensors", held)
    lines = nnspec("weights", "w.safetensors").out.splitlines()
    assert lines[0] == "w.safetensors: 3 tensors, 3 numbers, 14 bytes of float16 and float32 and int64"
    assert [line.split()[0] for line in lines[4:]] == ["h.2.w", "h.9.w", "h.10.w"]


def test_dtypes_that_cannot_be_read_are_listed(nnspec: Command, folder: Path) -> None:
    header = json.dumps({"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}).encode()
    (folder / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    assert "a       F8_E4M3[4]      4" in nnspec("weights", "w.safetensors").out
    refused = nnspec("weights", "w.safetensors", "--to", "x.safetensors")
    assert refused.code == 1 and "a is of F8_E4M3, which is not supported" in refused.err


def test_where_every_tensor_lands(nnspec: Command, weights: Arrays, folder: Path) -> None:
    held, _ = read_tensors(folder / "hub" / "model.safetensors")
    more = {"lm_head.weight": held["transformer.wte.weight"], "transformer.h.0.attn.bias": np.ones((1, 1, 8, 8), bool)}
    write_tensors(folder / "hub" / "model.safetensors", held | more)
    done = nnspec("weights", "hub", *RENAME, *SPEC)
    rows = [re.split(r"  +", line, maxsplit=2) for line in done.out.splitlines()[4:-2]]
    found = {name: becomes for name, _, becomes in rows}
    query = "decoder.0.gpt2_layer_1.x.attention_1.{query,key,value}"
    assert found["transformer.h.0.attn.c_attn.weight"] == f"{query}.weight, transpose"
    assert found["transformer.h.0.attn.c_attn.bias"] == f"{query}.bias"
    assert found["transformer.wte.weight"] == "embed.weight"
    assert found["lm_head.weight"] == "a copy of embed.weight"
    assert found["transformer.h.0.attn.bias"] == "left aside"
    assert done.out.splitlines()[-1] == "28 loaded, 1 copy, 1 left aside: all that gpt2 needs" and done.code == 0
    said = json.loads(nnspec("weights", "hub", *RENAME, *SPEC, "--json").out)
    assert said["fits"] and said["missing"] == [] and said["settings"] == SETTINGS
    assert {item["state"] for item in said["tensors"]} == {"loaded", "copy", "left aside"}


def test_the_settings_that_stand_beside_the_weights(nnspec: Command, weights: Arrays) -> None:
    options = " ".join(f"--set {name}={value}" for name, value in SETTINGS.items())
    assert nnspec("weights", "hub", *RENAME).out.splitlines()[-1] == f"hub/config.json: {options}"


def test_a_spec_without_a_table(nnspec: Command, weights: Arrays, folder: Path) -> None:
    own = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    api.save_weights(folder / "own.safetensors", weights)
    assert nnspec("weights", "own.safetensors", *SPEC, *own).out.endswith("36 loaded: all that gpt2 needs\n")
    wrong = nnspec("weights", "own.safetensors", *SPEC, *own, "--set", "layers=1", "--set", "vocab=21")
    assert wrong.code == 1 and wrong.out.endswith("19 loaded, 16 unexpected, 1 wrong shape\n")
    assert "wrong shape: embed.weight [20, 12] instead of [21, 12]" in wrong.err


def test_there_and_back_are_the_same_bytes(nnspec: Command, weights: Arrays, folder: Path) -> None:
    there = nnspec("weights", "hub", *RENAME, "--to", "own.safetensors")
    assert there.code == 0 and there.out.splitlines()[1] == "28 loaded"
    own, _ = read_tensors(folder / "own.safetensors")
    assert set(own) == set(weights) and all(np.array_equal(own[path], weights[path]) for path in own)
    back = nnspec("weights", "own.safetensors", *RENAME, "--reverse", "--to", "back.safetensors")
    assert back.code == 0
    assert (folder / "back.safetensors").read_bytes() == (folder / "hub" / "model.safetensors").read_bytes()
    listed = nnspec("weights", "own.safetensors", *RENAME, "--reverse").out
    assert "transformer.h.1.attn.c_attn.weight (part 2 of 3), transpose\n" in listed
    said = json.loads(nnspec("weights", "own.safetensors", *RENAME, "--reverse", "--json").out)
    assert said["tensors"][-1]["to"] == ["transformer.wpe.weight"]


def test_several_files_are_one(nnspec: Command, weights: Arrays, folder: Path) -> None:
    files = cut(folder, "parts", 3)
    for name in ("parts", "parts/model.safetensors.index.json"):
        assert nnspec("weights", name).out.splitlines()[1:] == nnspec("weights", "hub").out.splitlines()[1:]
    assert nnspec("weights", "parts", "--to", "one.safetensors").code == 0
    assert (folder / "one.safetensors").read_bytes() == (folder / "hub" / "model.safetensors").read_bytes()
    own = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    one = nnspec("weights", "parts/model-00001-of-00003.safetensors", *RENAME, *SPEC, *own)
    assert "is one of several files; parts/model.safetensors.index.json has them all" in one.err
    index = folder / "parts" / "model.safetensors.index.json"
    text = index.read_text()
    for content, said in (
        (text.replace('"weight_map"', '"map"'), "has no weight_map"),
        (text[:-9], "cannot be read"),
        (
            text.replace("model-00002-of-00003", "../secret"),
            "names ../secret.safetensors, which does not lie beside it",
        ),
        (text.replace("model-00002-of-00003", "other"), "names 3 files, of which other.safetensors is not there"),
        (
            text.replace("wte.weight", "wtf.weight"),
            f"{files['transformer.wte.weight']} has no tensor transformer.wtf.w",
        ),
    ):
        index.write_text(content)
        done = nnspec("weights", "parts")
        assert done.code == 1 and "error[E707]" in done.err and said in done.err, said


def test_a_run_and_a_checkpoint(nnspec: Command, weights: Arrays, folder: Path) -> None:
    """A run knows its settings, and goes back under the names of the source."""
    text = (folder / "specs/gpt2.nn").read_text().replace("steps      = 1_000", "steps = 2")
    (folder / "specs/tuned.nn").write_text(
        text.replace("train {\n", 'train {\n  init = weights("../hub", rename = "huggingface/gpt2.toml")\n')
    )
    wrong = nnspec("train", "specs/tuned.nn", "--out", "run", "--quiet")
    assert "config.json says vocab = 20, context = 8, dim = 12, heads = 3, layers = 2" in wrong.err
    own = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    assert nnspec("train", "specs/tuned.nn", "--out", "run", "--quiet", *own).code == 0
    assert nnspec("weights", "run", "--spec", "specs/tuned.nn").out.endswith("36 loaded: all that gpt2 needs\n")
    assert nnspec("weights", "run", *RENAME, "--reverse", "--to", "hub/model.safetensors").code == 0
    tuned = api.load_weights("run")
    assert not np.array_equal(tuned["embed.weight"], weights["embed.weight"])
    again = api.load_weights("hub", rename=TABLE)
    assert set(again) == set(tuned) and all(np.array_equal(again[path], tuned[path]) for path in tuned)
    (checkpoint,) = sorted((folder / "run" / "checkpoints").glob("*.safetensors"))[-1:]
    assert "last/embed.weight" in nnspec("weights", str(checkpoint)).out


def test_other_commands_take_a_table(nnspec: Command, weights: Arrays, folder: Path) -> None:
    """With the settings of the config beside the weights, over which --set goes."""
    done = nnspec("compile", "specs/gpt2.nn", "--weights", "hub", *RENAME, "-o", "gpt2.onnx", "--no-golden")
    assert done.code == 0, done.err
    (folder / "t.json").write_text('{"tokens": [[1, 2, 3]]}')
    found = nnspec("run", "gpt2.onnx", "--input", "tokens=t.json").out
    assert found == nnspec("run", "specs/gpt2.nn", "--weights", "hub", *RENAME, "--input", "tokens=t.json").out
    spec = api.load("specs/gpt2.nn", set=SETTINGS)
    expected = api.compile(spec, weights).run({"tokens": np.array([[1, 2, 3]])})["logits"]
    assert np.allclose([float(x) for x in found.splitlines()[1].split(",")], expected.ravel(), atol=1e-6)
    measured = nnspec("eval", "specs/gpt2.nn", "--weights", "hub", *RENAME, "--split", "train", "--format", "json")
    assert json.loads(measured.out)["loss"] == pytest.approx(np.log(20), rel=0.05)
    other = nnspec("run", "specs/gpt2.nn", "--weights", "hub", *RENAME, "--input", "tokens=t.json", "--set", "heads=4")
    assert "error[E702]: hub/config.json says heads = 3, and gpt2 has 4\n  help: --set heads=3" in other.err
    lone = nnspec("compile", "specs/gpt2.nn", *RENAME, "-o", "x.onnx")
    assert lone.code == 1 and "error[E610]: --rename goes with --weights" in lone.err


def test_no_rename_where_one_is_needed(nnspec: Command, weights: Arrays) -> None:
    own = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    done = nnspec("compile", "specs/gpt2.nn", "--weights", "hub", "-o", "x.onnx", *own)
    assert done.code == 1 and "a rename table leads to those of the spec" in done.err


def edited(folder: Path, old: str, new: str, name: str = "own.toml") -> None:
    text = (folder / TABLE).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("h.*.ln_1", "h.*.ln1", 'help: rule 3, "[transformer.]h.*.ln1.*" to decoder.*.gpt2_layer_1.x.layer_norm_1.*, '
         "covers no name of the file; did you mean transformer.h.1.ln_1.bias?"),
        ("x.layer_norm_1", "x.norm", "(transformer.h.0.ln_1.weight in the file) may be decoder.0."),
        (', "transpose"]', "]", "help: \"transpose\" as a third entry of a rule is for what is stored as [in, out]"),
        ('"transpose"', '"transpos"', 'ends with \'transpos\'; only "transpose", "squeeze" or "tied" can stand there'),
        ('"transpose"', '"squeeze"', "c_attn.bias [36] has no first axis of size 1 to squeeze"),
        ("rename = ", "renames = ", "it has no list `rename`: what it has is renames, settings, fixed"),
        ("[settings]", "[setings]", "it has setings; what it can have is rename, settings, fixed"),
        ("rename = [", "rename = [[", "cannot be read: "),
        ('"learned_position_1.weight"', '"embed.weight"', "makes embed.weight of both"),
        ("[transformer.]wte", "[transformer.wte", "a [ of \"[transformer.wte.weight\" begins a text"),
        ('"n_head"', '"n_layer"', "config.json says"),
    ],
)  # fmt: skip
def test_tables_with_mistakes(nnspec: Command, weights: Arrays, folder: Path, old: str, new: str, said: str) -> None:
    edited(folder, old, new)
    own = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    done = nnspec("weights", "hub", "--rename", "own.toml", *SPEC, *own)
    assert done.code == 1 and "error[E7" in done.err and said in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("weights", "hup"), "E707", "there is no run or weight file hup\n  help: did you mean hub?"),
        (("weights", "specs"), "E707", "specs is no run directory: it has no run.json, nor is there a model.saf"),
        (("weights", "specs/gpt2.nn"), "E707", "specs/gpt2.nn is a text, not a file of weights"),
        (("weights", "hub", "--rename", "specs/huggingface/gpt.toml"), "E707",
         "gpt.toml cannot be read: No such file\n  help: did you mean specs/huggingface/gpt2.toml?"),
        (("weights", "hub", "--rename", "specs"), "E707", "the rename table specs cannot be read: it is a folder"),
        (("weights", "hub", "--rename", "specs/huggingface/bert.toml", *SPEC), "E702",
         "help: no rule of the rename table covers a name of the file, which has transformer.h.0.attn.c_attn.bias"),
        (("weights", "hub", *RENAME, "--reverse"), "E702",
         "no way back for transformer.h.0.attn.c_attn.bias\n  help: it is a name of the source: leave off --reverse"),
        (("weights", "hub", "--rename", "specs/torchvision/resnet.toml", "--reverse"), "E702",
         "no rule of specs/torchvision/resnet.toml leads to a tensor of hub"),
        (("weights", "hub", *RENAME, "--to", "x.bin"), "E706", "x.bin does not end with .safetensors"),
        (("weights", "hub", *RENAME, "--to", "no/x.safetensors"), "E706", "there is no folder no"),
        (("weights", "hub", *RENAME, "--to", "hub"), "E706", "hub is a folder"),
        (("weights", "hub", *RENAME, "--to", "hub/model.safetensors"), "E706", "is what is read"),
    ],
)  # fmt: skip
def test_wrong_things(
    nnspec: Command, weights: Arrays, folder: Path, arguments: tuple[str, ...], code: str, said: str
) -> None:
    done = nnspec(*arguments)
    assert done.code == 1 and f"error[{code}]" in done.err and said in done.err


@pytest.mark.parametrize("more", [("--reverse",), (*RENAME, "--reverse", *SPEC), ("--set", "a=1")])
def test_wrong_usage(nnspec: Command, weights: Arrays, more: tuple[str, ...]) -> None:
    assert nnspec("weights", "hub", *more).code == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"activation_function": "relu"}, "says activation_function = relu, and the rename table is for gelu_new"),
        ({"layer_norm_epsilon": 1e-6}, "says layer_norm_epsilon = 1e-06, and the rename table is for 1e-05"),
        ({"model_type": "gpt_neo"}, "says model_type = gpt_neo, and the rename table is for gpt2"),
        ({"scale_attn_by_inverse_layer_idx": True}, "says scale_attn_by_inverse_layer_idx = true"),
    ],
)
def test_models_that_compute_something_else(
    nnspec: Command, weights: Arrays, folder: Path, change: dict[str, Any], said: str
) -> None:
    (folder / "hub" / "config.json").write_text(json.dumps(CONFIG | change))
    done = nnspec("weights", "hub", *RENAME, *SPEC)
    assert done.code == 1 and said in done.err
    (folder / "hub" / "config.json").write_text("{")
    assert "error[E707]: hub/config.json cannot be read" in nnspec("weights", "hub", *RENAME, *SPEC).err


def test_pickles_are_refused_with_a_way_out(nnspec: Command, folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))
    for name in ("bin", "bin/pytorch_model.bin"):
        done = nnspec("weights", name)
        assert done.code == 1
        assert "bin/pytorch_model.bin is a pickle of PyTorch, which is not read: it can run code of its own" in done.err
        assert 'torch.load("bin/pytorch_model.bin", weights_only=True)' in done.err
