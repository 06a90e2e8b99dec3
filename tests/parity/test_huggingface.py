"""GPT-2, BERT, Llama and ViT of the library `transformers`, with random weights, against the specs of `specs/`.

The weights travel as a user's would: `save_pretrained` writes a folder, `init` of the spec reads it through the table
that comes with the spec, and `save_weights` writes it back for `from_pretrained`. Gradients are held against the same
model in float64. Those of the biases of keys are 0 in theory, since softmax does not change where all scores of a row
do, and what is computed of them is rounding: they are held against the size of those of the queries.

Outputs, which go to 5, differ by 5e-6, gradients by 4e-6 of the largest entry, and parameters after ten steps by 2e-5
of the way they went.
"""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn

import nnspec
from nnspec.compiler.rename_file import rename_table
from nnspec.compiler.renamed import renamed

from .compare import error

pytestmark = pytest.mark.parity
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

SPECS = Path(__file__).parents[2] / "specs"
Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
WORDS, LENGTH, DIM, HEADS, LAYERS = 40, 11, 32, 4, 3
STEPS, RATE, DECAY = 10, 1e-3, 0.01
SIZES = {"dim": DIM, "heads": HEADS, "layers": LAYERS, "dropout": 0.0}
TRAIN = """
train {{
  target wanted: {target}
  loss      = {loss}
  optimizer = adamw(lr = {rate}, weight_decay = {decay}, decay_on = ["*"])
  steps     = 10
  init      = weights("source", rename = "huggingface/{table}")
}}
"""


class Case(NamedTuple):
    spec: str
    table: str
    make: Callable[[], nn.Module]
    settings: dict[str, Any]
    target: str
    loss: str
    batch: Callable[[np.random.Generator], Arrays]
    """Inputs and `wanted`, by our names."""
    outputs: Callable[[nn.Module, Mapping[str, Tensor]], dict[str, Tensor]]
    """By our names."""
    theirs: Callable[[Mapping[str, Tensor], Tensor], Tensor]
    """The loss, of outputs and `wanted`."""


def sentences(random: np.random.Generator) -> Arrays:
    """Rows of different lengths, filled up with 0, and which of two texts each word belongs to."""
    tokens = random.integers(1, WORDS, (4, LENGTH))
    for row, length in enumerate((LENGTH, 8, 6, 9)):
        tokens[row, length:] = 0
    segments = np.broadcast_to(np.arange(LENGTH) > 4, tokens.shape).astype(np.int64)
    return {"tokens": tokens, "segments": segments, "wanted": random.normal(size=(4, DIM)).astype(np.float32)}


def text(random: np.random.Generator) -> Arrays:
    drawn = random.integers(0, WORDS, (4, LENGTH + 1))
    return {"tokens": drawn[:, :-1], "wanted": drawn[:, 1:]}


def images(random: np.random.Generator) -> Arrays:
    return {"image": random.normal(size=(4, 3, 16, 16)).astype(np.float32), "wanted": random.integers(0, 5, 4)}


def language(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {"logits": model(batch["tokens"]).logits}


def encoded(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    tokens = batch["tokens"]
    found = model(tokens, token_type_ids=batch["segments"], attention_mask=(tokens != 0).long())
    return {"hidden": found.last_hidden_state, "pooled": found.pooler_output}


def told(outputs: Mapping[str, Tensor], wanted: Tensor) -> Tensor:
    return F.cross_entropy(outputs["logits"].flatten(0, -2), wanted.flatten())


def gpt2(**options: Any) -> transformers.GPT2Config:
    rates = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    return transformers.GPT2Config(
        vocab_size=WORDS, n_positions=16, n_embd=DIM, n_head=HEADS, n_layer=LAYERS, **rates, **ends, **options
    )


def bert() -> transformers.BertConfig:
    rates = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    sizes = {
        "hidden_size": DIM,
        "intermediate_size": 4 * DIM,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
    }
    return transformers.BertConfig(vocab_size=WORDS, max_position_embeddings=16, **sizes, **rates)


def llama(**options: Any) -> transformers.LlamaConfig:
    sizes = {"hidden_size": DIM, "intermediate_size": 48, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS}
    return transformers.LlamaConfig(vocab_size=WORDS, num_key_value_heads=2, rms_norm_eps=1e-5, **sizes, **options)


def vit() -> transformers.ViTConfig:
    sizes = {
        "hidden_size": DIM,
        "intermediate_size": 4 * DIM,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
    }
    return transformers.ViTConfig(image_size=16, patch_size=4, num_labels=5, **sizes)


LLAMA = {"vocab": WORDS, "kv_heads": 2, "hidden": 48, **{key: SIZES[key] for key in ("dim", "heads", "layers")}}
CASES = {
    "gpt2": Case(
        "gpt2", "gpt2.toml", lambda: transformers.GPT2LMHeadModel(gpt2()), {"vocab": WORDS, "context": 16, **SIZES},
        "int64[N, T]", "cross_entropy(logits, wanted)", text, language, told,
    ),
    "bert": Case(
        "bert_base", "bert.toml", lambda: transformers.BertModel(bert()), {"vocab": WORDS, "context": 16, **SIZES},
        f"float32[N, {DIM}]", "mse(pooled, wanted)", sentences, encoded,
        lambda outputs, wanted: F.mse_loss(outputs["pooled"], wanted),
    ),
    "llama": Case(
        "llama", "llama.toml", lambda: transformers.LlamaForCausalLM(llama()), LLAMA,
        "int64[N, T]", "cross_entropy(logits, wanted)", text, language, told,
    ),
    "vit": Case(
        "vit", "vit.toml", lambda: transformers.ViTForImageClassification(vit()),
        {"size": 16, "patch": 4, "classes": 5, **SIZES},
        "int64[N]", "cross_entropy(logits, wanted)", images,
        lambda model, batch: {"logits": model(batch["image"]).logits}, told,
    ),
}  # fmt: skip


def lived_in(model: nn.Module) -> nn.Module:
    """No weight as it begins: biases that are not 0, scales that are not 1."""
    torch.manual_seed(5)
    with torch.no_grad():
        for name, value in model.named_parameters():
            drawn = torch.randn_like(value)
            value.copy_(1 + 0.2 * drawn if value.ndim == 1 and name.endswith("weight") else 0.25 * drawn)
    return model.eval()


def trainer_of(case: Case, folder: Path, model: nn.Module) -> nnspec.Trainer:
    """That of the spec with a train section for this case, from the folder that the model saved."""
    model.save_pretrained(folder / "source")
    shutil.copytree(SPECS / "huggingface", folder / "huggingface")
    spec = (SPECS / f"{case.spec}.nn").read_text("utf-8")
    spec = re.sub(r"\n(data|train) \{.*?\n\}\n", "", spec, flags=re.DOTALL)
    more = TRAIN.format(target=case.target, loss=case.loss, rate=RATE, decay=DECAY, table=case.table)
    (folder / "spec.nn").write_text(spec + more, "utf-8")
    return nnspec.Trainer(nnspec.load(folder / "spec.nn", set=case.settings), seed=1, threads=1)


def tensors(batch: Mapping[str, Array], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    found = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in found.items()}


def loss(case: Case, model: nn.Module, batch: Mapping[str, Array]) -> Tensor:
    own = tensors(batch, next(model.parameters()).dtype)
    return case.theirs(case.outputs(model, own), own["wanted"])


def ours(case: Case, arrays: Mapping[str, Tensor]) -> Arrays:
    """Parameters or gradients under our names."""
    table = rename_table(SPECS / "huggingface" / case.table)
    return dict(renamed({name: value.detach().double().numpy() for name, value in arrays.items()}, table).arrays)


def inputs(batch: Mapping[str, Array]) -> Arrays:
    return {name: array for name, array in batch.items() if name != "wanted"}


def gap(found: Mapping[str, Array], expected: Mapping[str, Tensor]) -> float:
    assert set(found) == set(expected)
    return max(float(np.abs(found[name] - value.numpy()).max()) for name, value in expected.items())


def apart(found: Mapping[str, Array], expected: Mapping[str, Array]) -> dict[str, float]:
    """The errors of tensors, relative to their largest entries."""
    assert set(found) == set(expected)
    sizes = {name: float(np.abs(value).max()) for name, value in expected.items()}
    return {
        name: error(found[name], value, sizes[name.replace(".key.", ".query.")] if name.endswith("key.bias") else 0)
        for name, value in expected.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_outputs_gradients_ten_steps_and_the_way_back(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    model, random = lived_in(case.make()), np.random.default_rng(2)
    trainer = trainer_of(case, tmp_path, model)
    assert sum(value.numel() for value in model.parameters()) == trainer.spec.parameter_count

    batch = case.batch(random)
    with torch.no_grad():
        assert gap(trainer.predict(inputs(batch)), case.outputs(model, tensors(batch))) < 2e-5

    exact = copy.deepcopy(model).double()
    loss(case, exact, batch).backward()
    true = ours(case, {key: value.grad for key, value in exact.named_parameters()})
    errors = apart(trainer.gradients(batch), true)
    assert max(errors.values()) < 2e-5, errors

    start = trainer.parameters
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        batch = case.batch(random)
        optimizer.zero_grad()
        value = loss(case, model, batch)
        value.backward()
        optimizer.step()
        assert trainer.step(batch)["loss"] == pytest.approx(value.item(), rel=1e-4)
    now, theirs = trainer.parameters, ours(case, dict(model.named_parameters()))
    for path in start:
        way = np.linalg.norm(theirs[path] - start[path])
        if path.endswith("key.bias"):  # rounding alone decides where each entry goes
            assert np.abs(now[path] - start[path]).max() <= 1.1 * STEPS * RATE
        else:
            assert np.linalg.norm(now[path] - theirs[path]) < 5e-4 * way, path

    back = tmp_path / "back"
    back.mkdir()
    shutil.copy(tmp_path / "source" / "config.json", back)
    nnspec.save_weights(back / "model.safetensors", trainer, rename=SPECS / "huggingface" / case.table)
    again = loaded(type(model), back)
    for key, value in ours(case, again.state_dict()).items():
        assert np.array_equal(value, now[key]), key
    with torch.no_grad():
        assert gap(trainer.predict(inputs(batch)), case.outputs(again, tensors(batch))) < 2e-5


def loaded(kind: Any, folder: Path) -> nn.Module:
    """The model of a folder, in which nothing may be missing, left over or of another shape."""
    model, said = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(said.values()), said
    return model.eval()


def hidden(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The logits of a GPT-2 without a head."""
    return {"logits": model(batch["tokens"]).last_hidden_state @ model.wte.weight.T}  # type: ignore[operator, union-attr]


def inner(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the BERT below a head gives."""
    found = encoded(model.bert, batch)  # type: ignore[arg-type]
    return {name: value for name, value in found.items() if value is not None}


def tied() -> nn.Module:
    return transformers.LlamaForCausalLM(llama(tie_word_embeddings=True))


def answers() -> nn.Module:
    return transformers.BertForQuestionAnswering(bert())


OTHERS = {
    "gpt2 without a head": ("gpt2", lambda: transformers.GPT2Model(gpt2()), {}, hidden),
    "bert with a head": ("bert", lambda: transformers.BertForMaskedLM(bert()), {"pooler": False}, inner),
    "bert as it was trained": ("bert", lambda: transformers.BertForPreTraining(bert()), {}, inner),
    "bert that tells classes": ("bert", lambda: transformers.BertForSequenceClassification(bert()), {}, inner),
    "bert that finds answers": ("bert", answers, {"pooler": False}, inner),
    "llama with tied words": ("llama", tied, {"tied": True}, language),
    "vit": ("vit", CASES["vit"].make, {}, CASES["vit"].outputs),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_forms_of_models_and_files(name: str, tmp_path: Path) -> None:
    """With or without a head; as one file, as several, and under the names that the modules have."""
    kind, make, settings, outputs = OTHERS[name]
    case, model = CASES[kind], lived_in(make())
    batch = case.batch(np.random.default_rng(3))
    with torch.no_grad():
        expected = outputs(model, tensors(batch))
    model.save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "several", max_shard_size="20KB")
    state = {
        key: value for key, value in model.state_dict().items() if not (key == "lm_head.weight" and "tied" in name)
    }
    save_file({key: value.clone() for key, value in state.items()}, tmp_path / "state.safetensors")
    assert len(list((tmp_path / "several").glob("model-*.safetensors"))) > 1
    table = SPECS / "huggingface" / case.table
    first = nnspec.load_weights(tmp_path / "one", rename=table)
    for source in ("several", "several/model.safetensors.index.json", "state.safetensors"):
        found = nnspec.load_weights(tmp_path / source, rename=table)
        assert set(found) == set(first) and all(np.array_equal(found[key], first[key]) for key in first)
    spec = nnspec.load(SPECS / f"{case.spec}.nn", set=case.settings | settings)
    assert gap(nnspec.compile(spec, first).run(inputs(batch)), expected) < 2e-5


def test_written_back_for_a_model_without_a_head(tmp_path: Path) -> None:
    """Names below `bert` and `transformer` lead into the bare models as well."""
    for kind, bare in (("gpt2", transformers.GPT2Model), ("bert", transformers.BertForMaskedLM)):
        case, folder = CASES[kind], tmp_path / kind
        model, table = lived_in(case.make()), SPECS / "huggingface" / case.table
        model.save_pretrained(folder)
        weights = nnspec.load_weights(folder, rename=table)
        nnspec.save_weights(folder / "model.safetensors", weights, rename=table)
        _, said = bare.from_pretrained(folder, output_loading_info=True)
        assert not [key for key in said["missing_keys"] if not key.startswith("cls.")]
        assert not said["mismatched_keys"]
