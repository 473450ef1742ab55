"""The listener for other nodes. It is apart from the gateway, and no user's request reaches it.

A Unix socket has mode 0600 in a folder of mode 0700. A TCP socket is on loopback or has TLS; see address.py.
"""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from aiohttp import web

from actors import SHUTDOWN, Pid, ended, exit, send  # noqa: A004 (OTP's word)
from actors.log import get_logger
from agents.cluster.errors import CannotListen, HandshakeRefused, NotSafe, Unreachable
from agents.cluster.link.address import NodeAddress, Protection, TcpAddress, UnixAddress
from agents.cluster.link.connection import CLOSE_S, IDLE_S, close_reason, start_link
from agents.cluster.link.handshake import Identity, WrongHandshakes
from agents.cluster.link.link import Accepted
from agents.cluster.link.opening import MAX_SIZE, OPEN_S, PATH, PING_S, REFUSED, greet_dialer

MAX_PENDING: Final = 64  # handshakes at a time
SHUTDOWN_S: Final = 0.05  # 0 would mean no limit to aiohttp

log = get_logger("understudy.cluster")


@asynccontextmanager
async def listening(
    address: NodeAddress,
    me: Identity,
    server: Pid,
    lives: Callable[[int, str], Awaitable[bool]],
    protection: Protection,
    idle_s: float = IDLE_S,
) -> AsyncIterator[NodeAddress]:
    """Accept links until the block ends, and yield the address with the real port. The links end with the block.

    server: the process that gets each link as Accepted, and the requests of all peers. lives: whether the store has a
    living node with this epoch and incarnation. Raises NotSafe and CannotListen.
    """
    protection.check(address)
    app = web.Application()
    app.router.add_get(PATH, _Listener(me, server, lives, idle_s).handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        yield await _bound(runner, address, protection)
    finally:
        await runner.cleanup()
        if isinstance(address, UnixAddress) and address.path.is_socket():
            address.path.unlink()


class _Listener:
    def __init__(self, me: Identity, server: Pid, lives: Callable[[int, str], Awaitable[bool]], idle_s: float) -> None:
        self._me, self._server, self._lives, self._idle_s = me, server, lives, idle_s
        self._wrong = WrongHandshakes(monotonic)
        self._pending = asyncio.Semaphore(MAX_PENDING)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Open a link for a dialer, and keep its connection until the link's end."""
        client = request.remote or ""
        if self._wrong.too_many(client):
            raise web.HTTPTooManyRequests
        if self._pending.locked():
            raise web.HTTPServiceUnavailable
        websocket = web.WebSocketResponse(max_msg_size=MAX_SIZE, heartbeat=PING_S, timeout=CLOSE_S, compress=False)
        transport = request.transport
        assert transport is not None
        try:
            async with self._pending, asyncio.timeout(OPEN_S):
                await websocket.prepare(request)
                peer = await greet_dialer(websocket, self._me, self._lives)
        except HandshakeRefused as refused:
            self._wrong.count(client)
            log.warning("handshake_refused", address=client, reason=str(refused))
            await websocket.close(code=REFUSED, message=close_reason(str(refused)))
            return websocket
        except (Unreachable, OSError):  # a TimeoutError is an OSError
            transport.abort()
            return web.Response()  # nothing is sent; aiohttp can't end a WebSocket that did not begin
        owned = AsyncExitStack()
        owned.callback(transport.abort)
        link = start_link(peer, websocket, owned, self._server, self._idle_s)
        send(self._server, Accepted(link))
        try:
            await ended(link.pid)
        finally:
            exit(link.pid, SHUTDOWN)
        return websocket


async def _bound(runner: web.AppRunner, address: NodeAddress, protection: Protection) -> NodeAddress:
    """Listen, and return the address with the real port. A socket of an earlier program at a path is replaced."""
    try:
        if isinstance(address, UnixAddress):
            _make_private(address.path.parent)
            await web.UnixSite(runner, address.path).start()
            address.path.chmod(0o600)
            return address
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listener = socket.create_server((address.host, address.port), family=family)
        await web.SockSite(runner, listener, ssl_context=protection.server).start()
        return TcpAddress(address.host, listener.getsockname()[1])
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise CannotListen(f"can't listen on {address} for other nodes: {why}") from None


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.stat()
    mode = stat.S_IMODE(facts.st_mode)
    if facts.st_uid != os.geteuid() or mode & 0o077:
        raise NotSafe(f"expected a folder of this user with mode 0700, got {folder} with mode {mode:04o}")
