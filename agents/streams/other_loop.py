"""A subscriber on another event loop, with the interface that a stream uses.

Only the thread of a process's own loop may touch the process, so the stream hands over each event. An event on its way
counts as unread, so a blocked or closed loop needs no more memory than any other slow subscriber.
"""

from typing import TypeAlias

from actors import Bound, Pid
from actors.kernel.process import DEAD, Process
from actors.system.current import running_loop, system_of
from agents.core.events import Event


class OtherLoopSubscriber:
    """A stand-in for the subscriber's Process. The stream's thread counts sent events, the other one received ones."""

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
        """The number of events that are unread or on their way."""
        return len(self._process.mailbox) + self._sent - self._came

    @property
    def phase(self) -> int:
        return DEAD if self._process.system.loop.is_closed() else self._process.phase

    def deliver(self, event: Event, sender: Pid | None) -> None:
        self._sent += 1
        system_of(self._process).hand_in(self._deliver, event, sender)

    def _deliver(self, event: Event, sender: Pid | None) -> None:
        """Deliver an event in the other loop's thread.

        The order of the two lines keeps each event in a count at all times, so a bounded mailbox can't overflow.
        """
        system_of(self._process).send(self.pid, event, sender)
        self._came += 1


Receiver: TypeAlias = Process | OtherLoopSubscriber


class Receivers:
    """The receivers of the events of one stream, each made once for a subscriber of another loop."""

    __slots__ = ("_others",)

    def __init__(self) -> None:
        self._others: dict[Pid, OtherLoopSubscriber] = {}

    def of(self, subscriber: Pid) -> Receiver | None:
        """Return the receiver of the subscriber's events; None if the subscriber has ended."""
        process = subscriber.process
        if process is None or process.system.loop is running_loop():
            return process
        if subscriber not in self._others:
            self._others[subscriber] = OtherLoopSubscriber(process)
        other = self._others[subscriber]
        return other if other.phase != DEAD else None
