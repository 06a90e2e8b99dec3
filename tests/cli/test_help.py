"""What `--help` says, and the answers to wrong usage."""

from __future__ import annotations

import shlex

import pytest

from nnspec.cli.examples import EXAMPLES
from nnspec.cli.main import COMMANDS, Parser, _parser
from nnspec.cli.starters import STARTERS

from .conftest import Command


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_are_commands_that_the_options_know(line: str) -> None:
    words = shlex.split(line)
    assert words[0] == "nnspec"
    assert _parser(words[1:]).parse_args(words[1:]).run


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_option(command: str, nnspec: Command) -> None:
    done = nnspec(command, "--help")
    assert done.code == 0 and f"examples:\n  {EXAMPLES[command][0]}\n" in done.out
    actions = _parser([command])._subparsers._group_actions[0].choices[command]._actions  # type: ignore[union-attr]
    assert all(action.help or action.metavar in ("OLD", "NEW", "MODEL.onnx") for action in actions)


def test_wrong_usage_shows_the_way(nnspec: Command) -> None:
    assert nnspec("chek").err.endswith("\n  help: did you mean check?\n")
    assert nnspec("eval", "x.nn").err == (
        "nnspec eval: the following arguments are required: --weights\n"
        "  help: `nnspec eval --help` lists what there is\n"
    )


def test_starters_are_listed_and_found_by_what_others_call_them(nnspec: Command) -> None:
    done = nnspec("new")
    assert done.code == 0 and all(f"{kind} " in done.out for kind in STARTERS)
    for asked, kind in (("tabular", "classifier"), ("time-series", "forecast"), ("LLM", "gpt"), ("imagee", "image")):
        done = nnspec("new", asked)
        assert (done.code, done.err) == (2, f"nnspec: there is no starter '{asked}'\n  help: did you mean {kind}?\n")
    assert "there are classifier, regression, " in nnspec("new", "zzz").err


def test_train_names_the_run_like_the_spec(nnspec: Command) -> None:
    assert nnspec("train", "specs/iris.nn", "--epochs", "1").out.splitlines()[-1].startswith("run      runs/iris: ")
    again = nnspec("train", "specs/iris.nn", "--epochs", "1")
    assert again.code == 1 and "--resume goes on with it, --overwrite begins anew" in again.err


def test_the_parser_exits_with_2() -> None:
    with pytest.raises(SystemExit, match="2"):
        Parser(prog="x").error("nothing")
