"""Text as characters, words and tokens of a tokenizer.json: what is learned from, what travels, what is refused."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

import nnspec
from nnspec.data.coding import coding
from nnspec.data.dataset import Splits, load
from nnspec.data.tokenizer import Tokenizer
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.library import registries

SHIPPED = Path(__file__).parents[2] / "specs" / "data" / "tokenizer.json"
TEXT = "Ein Öl, ein Bär: naïve Wörter.\n Zwei  Öle, zwei Bären. " * 8
SPEC = """nnspec 1
model reader(ids = 400) {{
  input tokens: int64[N, T]
  tokens -> embedding(ids, 4)
  output logits = dense(ids)
}}
data {{
  train = {train}
  validation = 0.25
  tokens = "tokens"
  following = "next"
}}
train {{
  target following: int64[N, T]
  loss = cross_entropy(logits, following)
  optimizer = sgd(lr = 0.1)
  epochs = 1
}}
"""


def trained(kind: str = "bytes", size: int = 300) -> tokenizers.Tokenizer:
    """A tokenizer of the text: byte-pairs as GPT-2's, word pieces as BERT's, or byte-pairs as Llama's."""
    if kind == "pieces":
        own = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
        own.normalizer = normalizers.Lowercase()
        own.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        own.decoder = decoders.WordPiece()
        trainer: Any = trainers.WordPieceTrainer(
            vocab_size=size, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False
        )
        own.train_from_iterator([TEXT], trainer)
        own.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[(name, own.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
        )
        return own
    own = tokenizers.Tokenizer(models.BPE(byte_fallback=False))
    if kind == "llama":
        own.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        own.decoder = decoders.Metaspace(prepend_scheme="first")
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["<s>"], show_progress=False)
        own.train_from_iterator([TEXT], trainer)
        own.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
        return own
    own.pre_tokenizer, own.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    own.train_from_iterator([TEXT], trainer)
    return own


def splits(folder: Path, train: str, text: str = TEXT, ids: int = 400, **known: Any) -> Splits:
    (folder / "book.txt").write_text(text, encoding="utf-8")
    return load(nnspec.loads(SPEC.format(train=train), set={"ids": ids}), registries(), folder, **known)


def joined(dataset: Any) -> list[int]:
    return [int(i) for i in np.concatenate([*dataset.arrays["tokens"], dataset.arrays["following"][-1, -1:]])]


@pytest.mark.parametrize("kind", ["bytes", "pieces", "llama"])
def test_windows_hold_the_ids_of_the_library(tmp_path: Path, kind: str) -> None:
    """Those of the text to learn from, up to three quarters of it, and of the rest; none that is put around a text."""
    own = trained(kind)
    own.enable_truncation(4)
    own.enable_padding(length=50)
    own.save(str(tmp_path / "tok.json"))
    own.no_truncation()
    own.no_padding()
    found = splits(tmp_path, 'text("book.txt", context = 5, tokenizer = "tok.json")')
    content = TEXT.encode()
    border = round(0.75 * len(content))
    for dataset, part in ((found.train, content[:border]), (found.validation, content[border:])):
        wanted = own.encode(part.decode(), add_special_tokens=False).ids
        assert dataset is not None and joined(dataset) == wanted[: dataset.rows * 5 + 1]
        assert len(wanted) - 1 < (dataset.rows + 1) * 5
    assert found.classes["tokens"] == found.classes["following"] == ((tmp_path / "tok.json").read_text("utf-8"),)


@pytest.mark.parametrize(("unit", "split"), [("characters", list), ("words", str.split)])
def test_the_vocabulary_is_that_of_the_text_to_learn_from(tmp_path: Path, unit: str, split: Any) -> None:
    text = TEXT + "Ω neu ω neu Ω neu ω neu Ω neu " * 12
    found = splits(tmp_path, f'text("book.txt", context = 3, unit = "{unit}")', text)
    content = text.encode()
    border = round(0.75 * len(content))
    known = sorted(set(split(content[:border].decode())))
    assert found.classes["tokens"] == found.classes["following"] == tuple(known)
    for dataset, part in ((found.train, content[:border]), (found.validation, content[border:])):
        parts = split(part.decode())
        wanted = [known.index(one) + 2 if one in known else 1 for one in parts]
        assert dataset is not None and joined(dataset) == wanted[: dataset.rows * 3 + 1]
    again = splits(tmp_path, f'text("book.txt", context = 3, unit = "{unit}")', classes=found.classes)
    assert again.classes == found.classes  # that of a trained model, whatever stands in the text


def test_a_long_text_is_encoded_in_parts_that_end_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    own = trained()
    monkeypatch.setattr("nnspec.data.tokenizer.CHUNK", 50)
    assert Tokenizer(own.to_str()).encode(TEXT) == own.encode(TEXT).ids


def test_rows_of_text_get_what_the_tokenizer_puts_around_them(tmp_path: Path) -> None:
    own = trained("pieces")
    own.save(str(tmp_path / "tok.json"))
    (tmp_path / "rows.csv").write_text("text,kind\nein Öl,a\nzwei naïve Bären,b\n", "utf-8")
    spec = nnspec.loads("""nnspec 1
model kinds {
  input text: int64[N, T]
  seen = text != 0
  output logits = text -> embedding(400, 8) -> attention(2, mask = seen) -> mean(1) -> dense(2)
}
data {
  train = csv("rows.csv", tokenizer = "tok.json")
  text = "text"
  kind = "kind"
}
train {
  target kind: label[N]
  loss = cross_entropy(logits, kind)
  optimizer = sgd(lr = 0.1)
  epochs = 1
}
""")
    trainer = nnspec.Trainer(spec, folder=tmp_path, seed=1)
    first, second = own.encode("ein Öl").ids, own.encode("zwei naïve Bären").ids
    rows = trainer.rows("train").arrays["text"].tolist()
    assert rows == [first + [0] * (len(second) - len(first)), second] and first[0] == own.token_to_id("[CLS]")
    trainer.fit(run=tmp_path / "run")
    texts = np.array(["ein Öl", "zwei naïve Bären"])
    wanted = trainer.predict({"text": np.array(rows)})["logits"]
    np.testing.assert_array_equal(trainer.predict({"text": texts})["logits"], wanted)
    (tmp_path / "tok.json").unlink()  # the run has its own
    other = nnspec.Trainer(spec, folder=tmp_path)
    other.load_parameters(tmp_path / "run")
    np.testing.assert_array_equal(other.predict({"text": texts})["logits"], wanted)
    model = nnspec.compile(spec, tmp_path / "run")
    np.testing.assert_allclose(model.run({"text": texts})["logits"], wanted, rtol=1e-5, atol=1e-6)
    assert (tmp_path / "run" / "tokenizer.json").read_text("utf-8") == own.to_str(pretty=True)


def test_a_run_that_goes_on_and_its_file_have_the_tokenizer(tmp_path: Path) -> None:
    shutil.copy(SHIPPED, tmp_path / "tok.json")
    (tmp_path / "book.txt").write_text(TEXT, "utf-8")
    train = 'text("book.txt", context = 8, tokenizer = "tok.json")'
    spec = nnspec.loads(SPEC.format(train=train), set={"ids": 512})
    nnspec.Trainer(spec, folder=tmp_path).fit(run=tmp_path / "run")
    content = SHIPPED.read_text("utf-8")
    assert nnspec.Trainer.resume(tmp_path / "run").classes == dict.fromkeys(("tokens", "following"), (content,))
    said = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert said["classes"] == {} and said["tokenizer"] == ["tokens", "following"]
    own = nnspec.compile(spec, tmp_path / "run").onnx
    about = {entry.key: entry.value for entry in own.metadata_props}
    assert about["nnspec.tokenizer.json"] == content and json.loads(about["nnspec.classes"]) == {}
    assert json.loads(about["nnspec.tokenizer"])["file"] == "tok.json"
    trained(size=300).save(str(tmp_path / "tok.json"))
    other = nnspec.Trainer(spec, folder=tmp_path)
    other.rows("train")
    with pytest.raises(nnspec.RunError, match=r"E606.*another tokenizer"):
        other.load_parameters(tmp_path / "run")


REFUSED = {
    "tokenizer.json has 512 ids, and the embedding has 400": ("tokenizer.json", ""),
    "there is no file none.json": ("none.json", ""),
    "text.json is no tokenizer": ("text.json", "{}"),
    "bytes.json is no tokenizer: it is not UTF-8": ("bytes.json", b"\xff"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_refused(tmp_path: Path, message: str) -> None:
    name, content = REFUSED[message]
    if content:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    shutil.copy(SHIPPED, tmp_path / "tokenizer.json")
    with pytest.raises(DataError, match=re.escape(message)):
        splits(tmp_path, f'text("book.txt", context = 8, tokenizer = "{name}")')


def test_targets_need_room_too(tmp_path: Path) -> None:
    shutil.copy(SHIPPED, tmp_path / "tok.json")
    text = SPEC.replace("dense(ids)", "dense(100)").format(
        train='text("book.txt", context = 8, tokenizer = "tok.json")'
    )
    with pytest.raises(DataError, match=r"E611.*512 ids, and the logits for following have 100"):
        nnspec.Trainer(nnspec.loads(text, set={"ids": 512}), folder=tmp_path)


def test_the_library_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    shutil.copy(SHIPPED, tmp_path / "tok.json")
    with pytest.raises(DataError, match=r"E612.*tokenizers, which is not installed\n.*pip install tokenizers"):
        splits(tmp_path, 'text("book.txt", context = 8, tokenizer = "tok.json")')


def test_options_that_exclude_each_other() -> None:
    for source in (
        'text("a", context = 3, unit = "words", tokenizer = "t")',
        'csv("a", text = "words", tokenizer = "t")',
    ):
        with pytest.raises(nnspec.SpecError, match="tokens are those of the tokenizer"):
            nnspec.loads(SPEC.format(train=source))


@pytest.mark.parametrize("kind", ["bytes", "llama"])
def test_ids_become_text_piece_by_piece(kind: str) -> None:
    """All pieces together are what the library says of all ids at once, and no character comes in halves."""
    own = trained(kind)
    coded = coding("tokenizer", [own.to_str()])
    prompt = own.encode("Ein Öl,", add_special_tokens=False).ids
    ids = own.encode(" ein Bär: naïve Wörter. ßäöü — 漢", add_special_tokens=False).ids
    reader = coded.reader(prompt)
    pieces = [*(reader.push(id) for id in ids), reader.end()]
    whole = own.decode(prompt + ids)
    assert own.decode(prompt) + "".join(pieces) == whole
    assert all("\ufffd" not in piece for piece in pieces) and len([piece for piece in pieces if piece]) > 5


def test_prompts() -> None:
    own = trained("llama")
    assert coding("tokenizer", [own.to_str()], marked=True).begin("ein")[0] == 0  # <s>
    assert coding("tokenizer", [own.to_str()]).begin("ein") == own.encode("ein", add_special_tokens=False).ids
    assert coding("bytes", ()).begin("") == [10]
    assert coding("characters", ["\n", "a"]).begin("") == [2]
    assert coding("words", ["a", "b"]).begin("b a") == [3, 2]
    for kind, prompt, message in (("words", "", "needs a prompt"), ("words", "b c d", "has no 'c', 'd'")):
        with pytest.raises(Fault, match=message):
            coding(kind, ["a", "b"]).begin(prompt)
