"""Places for calls that run. If there is no room, a call waits in the order of arrival."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

FIRST_LOOK_S: Final = 0.002  # a worker that has got its place computes or waits after about this time
LONGEST_LOOK_S: Final = 0.064  # the pause doubles up to this while the machine is busy


class Slots:
    """State: the number of places in use, and the callers that wait.

    Up to `sure` calls get a place at once, up to `most` while the machine is not busy. busy: asked before each such
    place. While callers wait for the machine, it is asked again after short pauses.
    """

    def __init__(self, most: int, sure: int, busy: Callable[[], bool]) -> None:
        self.held = 0
        self._most, self._sure, self._busy = most, min(sure, most), busy
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pause_s = FIRST_LOOK_S
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
        while self._waiting:
            if self._waiting[0].done():  # its caller was cancelled
                self._waiting.popleft()
            elif self.held < self._sure or (self.held < self._most and not self._busy()):
                self._waiting.popleft().set_result(None)
                self.held += 1
                self._pause_s = FIRST_LOOK_S
            else:
                self._look_again()
                return

    def _look_again(self) -> None:
        """Ask again later whether the machine is busy. At `most`, only the end of a call makes room."""
        if self._look is None and self.held < self._most:
            self._look = asyncio.get_running_loop().call_later(self._pause_s, self._on_look)

    def _on_look(self) -> None:
        self._look = None
        self._pause_s = min(2 * self._pause_s, LONGEST_LOOK_S)
        self._admit()
