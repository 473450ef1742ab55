"""The gateway's own server: uvicorn with stricter limits.

uvicorn's source shows these defaults, which this module and server_connections.py change:
- A connection whose request never ends stays open, and WebSockets count toward no limit.
- X-Forwarded-For is trusted from loopback, and the log has addresses with their query.
- Every ping gets a pong, even if the client reads none. A write to a client that reads nothing waits without limit.
- The main loop wakes ten times a second.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from agents.gateway.guard.middleware import HEADER_BYTES
from agents.gateway.listen import check_certificate, check_listen
from agents.gateway.server_connections import LINGER_S, HttpConnection, SocketConnection
from agents.settings import GatewaySettings, Settings

KEEP_ALIVE_S: Final = 5
PING_S: Final = 20.0
SEND_BUFFER_BYTES: Final = 128 * 1024  # per connection in the kernel, which would otherwise use megabytes
END_S: Final = 5


@asynccontextmanager
async def serving(app: ASGIApp, settings: Settings, *, shares_port: bool = False) -> AsyncIterator["Server"]:
    """Serve on the running loop until the block ends. Open connections then get END_S to finish.

    shares_port: other OS processes of this user may listen on the port, too. The kernel gives each connection to one.
    Raises NotSafe, InvalidCertificate, and OSError if the port is unavailable.
    """
    check_listen(settings.gateway)
    check_certificate(settings.gateway)
    config = _config(app, settings.gateway, compression=settings.streaming.enable_compression)
    listener = _listener(settings.gateway, shares_port=shares_port)
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


def _listener(settings: GatewaySettings, *, shares_port: bool) -> socket.socket:
    """Return the listening socket. Its connections inherit its options."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, reuse_port=shares_port)
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
