"""A subscriber whose system runs on another loop, as a stream sees it: a process that takes events, and has a mailbox.

Only the thread of a process's own loop may touch the process, so each event is handed over. An event that is on its way
counts as unread: a loop that is held, or has ended, costs no more memory than any other slow subscriber.
"""

from actors import Bound, Pid
from actors.kernel.process import DEAD, Process
from actors.system.current import system_of
from agents.core.events import Event


class OtherLoopSubscriber:
    """Has what a stream uses of a Process. The stream's thread counts what it sends, the other one what has come."""

    __slots__ = ("_came", "_process", "_sent", "bound", "pid")

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid: Pid = process.pid
        self.bound: Bound | None = process.bound
        self._sent = self._came = 0

    @property
    def mailbox(self) -> "OtherLoopSubscriber":
        return self

    def __len__(self) -> int:
        """What is unread, or on its way."""
        return len(self._process.mailbox) + self._sent - self._came

    @property
    def phase(self) -> int:
        return DEAD if self._process.system.loop.is_closed() else self._process.phase

    def deliver(self, event: Event, sender: Pid | None) -> None:
        self._sent += 1
        system_of(self._process).hand_in(self._deliver, event, sender)

    def _deliver(self, event: Event, sender: Pid | None) -> None:
        """By the other loop's thread. An event is never in neither count: a bounded mailbox must not overflow."""
        system_of(self._process).send(self.pid, event, sender)
        self._came += 1
