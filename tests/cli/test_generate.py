"""`nnspec generate`."""

from __future__ import annotations

from tests.cli.conftest import Command

SPEC = """nnspec 1
model small {
  input tokens: int64[N, T]
  tokens -> embedding(128, 8) -> learned_position(16) -> attention(2, causal = true)
  output logits = dense(128)
}
data {
  train = text("book.txt", context = 8)
  tokens = "tokens"
  following = "next"
}
train {
  target following: int64[N, T]
  loss = cross_entropy(logits, following)
  optimizer = adamw(lr = 0.01)
  epochs = 2
}
"""


def test_a_trained_model_goes_on_with_the_prompt(nnspec: Command, folder: object) -> None:
    from pathlib import Path

    Path("small.nn").write_text(SPEC)
    Path("book.txt").write_text("abc def. " * 60)
    assert nnspec("train", "small.nn", "--out", "run").code == 0
    asked = ("generate", "small.nn", "--weights", "run", "--prompt", "abc", "--tokens", "40", "--seed", "3")
    done = nnspec(*asked, "--temperature", "0.5", "--top-k", "10", "--top-p", "0.9")
    assert done.code == 0 and done.out.startswith("abc") and len(done.out.encode()) == 3 + 40 + 1
    assert nnspec(*asked).out == nnspec(*asked).out
    assert nnspec(*asked, "--top-p", "0").code == 2
    assert nnspec(*asked, "--temperature", "-1").code == 2
    other = nnspec("generate", "specs/iris.nn", "--weights", "run")
    assert other.code == 1 and "error[E7" in other.err
