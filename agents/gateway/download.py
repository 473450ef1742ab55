"""A file that is made while it is sent: lines of JSON, as many as there are, in little memory.

One that can't be finished is broken off, so that nobody takes a part of it for the whole. Source: RFC 9112, section 8.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Protocol, Self

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from actors.log import get_logger
from agents.gateway.guard.caller import caller_in
from agents.sessions import SessionError

CHUNK_BYTES: Final = 64 * 1024

log = get_logger("understudy.gateway")


class _Revoked(Exception):
    """Who asked may read no more."""


class Connection(Protocol):
    """What our own server tells of the connection (serving.py); in another server there is none."""

    def abort(self) -> None: ...


class JsonLines(StreamingResponse):
    """filename: of characters that need no quoting."""

    media_type = "application/x-ndjson"

    def __init__(self, chunks: AsyncIterator[bytes], filename: str, write_timeout_s: float) -> None:
        super().__init__(chunks, headers={"content-disposition": f'attachment; filename="{filename}"'})
        self._write_timeout_s = write_timeout_s
        self._connection: Connection | None = None

    @classmethod
    async def of(cls, lines: AsyncIterator[bytes], filename: str, write_timeout_s: float) -> Self:
        """Begun: what keeps the first line from being read is raised here."""
        chunks = pieces(lines)
        return cls(_with(await anext(chunks, b""), chunks), filename, write_timeout_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._connection = scope.get("state", {}).get("connection")
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
            log.warning("download_broken_off", reason=str(error) or "nothing was taken for write_timeout")
            if self._connection is None:
                raise
            self._connection.abort()


async def _with(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk


async def pieces(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines together, so that few writes are made of many."""
    gathered = bytearray()
    async for line in lines:
        gathered += line
        if len(gathered) >= CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
