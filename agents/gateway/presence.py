"""Whether the client of an answer is still there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive


@asynccontextmanager
async def when_gone(receive: Receive, close: Callable[[], None]) -> AsyncIterator[None]:
    """Within the block, call close as soon as the client has gone. The request's body has to be read by then."""
    watcher = asyncio.create_task(_watch(receive, close))
    try:
        yield
    finally:
        watcher.cancel()


async def _watch(receive: Receive, close: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    close()
