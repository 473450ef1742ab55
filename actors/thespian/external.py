"""The address of code outside the system: a thread that tells, asks and listens."""

import queue
from datetime import timedelta
from typing import Any

from actors.kernel.pid import Pid
from actors.kernel.process import Process
from actors.kernel.thespian_private import isInternalActorSystemMessage
from actors.system.process_system import ProcessSystem

_CLOSED = object()
"""The last entry in the inbox of an external address that has ended."""


class External(Process):
    """A process whose messages wait in a queue for a thread.

    It drops Thespian's messages between actors and their system, such as ChildActorExited. It keeps PoisonMessage and
    answers to Thespian_StatusReq.
    """

    __slots__ = ("inbox",)

    def __init__(self, system: ProcessSystem) -> None:
        super().__init__(system, "external", system.root)
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def deliver(self, message: Any, sender: Pid | None) -> None:
        if not isInternalActorSystemMessage(message):
            self.inbox.put(message)

    def next(self, timeout: timedelta | float | None) -> Any:
        """Return the next message, or None after timeout (seconds) or after the end of this address."""
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        try:
            message = self.inbox.get(timeout=None if seconds is None else max(0.0, seconds))
        except queue.Empty:
            return None
        if message is _CLOSED:
            self.inbox.put(_CLOSED)
            return None
        return message

    def depart(self, reason: Any) -> None:
        super().depart(reason)
        self.inbox.put(_CLOSED)
