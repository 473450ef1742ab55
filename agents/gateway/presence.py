"""Notice when the client of an answer disconnects."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive


@asynccontextmanager
async def when_gone(receive: Receive, close: Callable[[], None]) -> AsyncIterator[None]:
    """Call close when the client disconnects within the block. The request's body must be read before the block."""
    watcher = asyncio.create_task(_watch(receive, close))
    try:
        yield
    finally:
        watcher.cancel()


async def _watch(receive: Receive, close: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    close()
