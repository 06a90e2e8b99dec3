"""Signals and warnings of a long command."""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from nnspec.cli.output import warn
from nnspec.diagnostics.errors import RunWarning


@contextmanager
def terminable() -> Iterator[None]:
    """Inside, SIGTERM raises Interrupted, as SIGINT raises KeyboardInterrupt, so that what is open is closed."""
    from nnspec.runtime.signals import raise_interrupted

    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, raise_interrupted)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Inside, a RunWarning is a line on standard error."""
    before = warnings.showwarning

    def show(message, category, *place, **more):  # type: ignore[no-untyped-def]
        if issubclass(category, RunWarning):
            warn(f"warning: {message}")
        else:
            before(message, category, *place, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", RunWarning)
        warnings.showwarning = show
        yield


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """As a shell reports a process that a signal ended."""
    return 128 + int(getattr(interrupt, "signum", signal.SIGINT))


def say(text: str) -> None:
    """A last line on standard error, below a line that is still being written."""
    print(f"\n{text}" if sys.stdout.isatty() else text, file=sys.stderr)
