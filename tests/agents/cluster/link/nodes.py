"""Nodes for tests of links: a listener with a recording server, dialers, and a peer that speaks frame by frame."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from actors import Mailbox, Pid
from agents.cluster.link.address import NodeAddress, PeerNode, Protection, TcpAddress, UnixAddress
from agents.cluster.link.connection import IDLE_S
from agents.cluster.link.handshake import NONCE_BYTES, Identity, dialed, greeting
from agents.cluster.link.link import Accepted, Link, Requested
from agents.cluster.link.opening import PATH, dial
from agents.cluster.link.server import listening
from agents.cluster.link.wire import Hello, LinkMessage, decoded, encoded, frame

SECRET = bytes(range(32))
PLAIN = Protection()
WAIT_S = 20.0


def identity(name: str, epoch: int, secret: bytes = SECRET, cluster: str = "c") -> Identity:
    return Identity(cluster, name, epoch, f"incarnation of {name}", "1", secret)


A = identity("a", 1)
B = identity("b", 2)


async def everybody_lives(_epoch: int, _incarnation: str) -> bool:
    return True


def peer_at(address: NodeAddress) -> PeerNode:
    """Return the node B as a peer that listens at this address."""
    return PeerNode(B.epoch, B.incarnation, address, B.name)


class Node:
    """The listening node B. box: the process that gets the requests of its peers."""

    def __init__(self, address: NodeAddress, box: Mailbox, protection: Protection) -> None:
        self.address, self.box, self.protection = address, box, protection

    async def dialed_by(self, me: Identity = A, server: Pid | None = None, idle_s: float = IDLE_S) -> Link:
        return await dial(peer_at(self.address), me, server or self.box.pid, self.protection, idle_s)

    async def requested(self) -> Requested:
        while isinstance(received := await self.box.receive(WAIT_S), Accepted):
            pass
        assert isinstance(received, Requested)
        return received

    @property
    def asked_nothing(self) -> bool:
        """Whether no request waits to be received."""
        return all(isinstance(message, Accepted) for message, _ in self.box.process.mailbox)


@asynccontextmanager
async def node(
    address: NodeAddress, protection: Protection = PLAIN, idle_s: float = IDLE_S, lives: Any = everybody_lives
) -> AsyncIterator[Node]:
    box = Mailbox()
    async with listening(address, B, box.pid, lives, protection, idle_s) as bound:
        yield Node(bound, box, protection)
    box.close()


def unix(folder: Path) -> UnixAddress:
    return UnixAddress(folder / "nodes" / "2.sock")


LOOPBACK = TcpAddress("127.0.0.1", 0)


class RawPeer:
    """A peer whose frames the test writes and reads."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def send(self, *messages: LinkMessage) -> None:
        await self.websocket.send_bytes(frame([encoded(each) for each in messages]))

    async def receive(self) -> list[LinkMessage]:
        """Return the messages of the next frame."""
        async with asyncio.timeout(WAIT_S):
            received = await self.websocket.receive_bytes()
        messages, dropped = decoded(received)
        assert dropped == 0
        return messages

    async def greet(self, me: Identity = A, peer: Identity = B) -> Hello:
        """Do the handshake, and return the Hello that was sent."""
        (listener,) = await self.receive()
        assert isinstance(listener, Hello)
        nonce = secrets.token_bytes(NONCE_BYTES)
        hello = dialed(greeting(me, nonce), listener, me.secret, peer.epoch, peer.incarnation)
        await self.send(hello)
        await self.receive()
        return hello

    def write(self, data: bytes) -> None:
        """Write bytes below the WebSocket protocol."""
        self._transport.write(data)

    def read_nothing(self) -> None:
        """Leave the bytes of the peer in the socket."""
        self._transport.pause_reading()

    def read_on(self) -> None:
        self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.Transport:
        connection = self.websocket._response.connection
        assert connection is not None
        assert isinstance(connection.transport, asyncio.Transport)
        return connection.transport

    async def close_code(self) -> int | None:
        """Wait until the listener closes, and return its code."""
        async with asyncio.timeout(WAIT_S):
            async for _ in self.websocket:
                pass
        return self.websocket.close_code


@asynccontextmanager
async def raw_peer(address: NodeAddress) -> AsyncIterator[RawPeer]:
    assert isinstance(address, TcpAddress)
    url, patience = f"http://{address}{PATH}", aiohttp.ClientWSTimeout(ws_close=0.1)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, max_msg_size=2**21, timeout=patience) as websocket,
    ):
        yield RawPeer(websocket)


class Cutter:
    """A proxy on loopback: it forwards a number of chunks, in both directions together, and then cuts both ends."""

    def __init__(self, to: TcpAddress, chunks: int) -> None:
        self.to, self.left = to, chunks
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[TcpAddress]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield TcpAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        finally:
            server.close()
            self._cut()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self.to.host, self.to.port)
        self._writers += [writer, far_writer]
        pairs: Sequence[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = [
            (reader, far_writer),
            (far_reader, writer),
        ]
        self._tasks += [asyncio.create_task(self._forward(*pair)) for pair in pairs]

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(2**16):
            if self.left <= 0:
                break
            self.left -= 1
            writer.write(chunk)
        self._cut()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
