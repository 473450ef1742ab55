"""A stream as server-sent events. Source: WHATWG HTML, "Server-sent events"; API reference, "REST API Integration".

All events that wait in the mailbox are one write. A client that reads nothing for write_timeout is cut: its last event
gives the reason. A client whose token is revoked is cut in the same way.
"""

import asyncio
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final, Literal

from fastapi import Query
from msgspec import Struct
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from actors.log import get_logger
from agents.contract.events import CutData
from agents.contract.wire import FAILED
from agents.core.events import Event
from agents.gateway.connection import connection_of, direct_of
from agents.gateway.guard.caller import Caller, caller_in
from agents.gateway.presence import when_gone
from agents.gateway.reader import AnyReader, ReaderClosed, ReaderMoved, Writer
from agents.gateway.wire import HEARTBEAT, cut_frame, frames, frames_without_error
from agents.sessions import SessionError

HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy must not buffer events
]


log = get_logger("understudy.gateway")

ErrorEvent = Annotated[
    Literal["error", "failed"],
    Query(description="the name of the event that ends a failed turn; `failed` is for EventSource"),
]
"""The name of the event that ends a failed turn, as the client chooses."""

_REFUSED: Final = re.compile(r"\s*q=0(\.0*)?\s*", re.IGNORECASE)


class Delivery(Struct, frozen=True):
    """The settings by which events are sent.

    heartbeat_s: the longest pause without a write. write_timeout_s: the longest time in which a client reads nothing.
    compression: whether clients that accept gzip get it.
    """

    heartbeat_s: float
    write_timeout_s: float
    compression: bool = False


class EventStream(Response):
    """The answer that sends a stream.

    encode, cut: encoders of events, and of the reason of a cut. head: bytes that are sent first. headers: more of them.
    """

    def __init__(
        self,
        reader: AnyReader,
        delivery: Delivery,
        encode: Callable[[Sequence[Event]], bytes] = frames,
        cut: Callable[[CutData], bytes] = cut_frame,
        head: bytes = b"",
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        self.status_code, self.background = 200, None
        self._reader, self._delivery = reader, delivery
        self._encode, self._cut_frame, self._head = encode, cut, head
        self._over, self._unsent, self._more = False, b"", headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        squeeze = _Gzip() if self._delivery.compression and _takes_gzip(scope) else _Plain()
        caller = caller_in(scope)
        try:
            async with when_gone(receive, self._reader.close):
                with caller.until_revoked(self._reader.close):
                    await self._write_all(send, squeeze, caller, self._writer(scope, squeeze))
        except TimeoutError:
            self._cut(scope, squeeze)
        finally:
            self._reader.close()

    def _writer(self, scope: Scope, squeeze: "_Plain") -> Writer | None:
        """Return the writer past `send`; None for a compressed answer, and on another server."""
        direct = direct_of(scope) if type(squeeze) is _Plain else None
        return None if direct is None else Writer(direct, lambda events: (self._encode(events),))

    async def _write_all(self, send: Send, squeeze: "_Plain", caller: Caller, writer: Writer | None) -> None:
        own = (*squeeze.headers, *self._more)
        headers = [*HEADERS, *own, (b"x-stream-id", self._reader.stream_id.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self._head:
            await self._write(send, squeeze.some(self._head))
        try:
            async for batch in self._reader.batches(self._delivery.heartbeat_s, writer):
                await self._write(send, squeeze.some(self._encode(batch) if batch else HEARTBEAT))
        except ReaderClosed:
            if not caller.revoked:
                return  # the client has gone
            await self._write(send, squeeze.some(self._cut_frame(TOKEN_REVOKED)))
        except ReaderMoved:
            await self._write(send, squeeze.some(self._cut_frame(MOVED)))
        except SessionError as error:
            log.warning("replay_broken_off", stream=self._reader.stream_id, reason=str(error))
            await self._write(send, squeeze.some(self._cut_frame(STORE_UNAVAILABLE)))
        self._over = True
        await self._write(send, squeeze.end(), more=False)

    async def _write(self, send: Send, body: bytes, *, more: bool = True) -> None:
        """Send a piece. The server waits until its buffer has room, and only then writes the piece."""
        self._unsent = body
        async with asyncio.timeout(self._delivery.write_timeout_s):
            await send({"type": "http.response.body", "body": body, "more_body": more})
        self._unsent = b""

    def _cut(self, scope: Scope, squeeze: "_Plain") -> None:
        """Send the unsent piece and the reason, and close the connection. Another server only ends the answer.

        A compressed piece must not be left out, because the pieces after it refer to it.
        """
        connection = connection_of(scope)
        if connection is not None:
            reason = self._cut_frame(too_slow(self._delivery.write_timeout_s))
            connection.cut(self._unsent + (b"" if self._over else squeeze.some(reason) + squeeze.end()))


def frames_of(error_event: ErrorEvent) -> Callable[[Sequence[Event]], bytes]:
    """Return the encoder for a client that wants this name for the last event of a failed turn."""
    return frames_without_error if error_event == FAILED else frames


TOKEN_REVOKED: Final = CutData("token_revoked", "the token was revoked; the stream continues without this client")
STORE_UNAVAILABLE: Final = CutData("store_unavailable", "the store is unavailable: reconnect with the last event id")

MOVED: Final = CutData("moved", "the stream goes on at another node: reconnect with the last event id")


def too_slow(timeout_s: float) -> CutData:
    message = f"the client read nothing for {timeout_s:g} s: reconnect with the last event id"
    return CutData("slow_reader", message)


class _Plain:
    headers: Iterable[tuple[bytes, bytes]] = ()

    def some(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""


class _Gzip(_Plain):
    """A gzip encoder that flushes each piece, so that the client can read the piece at once."""

    headers = ((b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"))

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(level=5, wbits=zlib.MAX_WBITS | 16)

    def some(self, data: bytes) -> bytes:
        return self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._gzip.flush()


def _takes_gzip(scope: Scope) -> bool:
    """Return whether the client accepts gzip. Source: RFC 9110 section 12.5.3."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding").decode("latin-1")
    for each in accepted.split(","):
        coding, _, weight = each.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return not _REFUSED.fullmatch(weight)
    return False
