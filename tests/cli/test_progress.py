"""What a person sees while a model trains."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import nnspec
from nnspec.cli import progress
from nnspec.cli.pace import clock, measured
from nnspec.cli.progress import Lines, Progress, progress_for

SPECS = Path(__file__).parent.parent.parent / "specs"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watched(stream: io.StringIO, *, epochs: int = 3, quiet: bool = False) -> str:
    with progress_for(stream, quiet=quiet) as watcher:
        nnspec.Trainer(nnspec.load(SPECS / "iris.nn")).fit(epochs=epochs, watcher=watcher)
    return stream.getvalue()


def test_plain_lines_where_nobody_watches() -> None:
    lines = watched(io.StringIO()).splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "epoch 1/3",
        "epoch 2/3",
        "epoch 3/3",
        "trained",
        "best",
    ]
    assert "validation.loss 0." in lines[0]
    assert all("\x1b" not in line and "\r" not in line for line in lines)


def test_about_twenty_lines_for_a_long_run() -> None:
    assert 10 < len(watched(io.StringIO(), epochs=100).splitlines()) < 26


def test_quiet() -> None:
    assert watched(Terminal(), quiet=True) == ""


def test_one_line_that_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    monkeypatch.setattr(progress, "REFRESH", 0.0)
    text = watched(Terminal())
    live = [line for line in text.split("\r\x1b[K") if line.startswith("step ")]
    assert len(live) == 24
    assert all("\n" not in line and len(line) < 80 for line in live)
    assert "steps/s" in live[-1]
    assert "rows/s" in live[-1]


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in watched(Terminal())


def test_a_table_with_the_best_epoch_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("nnspec.cli.live.REFRESH", 0.0)
    text = watched(Terminal(), epochs=30)
    last = text[text.rindex("val accuracy") :]
    assert len([line for line in last.splitlines() if "best" in line and "epoch" not in line]) == 1
    assert "steps/s" in text
    assert "trained" in last
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_the_terminal_is_mended_when_a_run_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), progress_for(stream):
        raise KeyboardInterrupt
    assert stream.getvalue().count("\x1b[?25h") == 1


def test_a_line_that_was_interrupted_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), Lines(stream):
        raise KeyboardInterrupt
    assert stream.getvalue() == "\n"
    assert isinstance(progress_for(stream, quiet=True), Progress)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (7.31, "7.3 s"), (41, "41 s"), (200, "3:20"), (7509, "2:05:09")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5000"), (-0.0, "0.0000"), (7.65e-8, "7.65e-08"), (123456.7, "1.235e+05"), (709.3674, "709.3674")],
)
def test_measured(value: float, text: str) -> None:
    assert measured(value) == text
