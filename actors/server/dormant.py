"""The mailbox of a server that hibernates or waits for its timeout."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from actors.kernel.message_queue import Letter, MessageQueue
from actors.kernel.process import DEAD
from actors.server.messages import SystemRequest
from actors.server.outcomes import TIMEOUT, After, Hibernate

if TYPE_CHECKING:
    from actors.server.message_loop import MessageLoop


class DormantQueue(list[Letter]):
    """An empty mailbox of an eighth of a deque's size. Its first message puts the earlier queue back in its place.

    A system message leaves the timer running, and the server is dormant again after its answer. Source:
    gen_server:system_continue/3 (OTP), which starts the timeout again instead.
    """

    __slots__ = ("_process", "_queue", "_timer")

    def __init__(self, process: "MessageLoop", then: After | Hibernate) -> None:
        super().__init__()
        self._process = process
        self._queue = None if process.bound is None else process.mailbox
        self._timer: asyncio.TimerHandle | None = None
        if type(then) is After:
            self._timer = process.system.loop.call_later(then.timeout_s, self._ring)

    def append(self, letter: Letter, /) -> None:
        self._process.mailbox = queue = self.queue()
        if type(letter[0]) is not SystemRequest:
            self.wake()
        queue.append(letter)

    def appendleft(self, letter: Letter, /) -> None:
        self.append(letter)

    def popleft(self) -> Letter:
        return self.pop(0)

    def clear(self) -> None:
        self.wake()

    def queue(self) -> MessageQueue:
        """Return the queue for the next messages: the bounded one, or a new deque."""
        return deque() if self._queue is None else self._queue

    def wake(self) -> None:
        """Cancel the timeout."""
        self._process.dormant = None
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        """Deliver TIMEOUT, unless a message waits that came first.

        Such a message may wait after a system message, or in the queue of a suspended server.
        """
        process = self._process
        if process.phase != DEAD and all(type(message) is SystemRequest for message, _ in process.mailbox):
            process.deliver(TIMEOUT, None)
