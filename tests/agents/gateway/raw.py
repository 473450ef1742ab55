"""A client that writes bytes: what no HTTP library would send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.agents.gateway.site import TOKEN, Site

READ_S = 60.0


class Raw:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def rest(self) -> bytes:
        """All that comes until the other side closes. A reset ends it, too."""
        found = b""
        try:
            async with asyncio.timeout(READ_S):
                while data := await self.reader.read(65536):
                    found += data
        except ConnectionResetError:
            pass
        return found

    async def status(self) -> int:
        line = await asyncio.wait_for(self.reader.readline(), READ_S)
        return int(line.split()[1])

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), READ_S)


@asynccontextmanager
async def connected(site: Site, limit_bytes: int = 2**16) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=limit_bytes)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def request(method: str, path: str, *headers: str, host: str | None = None, token: str = TOKEN) -> bytes:
    """host: with "PORT" for the site's."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or 'localhost'}", f"Authorization: Bearer {token}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
