"""The timeouts of calls that wait."""

import asyncio
from typing import Protocol


class Expiring(Protocol):
    """A caller that waits for a reply until a deadline."""

    def expire(self, timeout_s: float) -> None: ...


class Deadlines:
    """Waits of one length on one timer of the loop. They expire in the order in which they began.

    A timer for each would cost a fifth of a call. A wait that ends earlier is removed from `waiting`.
    """

    __slots__ = ("_armed", "_loop", "_timeout_s", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
        self.waiting: dict[Expiring, float] = {}
        self._loop = loop
        self._timeout_s = timeout_s
        self._armed = False

    def add(self, waiter: Expiring) -> None:
        due = self._loop.time() + self._timeout_s
        self.waiting[waiter] = due
        if not self._armed:
            self._armed = True
            self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        now = self._loop.time()
        while self.waiting:
            waiter, due = next(iter(self.waiting.items()))
            if due > now:
                self._loop.call_at(due, self._ring)
                return
            del self.waiting[waiter]
            waiter.expire(self._timeout_s)
        self._armed = False
