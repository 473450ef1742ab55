"""The gateway's own server: uvicorn, with what its defaults leave open closed.

What uvicorn does by itself, as read in its source: it keeps a connection whose request never ends, counts WebSockets in
no limit, trusts X-Forwarded-For of loopback, logs addresses with their query, answers pings without end to one that
reads none, waits for ever for a client that takes nothing, and wakes ten times a second to see whether it is to end.
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

from agents.gateway.errors import Refusal
from agents.gateway.guard.middleware import HEADER_BYTES
from agents.gateway.listen import check_certificate, check_listen
from agents.settings import GatewaySettings, Settings

HEADER_S: Final = 10.0  # for the whole head of a request
KEEP_ALIVE_S: Final = 5
PING_S: Final = 20.0
FRAGMENTS: Final = 1000  # of a message: empty ones add nothing to its size
SEND_BUFFER_BYTES: Final = 128 * 1024  # in the kernel, a connection; by itself it grows to megabytes
LINGER_S: Final = 30.0  # how long a client that was cut may still take what lies ready
END_S: Final = 5
FULL: Final = Refusal(503, "the gateway has as many connections as max_connections allows: come back later").body
FULL_HEAD: Final = (
    "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: application/json\r\n"
    f"content-length: {len(FULL)}\r\n\r\n"
).encode()
CUT: Final = 1013  # "try again later"


@asynccontextmanager
async def serving(app: ASGIApp, settings: Settings) -> AsyncIterator["Server"]:
    """Serve on the running loop until the block ends; then connections have END_S.

    Raises NotSafe, InvalidCertificate, and OSError if the port can't be had.
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
            await task  # raises why
        yield server
    finally:
        server.end()
        await task


def _listener(settings: GatewaySettings) -> socket.socket:
    """What is set here, every connection has, too."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    gone_ms = settings.write_timeout + int(LINGER_S * 1000)  # of a client that vanished: the kernel would try for long
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
    """port: where it listens."""

    def __init__(self, config: uvicorn.Config, port: int) -> None:
        super().__init__(config)
        self.port = port
        self.listening = asyncio.Event()
        self._ended = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._ended.set()

    def take(self, settings: Settings) -> None:
        """What of these settings is a server's holds for connections from now on. An app has its own `take`."""
        self.config.limit_concurrency = settings.gateway.max_connections
        self.config.ws_max_size = settings.gateway.max_message_bytes
        self.config.ws_per_message_deflate = settings.streaming.enable_compression

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()

    async def main_loop(self) -> None:
        """Nothing is to be done while nothing comes. The Date, which uvicorn's ticks renew, is HttpConnection's."""
        await self._ended.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the program's, which decides what ends when."""
        yield


class HttpConnection(H11Protocol):
    """scope["state"]["connection"] is this object, so that an answer may cut itself."""

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)
        self._max_connections = config.limit_concurrency or 0
        self.limit_concurrency = None  # uvicorn would count what waits for its first byte, but no WebSocket
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
        rest = [self.conn.send(h11.Data(data=last)), self.conn.send(h11.EndOfMessage())]
        self.transport.write(b"".join([piece for piece in rest if piece]))
        self.cycle.disconnected = True
        _linger(self.loop, self.transport)

    def abort(self) -> None:
        """The client sees that the answer is not whole."""
        self.cycle.disconnected = True
        self.transport.abort()

    def _await_head(self) -> None:
        """From the connection's beginning, and from the first byte of each later head; not again for each byte."""
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEADER_S, self.transport.abort)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class SocketConnection(WebSocketsSansIOProtocol):
    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)

    async def run_asgi(self) -> None:
        """An upgrade that is refused with a whole answer is done. uvicorn takes it for forgotten, and logs an error."""
        app = self.app

        async def done(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)
            self.handshake_complete |= self.close_sent

        self.app = done
        await super().run_asgi()

    def handle_ping(self) -> None:
        """Its pong lies in the protocol already. One that takes nothing gets none."""
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
        self.conn.send_text(last)
        self.conn.send_close(CUT, "slow reader")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.disconnected = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CUT})
        self.writable.set()  # who waits to write learns that it is over
        _linger(self.loop, self.transport)


def _linger(loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
    transport.close()  # once what lies there is taken
    loop.call_later(LINGER_S, transport.abort)
