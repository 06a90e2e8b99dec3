"""Models that are run step by step as files: `compile --decode`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

import nnspec
from nnspec.compiler.decoder_export import compile_decoder, recorded_step
from nnspec.compiler.decoding import Decoder
from nnspec.compiler.deployed import Deployed
from nnspec.compiler.generation import Choice, Generator
from nnspec.compiler.golden import replay, write_golden
from nnspec.graph import onnx_file

ROOT = Path(__file__).parents[2]
SPEC = """nnspec 1
model m(dim = 16) {{
  input tokens: int64[N, T]
  tokens -> embedding(40, dim, init = normal(0.5))
  {positions}
  repeat 2 {{
    x = rms_norm
    x = x + (x -> attention({options}, causal = true, init = normal(0.4)))
  }}
  output logits = dense(40)
}}
"""
OPTIONS = {
    "plain": ("", "4"),
    "kv_heads": ("", "4, kv_heads = 2"),
    "window": ("sinusoidal_position", "2, window = 3"),
    "window of one": ("sinusoidal_position", "2, window = 1"),
    "rotary": ("", "2, kv_heads = 1, rotary = 100"),
    "rotary in a window": ("", "4, kv_heads = 2, rotary = 100, window = 4"),
    "learned": ("learned_position(12, init = normal(0.5))", "2"),
}


def spec_of(name: str) -> nnspec.Spec:
    positions, options = OPTIONS[name]
    return nnspec.loads(SPEC.format(positions=positions, options=options))


@pytest.mark.parametrize("opset", [17, 21, 23])
@pytest.mark.parametrize("name", OPTIONS)
def test_any_steps_give_what_the_whole_sequence_gives(name: str, opset: int) -> None:
    spec = spec_of(name)
    whole = nnspec.compile(spec)
    decoder = Decoder(compile_decoder(spec, opset=opset).onnx, rows=3)
    random = np.random.default_rng(0)
    for steps in ((12,), (1,) * 12, (5, 1, 1, 3, 2)):
        tokens = random.integers(0, 40, (3, 12))
        decoder.reset()
        parts = np.split(tokens, np.cumsum(steps)[:-1], axis=1)
        found = np.concatenate([decoder.scores(part) for part in parts], axis=1)
        np.testing.assert_allclose(found, whole.run({"tokens": tokens})["logits"], rtol=0, atol=2e-5)


def test_a_window_keeps_no_more_than_it_shows() -> None:
    decoder = Decoder(compile_decoder(spec_of("window")).onnx)
    for length in range(1, 6):
        decoder.scores(np.array([[length]]))
        kept = {
            array.shape[2] for name, array in decoder.feeds(np.array([[1]])).items() if name.endswith(("key", "value"))
        }
        assert kept == {min(length, 2)}


def test_names_shapes_and_what_the_file_says() -> None:
    model = compile_decoder(spec_of("kv_heads")).onnx
    types = {name: str(type) for name, type in onnx_file.signature(model).items()}
    assert types == {
        "tokens": "int64[N, T]",
        "past/steps": "int64[]",
        "past/x_2/key": "float32[N, 2, cached, 4]",
        "past/x_2/value": "float32[N, 2, cached, 4]",
        "past/x_4/key": "float32[N, 2, cached, 4]",
        "past/x_4/value": "float32[N, 2, cached, 4]",
    }
    outputs = onnx_file.results(model)
    assert str(outputs["logits"]) == "float32[N, T, 40]"
    assert [*outputs][1:] == [name.replace("past/", "present/") for name in types if "/x_" in name]
    said = json.loads(onnx_file.metadata(model)["nnspec.decode"])
    assert said == {"tokens": "tokens", "scores": "logits", "vocabulary": 40, "places": None}
    assert Decoder(compile_decoder(spec_of("learned")).onnx).steps.places == 12


def test_the_file_on_onnx_s_own_evaluator() -> None:
    model = compile_decoder(spec_of("rotary")).onnx
    rows = recorded_step(model)
    wanted = Deployed(model).run(rows)
    found = ReferenceEvaluator(model).run([*wanted], rows)
    for array, own in zip(found, wanted.values(), strict=True):
        np.testing.assert_allclose(array, own, rtol=0, atol=1e-5)


def test_golden_answers(tmp_path: Path) -> None:
    model = compile_decoder(spec_of("window")).onnx
    write_golden(Deployed(model), recorded_step(model), tmp_path / "m.golden.npz")
    assert all(answer.within(1e-6) for answer in replay(Deployed(model), tmp_path / "m.golden.npz"))
    other = compile_decoder(spec_of("window"), {k: v * 1.01 for k, v in nnspec.Trainer(trainable()).parameters.items()})
    assert not all(answer.within(1e-4) for answer in replay(Deployed(other.onnx), tmp_path / "m.golden.npz"))


@pytest.mark.parametrize("places", [1, 2, 3])
def test_a_model_with_few_places(tmp_path: Path, places: int) -> None:
    """Compiled whole and step by step, with golden answers, and it writes beyond its places."""
    file = tmp_path / "few.nn"
    file.write_text(
        "nnspec 1\n\nmodel few {\n  input tokens: int64[N, T]\n\n  embedding(256, 8)\n"
        f"  learned_position({places}) -> attention(2, kv_heads = 1, causal = true)\n  output logits = dense(256)\n}}\n"
    )
    spec = nnspec.load(file)
    whole, steps = nnspec.compile(spec), compile_decoder(spec)
    tokens = np.arange(places)[None]
    assert whole.run({"tokens": tokens})["logits"].shape == (1, places, 256)
    assert recorded_step(steps.onnx)["tokens"].shape == (2, places - places // 2)
    assert len(list(Generator(spec).tokens([1, 2, 3, 4], 5, Choice(0)))) == 5


def trainable() -> nnspec.Spec:
    positions, options = OPTIONS["window"]
    text = SPEC.format(positions=positions, options=options)
    return nnspec.loads(
        text + "train { target t: int64[N, T]\nloss = cross_entropy(logits, t)\noptimizer = sgd(lr = 0.1)\nsteps = 1 }"
    )


@pytest.mark.parametrize("form", [{"precision": "float16"}, {"quantize": "int8"}], ids=str)
@pytest.mark.parametrize("name", ["rotary", "learned"])
def test_smaller_files(name: str, form: dict[str, Any]) -> None:
    text = SPEC.format(positions=OPTIONS[name][0], options=OPTIONS[name][1])
    spec = nnspec.loads(text.replace(", init = normal(0.4)", ""), set={"dim": 64})
    whole = compile_decoder(spec)
    small = nnspec.compile(spec, decode=True, **form)
    rows = recorded_step(whole.onnx)
    wanted, found = (Deployed(model.onnx).run(rows)["logits"] for model in (whole, small))
    assert np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()
    assert small.onnx.ByteSize() < 0.7 * whole.onnx.ByteSize()


def test_a_file_writes_what_its_spec_writes(tmp_path: Path) -> None:
    spec = spec_of("rotary")
    nnspec.compile(spec, decode=True).save(tmp_path / "m.onnx")
    given = Generator(spec), Generator(tmp_path / "m.onnx")
    first, second = ([*one.tokens([1, 2, 3], 60, Choice(0.8, top_k=20), seed=5)] for one in given)
    assert first == second and len(set(first)) > 5


LOOP = (ROOT / "docs" / "examples" / "generate_without_nnspec.py").read_text("utf-8")


def test_the_loop_of_the_documentation_gives_the_tokens_of_generate(tmp_path: Path) -> None:
    """In a process that has neither nnspec nor onnx."""
    assert len(LOOP.splitlines()) <= 30 and "nnspec" not in LOOP.split('"""')[2].replace("nnspec.decode", "")
    for name in ("rotary in a window", "learned"):
        spec = spec_of(name)
        nnspec.compile(spec, decode=True).save(tmp_path / "m.onnx")
        count = 9 if name == "learned" else 40  # up to its places
        run = [sys.executable, "-c", LOOP, str(tmp_path / "m.onnx"), "1,2,3", str(count)]
        done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=tmp_path)
        wanted = [*Generator(spec).tokens([1, 2, 3], count, Choice(0))]
        assert [int(token) for token in done.stdout.split()] == wanted


def test_the_time_of_a_token_grows_with_what_attention_reads_alone() -> None:
    """GPT of 4 layers and 256 features, one thread: 0.3 ms for a token behind 20 others, and behind 1500 others, where
    12 MB of keys and values are read and copied, 1.4 to 1.9; a run over these takes 190."""
    spec = nnspec.load(
        ROOT / "specs" / "gpt2.nn", set={"vocab": 300, "context": 1600, "dim": 256, "heads": 4, "layers": 4}
    )
    decoder = Decoder(compile_decoder(spec).onnx)

    def behind(count: int) -> tuple[float, float]:
        decoder.reset()
        start = process_time()
        decoder.scores(np.ones((1, count), np.int64))
        whole, spent = process_time() - start, []
        for _ in range(15):
            start = process_time()
            decoder.scores(np.array([[1]]))
            spent.append(process_time() - start)
        return sorted(spent)[7], whole

    near, _ = behind(20)
    far, whole = behind(1500)
    assert far < 12 * near and far < whole / 25


def test_what_is_no_language_model() -> None:
    for text, message in (
        ("input x: float32[N, 3]\n  output y = dense(2)", "does not read one sequence of tokens.*but x: float32"),
        ("input x: int64[N, 5]\n  output y = x -> embedding(3, 2)", "has always 5 tokens"),
        ("input x: int64[N, T]\n  output y = x -> embedding(3, 2) -> attention(1)", "no causal = true"),
        ("input x: int64[N, T]\n  output y = x -> embedding(3, 2) -> lstm(2, bidirectional = true)", "step by step"),
        ("input x: int64[N, T]\n  output y = x -> embedding(3, 2) -> mean(1)", "no output of scores"),
    ):
        with pytest.raises(nnspec.RunError, match=message) as caught:
            nnspec.compile(nnspec.loads(f"nnspec 1\nmodel m {{\n  {text}\n}}\n"), decode=True)
        assert caught.value.diagnostics[0].code == "E719"
    with pytest.raises(nnspec.RunError, match=r"E719.*goes without outputs, float16_ends"):
        nnspec.compile(spec_of("plain"), decode=True, outputs="logits", float16_ends=True)


def test_another_file_is_refused(tmp_path: Path) -> None:
    nnspec.compile(spec_of("plain")).save(tmp_path / "m.onnx")
    with pytest.raises(nnspec.RunError, match=r"E719.*no cache"):
        Generator(tmp_path / "m.onnx")
    with pytest.raises(nnspec.RunError, match=r"E707.*no file"):
        Generator(tmp_path / "n.onnx")
    (tmp_path / "m.onnx").write_text("no model")
    with pytest.raises(nnspec.RunError, match="E731"):
        Generator(tmp_path / "m.onnx")
