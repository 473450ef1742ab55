"""The two deadlines of an answer: until its first event with data, and between two events with data.

Servers and proxies keep a connection alive with comments and blank lines. Those are not events with data, so they do
not postpone a deadline.
"""

import asyncio
from types import TracebackType
from typing import Self

from actors.clock import now_s
from agents.core.errors import Timeout
from agents.llm.endpoint import ProviderFailed
from agents.llm.reader import StreamReader

FIRST = "first data from the provider"
NEXT = "data from the provider"


class Silence:
    """A context manager that ends its block with ProviderFailed(Timeout) when a deadline has passed.

    The block calls heard() after it feeds a chunk to the reader. heard() sets no timer. When the running timer fires,
    the timer checks whether the deadline has passed.
    """

    __slots__ = ("_events", "_heard_s", "_idle_s", "_loop", "_overdue", "_phase", "_reader", "_timer", "_wait_s")

    def __init__(self, reader: StreamReader, *, first_s: float, idle_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = reader
        self._events = reader.events
        self._idle_s = idle_s
        self._phase, self._wait_s = FIRST, first_s
        self._heard_s = self._loop.time()
        self._overdue = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        """Note when the last event came, if the chunk brought one."""
        if self._reader.events != self._events:
            self._events = self._reader.events
            self._heard_s = self._loop.time()
            if self._phase is FIRST:
                self._phase, self._wait_s = NEXT, self._idle_s
                if self._reader.first_s is None:
                    self._reader.first_s = now_s()
                self._arm()

    def suspend(self) -> None:
        """Stop the deadlines while the sink is busy: such a silence is not the provider's."""
        self._disarm()

    def resume(self) -> None:
        self._heard_s = self._loop.time()
        self._arm()

    async def __aenter__(self) -> Self:
        await self._overdue.__aenter__()
        self._arm()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disarm()
        try:
            await self._overdue.__aexit__(kind, error, trace)
        except TimeoutError:
            raise ProviderFailed(Timeout(self._phase, self._wait_s)) from None

    def _arm(self) -> None:
        self._disarm()
        self._timer = self._loop.call_at(self._heard_s + self._wait_s, self._look)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        present_s = self._loop.time()
        if present_s < self._heard_s + self._wait_s:
            self._arm()
        else:
            self._overdue.reschedule(present_s)
