"""A stream as server-sent events. Source: WHATWG HTML, "Server-sent events"; API reference, "REST API Integration".

What lies in the mailbox goes out as one write. A client that takes nothing for write_timeout is cut: the last event it
gets says so, and where to go on. So is one whose token is revoked, where it is.
"""

import asyncio
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final, Literal, Protocol

from fastapi import Query
from msgspec import Struct
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from actors.log import get_logger
from agents.contract.events import CutData
from agents.contract.wire import FAILED
from agents.core.events import Event
from agents.gateway.guard.caller import Caller, caller_in
from agents.gateway.presence import when_gone
from agents.gateway.reader import AnyReader, ReaderClosed
from agents.gateway.wire import HEARTBEAT, cut_frame, frames, frames_without_error
from agents.sessions import SessionError

HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy that collected events would be a client that is always late
]


log = get_logger("understudy.gateway")

ErrorEvent = Annotated[
    Literal["error", "failed"],
    Query(description="the name of the event that ends a failed turn; `failed` is for EventSource"),
]
"""A name for the last event of a stream, chosen by the reader of server-sent events."""

_REFUSED: Final = re.compile(r"\s*q=0(\.0*)?\s*", re.IGNORECASE)


class Connection(Protocol):
    """What our own server tells of the connection (serving.py); in another server there is none."""

    def cut(self, last: bytes) -> None:
        """End it, with this behind what was written and not taken; what is not taken within a while is dropped."""


class Pace(Struct, frozen=True):
    """heartbeat_s: between two signs of life. write_timeout_s: how long a client may take nothing. compression: where
    the client asks for it."""

    heartbeat_s: float
    write_timeout_s: float
    compression: bool = False


class EventStream(Response):
    """encode, cut: events, and the reason of a cut, as the bytes of server-sent events. head: bytes that come first."""

    def __init__(
        self,
        reader: AnyReader,
        pace: Pace,
        encode: Callable[[Sequence[Event]], bytes] = frames,
        cut: Callable[[CutData], bytes] = cut_frame,
        head: bytes = b"",
    ) -> None:
        self.status_code, self.background = 200, None
        self._reader, self._pace = reader, pace
        self._encode, self._cut_frame, self._head = encode, cut, head
        self._over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        squeeze = _Gzip() if self._pace.compression and _takes_gzip(scope) else _Plain()
        caller = caller_in(scope)
        try:
            async with when_gone(receive, self._reader.close):
                with caller.until_revoked(self._reader.close):
                    await self._write_all(send, squeeze, caller)
        except TimeoutError:
            self._cut(scope, squeeze)
        finally:
            self._reader.close()

    async def _write_all(self, send: Send, squeeze: "_Plain", caller: Caller) -> None:
        headers = [*HEADERS, *squeeze.headers, (b"x-stream-id", self._reader.stream_id.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self._head:
            await self._write(send, squeeze.some(self._head))
        try:
            async for batch in self._reader.batches(self._pace.heartbeat_s):
                await self._write(send, squeeze.some(self._encode(batch) if batch else HEARTBEAT))
        except ReaderClosed:
            if not caller.revoked:
                return  # the client has gone
            await self._write(send, squeeze.some(self._cut_frame(TOKEN_REVOKED)))
        except SessionError as error:
            log.warning("replay_broken_off", stream=self._reader.stream_id, reason=str(error))
            await self._write(send, squeeze.some(self._cut_frame(STORE_UNAVAILABLE)))
        self._over = True
        await self._write(send, squeeze.end(), more=False)

    async def _write(self, send: Send, body: bytes, *, more: bool = True) -> None:
        """A server waits with a piece until it has room for it."""
        async with asyncio.timeout(self._pace.write_timeout_s):
            await send({"type": "http.response.body", "body": body, "more_body": more})

    def _cut(self, scope: Scope, squeeze: "_Plain") -> None:
        """Without a connection of ours the server ends the answer where it is: its last id is the place, too."""
        connection: Connection | None = scope.get("state", {}).get("connection")
        if connection is not None:
            told = b"" if self._over else squeeze.some(self._cut_frame(too_slow(self._pace.write_timeout_s)))
            connection.cut(told + squeeze.end())


def frames_of(error_event: ErrorEvent) -> Callable[[Sequence[Event]], bytes]:
    """Return the encoder for a client that wants this name for the last event of a failed turn."""
    return frames_without_error if error_event == FAILED else frames


TOKEN_REVOKED: Final = CutData("token_revoked", "the token was revoked: the stream goes on without you")
STORE_UNAVAILABLE: Final = CutData("store_unavailable", "the store can't be read: come back with the last id")


def too_slow(timeout_s: float) -> CutData:
    message = f"nothing was taken for {timeout_s:g} s: come back with the last id that you have"
    return CutData("slow_reader", message)


class _Plain:
    headers: Iterable[tuple[bytes, bytes]] = ()

    def some(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""


class _Gzip(_Plain):
    """What is written can be read at once: each piece is flushed."""

    headers = ((b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"))

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(level=5, wbits=zlib.MAX_WBITS | 16)

    def some(self, data: bytes) -> bytes:
        return self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._gzip.flush()


def _takes_gzip(scope: Scope) -> bool:
    """Source: RFC 9110 section 12.5.3."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding").decode("latin-1")
    for each in accepted.split(","):
        coding, _, weight = each.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return not _REFUSED.fullmatch(weight)
    return False
