"""A file of JSON Lines that is made while it is sent, so a file of any size needs little memory.

If the file can't be finished, the connection is aborted, so the client sees that the file is incomplete.
Source: RFC 9112, section 8.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Self

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from actors.log import get_logger
from agents.gateway.connection import Connection, connection_of
from agents.gateway.guard.caller import caller_in
from agents.sessions import SessionError

CHUNK_BYTES: Final = 64 * 1024

log = get_logger("understudy.gateway")


class _Revoked(Exception):
    """The caller's token was revoked during the download."""


class JsonLines(StreamingResponse):
    """A download of JSON Lines. filename: without characters that need quotes."""

    media_type = "application/x-ndjson"

    def __init__(self, chunks: AsyncIterator[bytes], filename: str, write_timeout_s: float) -> None:
        super().__init__(chunks, headers={"content-disposition": f'attachment; filename="{filename}"'})
        self._write_timeout_s = write_timeout_s
        self._connection: Connection | None = None

    @classmethod
    async def of(cls, lines: AsyncIterator[bytes], filename: str, write_timeout_s: float) -> Self:
        """Return the download after reading its first piece, so an error there still gets its own status."""
        chunks = pieces(lines)
        return cls(_with(await anext(chunks, b""), chunks), filename, write_timeout_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._connection = connection_of(scope)
        caller = caller_in(scope)

        async def in_time(message: Message) -> None:
            if caller.revoked:
                raise _Revoked("the token was revoked")
            async with asyncio.timeout(self._write_timeout_s):
                await send(message)

        await super().__call__(scope, receive, in_time)

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except (TimeoutError, SessionError, _Revoked) as error:
            log.warning("download_broken_off", reason=str(error) or "the client read nothing for write_timeout")
            if self._connection is None:
                raise
            self._connection.abort()


async def _with(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk


async def pieces(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the lines joined into pieces of about CHUNK_BYTES, so that many lines need few writes."""
    gathered = bytearray()
    async for line in lines:
        gathered += line
        if len(gathered) >= CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
