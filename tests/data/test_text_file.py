"""Text as windows of bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nnspec
from nnspec.data.dataset import Splits, load
from nnspec.data.text_file import read_text
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.library import registries

TEXT = "Ein Öl, ein Bär: naïve Wörter. " * 8


def splits(folder: Path, data: str, text: str = TEXT) -> Splits:
    (folder / "book.txt").write_text(text, encoding="utf-8")
    spec = nnspec.loads(f"""nnspec 1
model reader {{
  input tokens: int64[N, T]
  tokens -> embedding(256, 4)
  output logits = dense(256)
}}
data {{
  {data}
  tokens = "tokens"
  following = "next"
}}
train {{
  target following: int64[N, T]
  loss = cross_entropy(logits, following)
  optimizer = sgd(lr = 0.1)
  epochs = 1
}}
""")
    return load(spec, registries(), folder)


def test_windows_follow_one_another_and_next_is_one_step_on(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(bytes(range(65, 91)))
    table = read_text(tmp_path, "a.txt", 8)
    assert table.rows == 3
    joined = np.concatenate(list(table.columns["tokens"]))  # type: ignore[arg-type]
    assert bytes(joined) == bytes(range(65, 89))
    assert (table.columns["next"] == table.columns["tokens"] + 1).all()  # type: ignore[operator]


def test_a_text_of_exactly_one_window_more_than_its_tokens(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abcde")
    assert read_text(tmp_path, "a.txt", 4).rows == 1
    with pytest.raises(Fault, match="5 bytes, and a window of context 5 takes 6"):
        read_text(tmp_path, "a.txt", 5)


def test_fractions_are_the_tail_and_no_window_reaches_over_the_border(tmp_path: Path) -> None:
    found = splits(tmp_path, 'train = text("book.txt", context = 5)\n  validation = 0.2\n  test = 0.1')
    content = TEXT.encode()
    assert found.train and found.validation and found.test
    size = len(content)
    for part, start, end in (
        (found.train, 0, round(0.7 * size)),
        (found.validation, round(0.7 * size), round(0.9 * size)),
        (found.test, round(0.9 * size), size),
    ):
        tokens, following = part.arrays["tokens"], part.arrays["following"]
        assert tokens.dtype == following.dtype == np.int64 and tokens.shape == (part.rows, 5)
        assert bytes(tokens.reshape(-1).astype(np.uint8)) == content[start : start + 5 * part.rows]
        assert bytes(following.reshape(-1).astype(np.uint8)) == content[start + 1 : start + 1 + 5 * part.rows]
        assert start + 5 * part.rows + 1 <= end


def test_a_source_of_its_own_is_read_whole(tmp_path: Path) -> None:
    found = splits(tmp_path, 'train = text("book.txt", context = 5)\n  validation = text("book.txt", context = 7)')
    assert found.train and found.validation
    assert (found.train.arrays["tokens"].shape[1], found.validation.arrays["tokens"].shape[1]) == (5, 7)
    assert found.train.rows == (len(TEXT.encode()) - 1) // 5


def test_a_byte_that_no_embedding_has_is_named(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("x" * 20 + "ö" * 20, encoding="utf-8")
    spec = nnspec.loads("""nnspec 1
model reader {
  input tokens: int64[N, T]
  output y = tokens -> embedding(128, 4)
}
data {
  train = text("book.txt", context = 10)
  tokens = "tokens"
}
""")
    with pytest.raises(DataError) as caught:
        load(spec, registries(), tmp_path)
    assert "index 2: array 'tokens' holds 195 at [0], and the embedding has the ids 0 to 127" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('train = text("book.txt", context = 1000)', "a window of context 1000 takes 1001"),
        ('train = text("book.txt", context = 5)\n  validation = 0.001', "gives from 0.999 to 1 of it 0 bytes"),
        ('train = text("boook.txt", context = 5)', "did you mean book.txt"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, data: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        splits(tmp_path, data)
    (found,) = caught.value.diagnostics
    assert message in f"{found.message} {found.help}" and found.span is not None


def test_bytes_that_are_no_utf8_are_refused_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"good\nbad \xff byte")
    with pytest.raises(Fault, match="line 2: byte 0xff is not UTF-8"):
        read_text(tmp_path, "a.txt", 4)
