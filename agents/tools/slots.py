"""Places for calls that run. A call without a place waits in the order of arrival."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

LOOK_S: Final = 0.002  # a worker that has got its place computes or waits after about this time


class Slots:
    """State: the number of places in use, and the callers that wait.

    Up to `sure` calls get a place at once. Up to `most`, as many get one as `room` returns. While callers wait,
    `room` is asked after each pause, and not for each caller, since its answer costs a look at the workers.
    """

    def __init__(self, most: int, sure: int, room: Callable[[], int]) -> None:
        self.held = 0
        self._most, self._sure, self._room = most, min(sure, most), room
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._look: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """The number of callers that wait for a place."""
        return sum(not turn.done() for turn in self._waiting)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a place. Raises the failure that `refuse` is given."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave()  # it was given the place at the same moment
            raise
        try:
            yield
        finally:
            self._leave()

    def refuse(self, error: Exception) -> None:
        """Fail every caller that waits with this error."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)

    def _leave(self) -> None:
        self.held -= 1
        self._admit()

    def _admit(self) -> None:
        """Give places to the callers that have waited longest, so that a new caller can't take one first."""
        while self._waiting and self.held < self._sure:
            self._give()
        if self._waiting and self.held < self._most and self._look is None:
            for _ in range(min(self._room(), self._most - self.held)):
                self._give()
            if self._waiting and self.held < self._most:
                self._look = asyncio.get_running_loop().call_later(LOOK_S, self._on_look)

    def _give(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # its caller was not cancelled
                turn.set_result(None)
                self.held += 1
                return

    def _on_look(self) -> None:
        self._look = None
        self._admit()
