"""A page of another origin on the same machine, for a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.agents.llm.http.loopback import served


@asynccontextmanager
async def empty_page() -> AsyncIterator[str]:
    """Serve an empty page on a port of its own, and yield its origin."""

    async def empty(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><body></body>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    async with served(app) as address:
        yield address
