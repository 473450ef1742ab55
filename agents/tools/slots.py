"""Places for calls to run in: up to a number at once, the others wait in the order in which they came."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """State: how many places are free, and the callers that wait. Never both."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a place. Raises what `refuse` is given."""
        if self._free:
            self._free -= 1
        else:
            await self._turn()
        try:
            yield
        finally:
            self._pass_on()

    def refuse(self, error: Exception) -> None:
        """Have everyone that waits fail with this."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # handed over in the same moment
            raise

    def _pass_on(self) -> None:
        """Hand the place to the caller that waits longest: so no newcomer steps in between."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
