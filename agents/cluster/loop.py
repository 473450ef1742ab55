"""The link of a node to itself, in memory. Its processes and its frames are those of any link."""

from asyncio import Queue
from contextlib import AsyncExitStack
from typing import Final

from aiohttp import WSCloseCode, WSMessage, WSMsgType

from actors import Pid
from agents.cluster.link.connection import start_link
from agents.cluster.link.handshake import Identity, greeting
from agents.cluster.link.link import Link

NO_NONCE: Final = b""


class _End:
    """One end of a WebSocket in memory."""

    close_code: Final = WSCloseCode.OK

    def __init__(self, received: Queue[WSMessage], sent: Queue[WSMessage]) -> None:
        self._received, self._sent = received, sent

    async def receive(self) -> WSMessage:
        return await self._received.get()

    async def send_bytes(self, data: bytes) -> None:
        self._sent.put_nowait(WSMessage(WSMsgType.BINARY, data, None))

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"") -> bool:
        self.hang_up()
        return True

    def hang_up(self) -> None:
        """Let the other end close, too."""
        self._sent.put_nowait(WSMessage(WSMsgType.CLOSED, None, None))


def loop_link(me: Identity, server: Pid, idle_s: float) -> Link:
    """Return the asking end of a new link. server: the process that gets the requests."""
    one, other = Queue[WSMessage](), Queue[WSMessage]()
    asking, _ = (_started(me, end, server, idle_s) for end in (_End(one, other), _End(other, one)))
    return asking


def _started(me: Identity, end: _End, server: Pid, idle_s: float) -> Link:
    owned = AsyncExitStack()
    owned.callback(end.hang_up)
    return start_link(greeting(me, NO_NONCE), end, owned, server, idle_s)
