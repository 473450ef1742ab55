"""The opening of a link: a connection, and the handshake of either end."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
from aiohttp import ClientWebSocketResponse, WSMsgType

from actors import Pid
from agents.cluster.errors import HandshakeRefused, Unreachable
from agents.cluster.link.address import PeerNode, Protection, UnixAddress
from agents.cluster.link.connection import CLOSE_S, IDLE_S, WebSocket, start_link
from agents.cluster.link.handshake import NONCE_BYTES, Identity, accepted, confirm, dialed, greeting
from agents.cluster.link.link import Link
from agents.cluster.link.wire import MAX_FRAME, UNREADABLE, Hello, Proof, encoded, frame

PATH: Final = "/link"
OPEN_S: Final = 5.0
PING_S: Final = 10.0  # a pong must come within half of it
MAX_SIZE: Final = MAX_FRAME + 1  # aiohttp accepts shorter messages
REFUSED: Final = 4403  # the close code of a wrong handshake; 4000 and above are a program's own

M = TypeVar("M", Hello, Proof)


class _DialedWebSocket(ClientWebSocketResponse):
    """A WebSocket whose transport is known. aiohttp makes it with its writer as the second argument."""

    def __init__(self, reader: Any, writer: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(reader, writer, *args, **kwargs)
        self.transport: asyncio.WriteTransport = writer.transport


async def dial(peer: PeerNode, me: Identity, server: Pid, protection: Protection, idle_s: float = IDLE_S) -> Link:
    """Open a link to another node.

    server: the process that gets the peer's requests. Raises NotSafe, Unreachable and HandshakeRefused.
    """
    assert peer.address is not None, "a node does not dial itself"
    protection.check(peer.address)
    async with AsyncExitStack() as owned:
        try:
            async with asyncio.timeout(OPEN_S):
                websocket = await _connected(peer, protection, owned)
                hello = await _greet_listener(websocket, me, peer)
        except (aiohttp.ClientError, OSError) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else " ".join(str(error).split())
            raise Unreachable(f"{peer} at {peer.address}: {why or type(error).__name__}") from None
        except HandshakeRefused as refused:
            raise HandshakeRefused(f"{peer} at {peer.address}: {refused}") from None
        return start_link(hello, websocket, owned.pop_all(), server, idle_s)


async def _connected(peer: PeerNode, protection: Protection, owned: AsyncExitStack) -> WebSocket:
    """Return the connection. owned gets what belongs to it."""
    connector, tls, place = None, protection.client, str(peer.address)
    if isinstance(peer.address, UnixAddress):
        connector, tls, place = aiohttp.UnixConnector(str(peer.address.path)), None, "node"
    session = aiohttp.ClientSession(connector=connector, ws_response_class=_DialedWebSocket)
    await owned.enter_async_context(session)
    websocket = await session.ws_connect(
        f"{'http' if tls is None else 'https'}://{place}{PATH}",
        ssl=True if tls is None else tls,
        max_msg_size=MAX_SIZE,
        heartbeat=PING_S,
        timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
    )
    assert isinstance(websocket, _DialedWebSocket)
    owned.push_async_callback(websocket.close)
    owned.callback(websocket.transport.abort)
    return websocket


async def _greet_listener(websocket: WebSocket, me: Identity, peer: PeerNode) -> Hello:
    listener = await _received(websocket, Hello)
    mine = greeting(me, secrets.token_bytes(NONCE_BYTES))
    mine = dialed(mine, listener, me.secret, peer.epoch, peer.incarnation)
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


async def _send(websocket: WebSocket, message: Hello | Proof) -> None:
    await websocket.send_bytes(frame([encoded(message)]))


async def _received(websocket: WebSocket, kind: type[M]) -> M:
    """Return the peer's next message, which must be the only one of its frame, and of this kind."""
    received = await websocket.receive()
    match received.type:
        case WSMsgType.BINARY:
            with suppress(*UNREADABLE):
                (message,) = msgspec.msgpack.decode(received.data, type=tuple[kind])  # type: ignore[valid-type]
                return message
        case WSMsgType.CLOSE if received.data == REFUSED:
            raise HandshakeRefused(f"the peer refused: {''.join(filter(str.isprintable, received.extra or ''))}")
        case WSMsgType.CLOSE | WSMsgType.CLOSED | WSMsgType.CLOSING | WSMsgType.ERROR:
            raise Unreachable("the peer closed the connection during the handshake")
    raise HandshakeRefused(f"expected one {kind.__name__}, got something else")
