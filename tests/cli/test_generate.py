"""`nnspec generate`."""

from __future__ import annotations

from pathlib import Path
from time import process_time

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


BPE = Path(__file__).parents[2] / "specs"


def test_a_tokenizer_goes_all_the_way(nnspec: Command, folder: Path) -> None:
    """From the text to the run, to a file, and back to text: the same from the run, where it was moved to, and from the
    file."""
    spec = "specs/bpe_gpt.nn"
    assert nnspec("train", spec, "--out", "run", "--epochs", "1", "--set", "dim=16", "--quiet").code == 0
    assert Path("run/tokenizer.json").read_bytes() == (BPE / "data" / "tokenizer.json").read_bytes()
    asked = ("--prompt", "You may", "--tokens", "12", "--seed", "4")
    written = nnspec("generate", spec, "--weights", "run", *asked)
    assert written.code == 0 and written.out.startswith("You may") and len(written.out) > 20
    Path("run").rename("moved")
    assert nnspec("generate", "moved/spec.nn", "--weights", "moved", *asked).out == written.out
    done = nnspec("compile", spec, "--weights", "moved", "--decode", "-o", "bpe.onnx")
    assert done.code == 0 and "takes    tokens: int64[N, T], past/steps: int64, past/decoder.0." in done.out
    assert nnspec("generate", "bpe.onnx", *asked).out == written.out
    assert nnspec("verify", "bpe.onnx", "bpe.golden.npz").code == 0
    whole = written.out.removesuffix("\n")
    stop = whole[12:15]
    assert nnspec("generate", "bpe.onnx", *asked, "--stop", stop).out == whole[: whole.index(stop, 7)] + "\n"
    assert "tokenizer" in nnspec("show", "bpe.onnx").out


def test_what_generate_refuses(nnspec: Command, folder: Path) -> None:
    Path("small.nn").write_text(SPEC.replace("128", "300").replace("book.txt", "b.txt"))
    Path("b.txt").write_text("abc def. " * 60)
    assert nnspec("train", "small.nn", "--out", "run", "--quiet").code == 0
    assert nnspec("compile", "small.nn", "--weights", "run", "--decode", "-o", "m.onnx").code == 0
    for asked, message in (
        (("small.nn",), "with the weights of a run"),
        (("small.nn", "--weights", "run"), "nothing says which text the 300 tokens"),
        (("small.nn", "--weights", "run", "--tokenizer", "none.json"), "there is no file none.json"),
        (("small.nn", "--weights", "run", "--tokenizer", "b.txt"), "b.txt is no tokenizer"),
        (("small.nn", "--weights", "run", "--tokenizer", str(BPE / "data/tokenizer.json")), "there are 512 tokens"),
        (("m.onnx", "--weights", "run"), "m.onnx has its own weights"),
        (("run/model.onnx",), "has no cache"),
    ):
        done = nnspec("generate", *asked)
        assert done.code == 1 and message in done.err, done.err
    for options in (("--outputs", "logits"), ("--training-graph",)):
        done = nnspec("compile", "small.nn", "--weights", "run", "--decode", "-o", "n.onnx", *options)
        assert done.code == 1 and f"--decode goes without {options[0]}" in done.err


def test_200_tokens_of_char_gpt_take_less_than_two_seconds(nnspec: Command, folder: Path) -> None:
    """Of processor time, the model made, held against the whole sequence and loaded; 0.3 here."""
    spec = str(BPE.parent / "tests" / "acceptance" / "char_gpt.nn")
    assert nnspec("train", spec, "--out", "run", "--epochs", "1", "--quiet").code == 0
    start = process_time()
    done = nnspec("generate", spec, "--weights", "run", "--prompt", "This license", "--tokens", "200")
    assert process_time() - start < 2
    assert done.code == 0 and len(done.out) >= 200
