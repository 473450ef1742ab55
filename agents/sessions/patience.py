"""The store's grace: when a failed write is tried again, and when the failure is final.

The grace begins with the first write that failed. A successful write ends it.
"""

import asyncio
from typing import Final

from actors.log import get_logger
from agents.sessions.errors import WriteFailed

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 1.0

log = get_logger("understudy.sessions")


class Patience:
    """The state of the grace. failure: of the last write, or None if it succeeded."""

    def __init__(self, grace_s: float) -> None:
        self.failure: WriteFailed | None = None
        self._grace_s = grace_s
        self._loop = asyncio.get_running_loop()
        self._since_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._ended = asyncio.Event()

    @property
    def lasts(self) -> bool:
        """Return True if a write that fails now is retried before the failure is reported."""
        since_s = self._loop.time() if self.failure is None else self._since_s
        return not self._ended.is_set() and self._loop.time() - since_s < self._grace_s

    def failed(self, failure: WriteFailed, began_s: float) -> None:
        """Note a failed write. began_s: when the write began."""
        if self.failure is None:
            self._since_s, self._pause_s = began_s, FIRST_PAUSE_S
            log.warning("store_failed", reason=str(failure), grace_s=self._grace_s)
        self.failure = failure

    def succeeded(self) -> None:
        if self.failure is not None:
            log.info("store_works_again", after_s=round(self._loop.time() - self._since_s, 3))
            self.failure = None

    def end(self) -> None:
        """End the grace, because the program ends. Each later failure is final at once."""
        self._ended.set()

    async def pause(self) -> None:
        try:
            async with asyncio.timeout(self._pause_s):
                await self._ended.wait()
        except TimeoutError:
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
