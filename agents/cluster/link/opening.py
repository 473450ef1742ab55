"""The opening of a link: a connection, the handshake of either end, and the process of the link."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType

from actors import Pid
from agents.cluster.errors import Garbage, HandshakeRefused, Unreachable
from agents.cluster.link.address import NodeAddress, Protection, UnixAddress
from agents.cluster.link.connection import CLOSE_S, IDLE_S, LinkProcess, LinkSocket, WebSocket
from agents.cluster.link.handshake import NONCE_BYTES, Identity, accepted, confirm, dialed, greeting
from agents.cluster.link.link import Link
from agents.cluster.link.wire import MAX_FRAME, Hello, LinkMessage, Proof, decoded, encoded, frame

PATH: Final = "/link"
OPEN_S: Final = 5.0
PING_S: Final = 10.0  # a pong must come within half of it
MAX_SIZE: Final = MAX_FRAME + 1  # aiohttp accepts shorter messages
REFUSED: Final = 4403  # the close code of a wrong handshake; 4000 and above are a program's own

M = TypeVar("M", bound=LinkMessage)


class _DialedWebSocket(ClientWebSocketResponse):
    """A WebSocket whose transport is known. aiohttp makes it with its writer as the second argument."""

    def __init__(self, reader: Any, writer: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(reader, writer, *args, **kwargs)
        self.transport: asyncio.WriteTransport = writer.transport


async def dial(
    address: NodeAddress,
    peer: tuple[int, str, str],
    me: Identity,
    server: Pid,
    protection: Protection,
    idle_s: float = IDLE_S,
) -> Link:
    """Open a link to a node. peer: its epoch, its incarnation, and its name for errors.

    server: the process that gets the peer's requests. Raises NotSafe, Unreachable and HandshakeRefused.
    """
    protection.check(address)
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(OPEN_S):
                websocket = await _connected(address, protection, stack)
                hello = await _greet_listener(websocket, me, peer[:2])
        except (aiohttp.ClientError, OSError) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else " ".join(str(error).split())
            raise Unreachable(f"{peer[2]} at {address}: {why or type(error).__name__}") from None
        except HandshakeRefused as refused:
            raise HandshakeRefused(f"{peer[2]} at {address}: {refused}") from None
        return start_link(hello, LinkSocket(websocket, websocket.transport, stack.pop_all().aclose), server, idle_s)


async def _connected(address: NodeAddress, protection: Protection, stack: AsyncExitStack) -> _DialedWebSocket:
    unix = isinstance(address, UnixAddress)
    connector = aiohttp.UnixConnector(str(address.path)) if isinstance(address, UnixAddress) else aiohttp.TCPConnector()
    session = aiohttp.ClientSession(connector=connector, ws_response_class=_DialedWebSocket)
    await stack.enter_async_context(session)
    tls = None if unix else protection.client
    place = "node" if unix else str(address)
    websocket = await session.ws_connect(
        f"{'http' if tls is None else 'https'}://{place}{PATH}",
        ssl=True if tls is None else tls,
        max_msg_size=MAX_SIZE,
        heartbeat=PING_S,
        timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
    )
    assert isinstance(websocket, _DialedWebSocket)
    stack.push_async_callback(websocket.close)
    return websocket


def start_link(peer: Hello, socket: LinkSocket, server: Pid, idle_s: float) -> Link:
    link = Link(peer, server)
    link.pid = LinkProcess.start(link, socket, idle_s)
    return link


async def _greet_listener(websocket: WebSocket, me: Identity, peer: tuple[int, str]) -> Hello:
    listener = await _received(websocket, Hello)
    mine = dialed(greeting(me, secrets.token_bytes(NONCE_BYTES)), listener, me.secret, *peer)
    await _send(websocket, mine)
    confirm(mine, listener, await _received(websocket, Proof), me.secret)
    return listener


async def greet_dialer(websocket: WebSocket, me: Identity, lives: Callable[[int, str], Awaitable[bool]]) -> Hello:
    """Return the dialer's Hello. Raises HandshakeRefused and Unreachable.

    lives: whether the store has a living node with this epoch and incarnation.
    """
    mine = greeting(me, secrets.token_bytes(NONCE_BYTES))
    await _send(websocket, mine)
    dialer = await _received(websocket, Hello)
    proof = accepted(mine, dialer, me.secret)
    if not await lives(dialer.epoch, dialer.incarnation):
        raise HandshakeRefused(f"expected a living node, got that of epoch {dialer.epoch}")
    await _send(websocket, proof)
    return dialer


async def _send(websocket: WebSocket, message: LinkMessage) -> None:
    await websocket.send_bytes(frame([encoded(message)]))


async def _received(websocket: WebSocket, kind: type[M]) -> M:
    """Return the peer's next message, which must be of this kind."""
    message = await websocket.receive()
    if message.type is WSMsgType.CLOSE and message.data == REFUSED:
        raise HandshakeRefused(f"the peer refused: {''.join(filter(str.isprintable, message.extra or ''))}")
    if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
        raise Unreachable("the peer closed the connection during the handshake")
    try:
        received, _ = decoded(message.data) if message.type is WSMsgType.BINARY else ([], 0)
    except Garbage as garbage:
        raise HandshakeRefused(str(garbage)) from None
    match received:
        case [only] if isinstance(only, kind):
            return only
    raise HandshakeRefused(f"expected one {kind.__name__}, got something else")
