"""A process whose code awaits its messages: the base of Task and Mailbox."""

import asyncio
from time import monotonic
from typing import Any

from actors.kernel.errors import MailboxClosed
from actors.kernel.process import DEAD, IDLE, WAITING, Process

YIELD_S = 0.002  # the longest time that a receiver may take messages without a wait before other processes run


class Receiver(Process):
    """A process with `receive`, which waits until a message arrives.

    A receiver that never has to wait yields to other processes after a slice of messages.
    """

    __slots__ = ("_count", "_until", "_waiter")

    _waiter: asyncio.Future[None] | None

    def begin(self) -> None:
        self.phase = WAITING
        self._waiter = None
        self._count = 0
        self._until = 0.0

    def run(self) -> None:
        self.phase = WAITING
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def receive(self, timeout_s: float | None = None) -> Any:
        """Return the next message, in order of arrival.

        Raises TimeoutError if no message comes within timeout_s, and MailboxClosed if the process has ended.
        """
        self._count += 1
        self.reductions += 1
        if self.mailbox and (self._count >= self.system.slice or monotonic() >= self._until):
            await asyncio.sleep(0)
            self._count, self._until = 0, monotonic() + YIELD_S
        while not self.mailbox:  # again, if a demonitor removed the message that woke this process
            await self._wait(timeout_s)
            self._count, self._until = 0, monotonic() + YIELD_S
        return self.mailbox.popleft()[0]

    async def receive_many(self, most: int, timeout_s: float | None = None) -> list[Any]:
        """Return the next message and those that already wait after it, `most` in all at the most.

        It saves a call per message, and raises the errors of `receive`.
        """
        messages = [await self.receive(timeout_s)]
        mailbox = self.mailbox
        while mailbox and len(messages) < most:
            messages.append(mailbox.popleft()[0])
        self.reductions += len(messages) - 1
        return messages

    async def _wait(self, timeout_s: float | None) -> None:
        if self.phase == DEAD:
            raise MailboxClosed(self.pid)
        if self._waiter is not None:
            raise RuntimeError(f"expected one receiver at a time, got a second one for {self.pid}")
        loop = self.system.loop
        self._waiter = waiter = loop.create_future()
        timer = None if timeout_s is None else loop.call_later(timeout_s, _expire, waiter, timeout_s)
        self.phase = IDLE
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
            if self.phase != DEAD:
                self.phase = WAITING

    def depart(self, reason: Any) -> None:
        super().depart(reason)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(MailboxClosed(self.pid))


def _expire(waiter: asyncio.Future[None], timeout_s: float) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError(f"no message within {timeout_s:g} s"))
