"""Signals while a long computation runs: the first one asks it to end, a second SIGINT ends the process.

Python runs its handlers between two instructions of the main thread, and so not while ONNX Runtime computes. What the
signal does at once is to write its number to a socket, where a thread waits that can end the run. A training step pays
nothing for it.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from nnspec.runtime.session import Brake

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
GRACE = 1.0
"""Seconds that a step has to end by itself before it is ended."""


class Interrupted(KeyboardInterrupt):
    """Training ended at a signal."""

    def __init__(self, signum: int, message: str = "") -> None:
        super().__init__(message)
        self.signum = signum


class Interruption:
    """Inside, `received` is the first signal that came, and it pulls the brake when the grace is over.

    Elsewhere than in the main thread it does nothing: signals are not that thread's to handle. Signals that are ignored
    stay ignored, as under nohup, and all handlers are as they were afterwards.
    """

    def __init__(self, brake: Brake) -> None:
        self.received: int | None = None
        self._brake = brake
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, name="nnspec signals", daemon=True)
        self._thread.start()
        for number in SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._theirs.send(b"\0")
        self._thread.join()
        self._ours.close()
        self._theirs.close()
        self._brake.release()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number

    def _watch(self) -> None:
        """Read the numbers of signals until a 0."""
        asked = False
        while True:
            try:
                numbers = self._ours.recv(64)
            except TimeoutError:
                self._ours.settimeout(None)
                self._brake.pull()
                continue
            for number in numbers:
                if number == 0:
                    return
                if asked and number == signal.SIGINT:
                    os._exit(128 + number)
                if number in self._before and not asked:
                    asked, self.received = True, self.received or number
                    self._ours.settimeout(GRACE)


def raise_interrupted(number: int, frame: FrameType | None) -> None:
    """A handler that ends what is under way in the main thread, as SIGINT does by default."""
    raise Interrupted(number)
