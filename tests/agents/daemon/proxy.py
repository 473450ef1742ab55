"""A proxy to the daemon that cuts its first connections after a given number of bytes of their answers."""

import asyncio
from sys import maxsize
from typing import Self


class Proxy:
    def __init__(self, *cut_after_bytes: int) -> None:
        """Cut each of the first connections after its number of bytes; later connections are not cut."""
        self.target = 0
        self.cuts = 0
        self._bounds = iter(cut_after_bytes)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        asking = asyncio.create_task(_copy(reader, back))
        left = next(self._bounds, maxsize)
        try:
            while left > 0 and (data := await there.read(min(left, 65536))):
                writer.write(data)
                await writer.drain()
                left -= len(data)
            self.cuts += left == 0
        finally:
            asking.cancel()
            for end in (writer, back):
                end.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
