"""The gateway's own server: uvicorn with stricter limits.

uvicorn's source shows these defaults, which this module changes:
- A connection whose request never ends stays open, and WebSockets count toward no limit.
- X-Forwarded-For is trusted from loopback, and the log has addresses with their query.
- Every ping gets a pong, even if the client reads none. A write to a client that reads nothing waits without limit.
- The main loop wakes ten times a second.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.utils import formatdate
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from agents.gateway.connection import TRY_AGAIN_LATER
from agents.gateway.errors import Refusal
from agents.gateway.guard.middleware import HEADER_BYTES
from agents.gateway.listen import check_certificate, check_listen
from agents.settings import GatewaySettings, Settings

HEADER_S: Final = 10.0  # for the whole head of a request
KEEP_ALIVE_S: Final = 5
PING_S: Final = 20.0
FRAGMENTS: Final = 1000  # per message, since empty fragments add nothing to its size
SEND_BUFFER_BYTES: Final = 128 * 1024  # per connection in the kernel, which would otherwise use megabytes
LINGER_S: Final = 30.0  # time in which a cut client can still read what was written
END_S: Final = 5
FULL: Final = Refusal(503, "the gateway has max_connections connections: retry later").body
FULL_HEAD: Final = (
    "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: application/json\r\n"
    f"content-length: {len(FULL)}\r\n\r\n"
).encode()


@asynccontextmanager
async def serving(app: ASGIApp, settings: Settings) -> AsyncIterator["Server"]:
    """Serve on the running loop until the block ends. Open connections then get END_S to finish.

    Raises NotSafe, InvalidCertificate, and OSError if the port is unavailable.
    """
    check_listen(settings.gateway)
    check_certificate(settings.gateway)
    config = _config(app, settings.gateway, compression=settings.streaming.enable_compression)
    listener = _listener(settings.gateway)
    server = Server(config, listener.getsockname()[1])
    task = asyncio.create_task(server.serve([listener]))
    try:
        await server.listening.wait()
        if not server.started:
            await task  # raises the reason
        yield server
    finally:
        server.end()
        await task


def _listener(settings: GatewaySettings) -> socket.socket:
    """Return the listening socket. Its connections inherit its options."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    # asyncio sets this only on sockets that name their protocol. Without it an event can wait 40 ms for the
    # acknowledgement of the event before it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The kernel would resend data to a vanished client for many minutes.
    gone_ms = settings.write_timeout + int(LINGER_S * 1000)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, gone_ms)
    return listener


def _config(app: ASGIApp, settings: GatewaySettings, *, compression: bool) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=HttpConnection,
        ws=SocketConnection,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=END_S,
        h11_max_incomplete_event_size=HEADER_BYTES,
        ws_max_size=settings.max_message_bytes,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=compression,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


class Server(uvicorn.Server):
    """The running server. port: the port on which it listens."""

    def __init__(self, config: uvicorn.Config, port: int) -> None:
        super().__init__(config)
        self.port = port
        self.listening = asyncio.Event()
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Begin to stop."""
        self.should_exit = True
        self._ended.set()

    def take(self, settings: Settings) -> None:
        """Apply the server's part of the settings to later connections. `Gateway.take` applies the app's part."""
        self.config.limit_concurrency = settings.gateway.max_connections
        self.config.ws_max_size = settings.gateway.max_message_bytes
        self.config.ws_per_message_deflate = settings.streaming.enable_compression

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()

    async def main_loop(self) -> None:
        """Wait for the end without uvicorn's ticks. HttpConnection renews the Date header instead."""
        await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as uvicorn does, then reset the connections that it leaves open, as one that came during the stop."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # the loop closes them in its next round

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program, which decides the order of its shutdown."""
        yield


class HttpConnection(H11Protocol):
    """An HTTP connection. scope["state"]["connection"] is this object, so an answer can cut its own connection."""

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)
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
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)

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


def _linger(loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
    transport.close()  # after the client has read what was written
    loop.call_later(LINGER_S, transport.abort)
