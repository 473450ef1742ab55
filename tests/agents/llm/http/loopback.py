"""Servers on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


@asynccontextmanager
async def served(application: web.Application, **options: Any) -> AsyncIterator[str]:
    """Serve an application on a port of its own within the block. Yield the address. options: of its runner."""
    runner = web.AppRunner(application, access_log=None, **options)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answered_by(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], **options: Any
) -> AsyncIterator[str]:
    """Answer every method and path by the handler within the block. Yield the address."""
    application = web.Application()
    application.router.add_route("*", "/{any:.*}", answer)
    async with served(application, **options) as address:
        yield address
