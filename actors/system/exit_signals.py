"""The exit signals that go over links."""

from collections import deque
from typing import Any

from actors.kernel.pid import Pid
from actors.kernel.process import Process


class ExitSignals:
    """The signals on their way. A queue, not recursion: a chain of links may be long."""

    __slots__ = ("_sending", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[tuple[Process, Pid, Any]] = deque()
        self._sending = False

    def send(self, target: Process, sender: Pid, reason: Any) -> None:
        """Send an exit signal, and those that it causes."""
        self._waiting.append((target, sender, reason))
        if not self._sending:
            self._sending = True
            try:
                while self._waiting:
                    target, sender, reason = self._waiting.popleft()
                    target.exit_signal(sender, reason, linked=True)
            finally:
                self._sending = False
