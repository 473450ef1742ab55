"""The connections of the gateway's own server, with stricter limits than uvicorn's."""

import asyncio
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from agents.gateway.connection import CONNECTION, TRY_AGAIN_LATER
from agents.gateway.errors import RETRY_S, retry_later

HEADER_S: Final = 10.0  # for the whole head of a request
FRAGMENTS: Final = 1000  # per message, since empty fragments add nothing to its size
LINGER_S: Final = 30.0  # time in which a cut client can still read what was written
FULL: Final = retry_later("the gateway has max_connections connections: retry later").body
FULL_HEAD: Final = (
    "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: application/json\r\n"
    f"content-length: {len(FULL)}\r\nretry-after: {RETRY_S}\r\n\r\n"
).encode()


class HttpConnection(H11Protocol):
    """An HTTP connection. It is in the state of its requests' scopes, so an answer can cut its own connection."""

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, CONNECTION: self}, _loop)
        self._max_connections = config.limit_concurrency or 0
        self.limit_concurrency = None  # uvicorn's own count includes idle connections, but no WebSocket
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            transport.write(FULL_HEAD + FULL)
            transport.close()
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._await_head()
        else:
            self._head_came()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def cut(self, last: bytes) -> None:
        """End the answer with last, and close the connection."""
        rest = [self.conn.send(h11.Data(data=last)), self.conn.send(h11.EndOfMessage())]
        self.transport.write(b"".join([piece for piece in rest if piece]))
        self.cycle.disconnected = True
        _linger(self.loop, self.transport)

    def direct(self, send: Any) -> "DirectBody | None":
        cycle = self.cycle
        return DirectBody(cycle) if send == cycle.send and cycle.scope["method"] != "HEAD" else None

    def abort(self) -> None:
        """Reset the connection, so that the client sees an incomplete answer."""
        self.cycle.disconnected = True
        self.transport.abort()

    def _await_head(self) -> None:
        """Start the timer of a request's head, at the connection's start or at the first byte of a later head."""
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEADER_S, self.transport.abort)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class SocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket connection with limits on pings and fragments."""

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, CONNECTION: self}, _loop)
        self.queue = ReceivedMessages()  # type: ignore[assignment]

    async def run_asgi(self) -> None:
        """Run the app, and mark an upgrade that was refused with a whole answer as complete.

        uvicorn would log an error for such an upgrade.
        """
        app = self.app

        async def done(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)
            self.handshake_complete |= self.close_sent

        self.app = done
        await super().run_asgi()

    def handle_ping(self) -> None:
        """Send the pong that the protocol has prepared. Drop the pong if the client reads nothing."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS:
            self.conn.fail(1009, "too many fragments")
            self.handle_parser_exception()
        else:
            super().handle_cont(event)

    def cut(self, last: bytes) -> None:
        """Send last and a close frame, and end the connection."""
        self.conn.send_text(last)
        self.conn.send_close(TRY_AGAIN_LATER, "slow reader")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.disconnected = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TRY_AGAIN_LATER})
        self.writable.set()  # wakes the tasks that wait to write
        _linger(self.loop, self.transport)

    def abort(self) -> None:
        self.disconnected = True
        self.transport.abort()

    def direct(self, send: Any) -> "DirectMessages | None":
        return DirectMessages(self) if send == self.send and not self.conn.extensions else None


class ReceivedMessages:
    """The messages of a socket that its app has not received.

    An asyncio.Queue would hold 3 KiB for each idle socket.
    """

    __slots__ = ("_messages", "_waiter")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._waiter: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self._messages

    def put_nowait(self, message: Any) -> None:
        self._messages.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Any:
        """Return the next message. Only one task may wait at a time."""
        while not self._messages:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._messages.pop(0)


class DirectBody:
    """The body of one answer. It stays that of this answer when the connection serves the next request."""

    __slots__ = ("_chunked", "_cycle")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle, self._chunked = cycle, False

    def writable(self) -> bool:
        cycle = self._cycle
        return (
            cycle.response_started
            and not (cycle.response_complete or cycle.disconnected or cycle.flow.write_paused)
            and not cycle.transport.is_closing()
        )

    def write(self, pieces: Iterable[bytes]) -> None:
        """Write the pieces as one chunk. The first chunk goes through h11, and shows whether the body is chunked.

        A chunk leaves h11's state as it was, so the later chunks need not pass it. A body that is not chunked does.
        """
        if not (body := b"".join(pieces)):
            return  # an empty chunk would end the body
        chunk = b"%x\r\n%b\r\n" % (len(body), body)
        if not self._chunked:
            framed = self._cycle.conn.send(h11.Data(data=body)) or b""
            self._chunked = framed == chunk
            chunk = framed
        self._cycle.transport.write(chunk)


class DirectMessages:
    """The text messages of a WebSocket without compression. A frame leaves the state of websockets as it was."""

    __slots__ = ("_connection",)

    def __init__(self, connection: SocketConnection) -> None:
        self._connection = connection

    def writable(self) -> bool:
        connection = self._connection
        return (
            connection.conn.state is State.OPEN
            and connection.handshake_complete
            and connection.writable.is_set()
            and not (connection.close_sent or connection.disconnected or connection.transport.is_closing())
        )

    def write(self, pieces: Iterable[bytes]) -> None:
        self._connection.transport.write(b"".join(map(_text_frame, pieces)))


def _text_frame(text: bytes) -> bytes:
    """Return a whole text message as an unmasked frame. Source: RFC 6455, section 5.2."""
    size = len(text)
    if size < 126:
        return b"\x81%c%b" % (size, text)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), text)


def _linger(loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
    transport.close()  # after the client has read what was written
    loop.call_later(LINGER_S, transport.abort)
