"""Lists of values as options: `initial = [h, c]`."""

from __future__ import annotations

import pytest

from nnspec.ir.spec import Spec

from .shorthand import findings, raw, spec

INPUTS = ("input x: float32[N, T, 3]", "input h: float32[N, 4]", "input c: float32[N, 4]", "input n: int64[N]")


def test_a_list_of_values_is_kept_by_name() -> None:
    found = spec(raw(*INPUTS, "x -> lstm(4, initial = [h, c -> tanh], lengths = n)"))
    assert found.nodes[-1].arguments == {"initial": ("h", "tanh_1"), "lengths": "n"}
    assert found.nodes[-1].read == ("x", "h", "tanh_1", "n")
    assert "initial" not in found.nodes[-1].options
    assert Spec.model_validate_json(found.model_dump_json()) == found


def test_one_value_may_stand_alone_or_in_a_list() -> None:
    for text, wanted in (("h", "h"), ("[h]", ("h",))):
        assert spec(raw(*INPUTS, f"x -> gru(4, initial = {text})")).nodes[-1].arguments == {"initial": wanted}


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ("lstm(4, initial = h)", "E203", "lstm needs initial = [h, c], got 1 value"),
        ("gru(4, initial = [h, c])", "E203", "gru needs initial = one value, the state, got 2 values"),
        ("lstm(4, initial = [h, 3])", "E205", "initial is a value or a list of values"),
        ("lstm(5, initial = [h, c])", "E203", "lstm needs an initial h [N, 5], got float32[N, 4]"),
        ("lstm(4, layers = 2, initial = [h, c])", "E203", "lstm needs an initial h [N, 2, 4], got float32[N, 4]"),
        ("lstm(4, lengths = h)", "E215", "lengths of lstm needs an integer dtype, got float32[N, 4]"),
        ("lstm(4, lengths = [n, n])", "E212", "lengths is a value, got the values [n: int64[N], n: int64[N]]"),
        ("dense(4, init = [h, c])", "E212", "init is an initializer, got the values"),
        ("lstm(4, dropout = 0.1)", "E205", "dropout acts between layers, and there is one layer"),
        ("mean(2, lengths = n)", "E207", "mean with lengths reduces the steps, axis 1 of float32[N, T, 3], got [2]"),
    ],
)
def test_what_does_not_fit_is_said(call: str, code: str, said: str) -> None:
    (found,) = findings(raw(*INPUTS, f"x -> {call}"))
    assert found.code == code and said in found.message


@pytest.mark.parametrize(
    ("call", "help"),
    [
        ("SimpleRNN(4)", "rnn"),
        ("LSTM(4)", "lstm"),
        ("nn.GRU(4)", "gru"),
        ("lstm(hidden_size = 4)", "units"),
        ("gru(4, num_layers = 2)", "layers"),
        ("gru(4, return_sequences = true)", "returns"),
        ("gru(4, initial_state = h)", "initial"),
    ],
)
def test_names_of_other_frameworks_are_answered_with_ours(call: str, help: str) -> None:
    assert help in findings(raw(*INPUTS, f"x -> {call}"))[0].help
