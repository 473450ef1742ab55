"""The process of a link: it reads frames, and writes what one turn of the event loop has made ready as one frame.

The link ends when either end closes it, when it has been idle for IDLE_S, when the peer answers no ping, and when the
peer reads too slowly. Its users continue over another link.
"""

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Final, Protocol, TypeAlias

from aiohttp import WSCloseCode, WSMessage, WSMsgType

from actors import ExitProcess, Pid, Shutdown, Task
from actors.log import get_logger
from agents.cluster.errors import Garbage
from agents.cluster.link.counts import COUNTS
from agents.cluster.link.link import Link
from agents.cluster.link.wire import Hello

IDLE_S: Final = 60.0
CLOSE_S: Final = 1.0
REASON_BYTES: Final = 120  # of a close frame
CLOSED: Final = WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED

End: TypeAlias = tuple[str, WSCloseCode | None]
"""The reason of a link's end, and the code of the close frame; None: send none, since the peer would not read it."""

log = get_logger("understudy.cluster")


class WebSocket(Protocol):
    """A WebSocket of aiohttp, of either role."""

    @property
    def close_code(self) -> int | None: ...
    async def receive(self) -> WSMessage: ...
    async def send_bytes(self, data: bytes) -> None: ...
    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"") -> bool: ...


def start_link(peer: Hello, websocket: WebSocket, owned: AsyncExitStack, server: Pid, idle_s: float) -> Link:
    """Start the process of a link after its handshake. owned: closed at the link's end."""
    link = Link(peer, server)
    link.pid = LinkProcess.start(link, websocket, owned, idle_s)
    return link


def close_reason(text: str) -> bytes:
    """Return the text as the reason of a close frame."""
    return text.encode("ascii", "replace")[:REASON_BYTES]


class LinkProcess(Task):
    """idle_s: the link ends when nothing has come for this time, and no request waits."""

    def __init__(self, link: Link, websocket: WebSocket, owned: AsyncExitStack, idle_s: float) -> None:
        self._link, self._websocket, self._owned, self._idle_s = link, websocket, owned, idle_s
        self._moved = False

    async def run(self) -> None:
        self._link.deliver = self.send
        async with self._owned:
            reason, code = await self._live()
            if code is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_S):
                        await self._websocket.close(code=code, message=close_reason(reason))
        raise ExitProcess(Shutdown(reason))

    async def _live(self) -> End:
        tasks = [asyncio.create_task(work) for work in (self._read(), self._write(), self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            self._link.end()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _read(self) -> End:
        link, websocket = self._link, self._websocket
        while True:
            message = await websocket.receive()
            self._moved = True
            if message.type in CLOSED:
                return f"the peer closed it with code {websocket.close_code}", None
            if message.type is not WSMsgType.BINARY:
                return f"the connection broke, or the peer sent {message.type.name.lower()}", None
            COUNTS.frames_in += 1
            COUNTS.bytes_in += len(message.data)
            try:
                link.receive(message.data)
            except Garbage as garbage:
                log.warning("link_refused_a_frame", peer=link.peer.name, reason=str(garbage))
                return str(garbage), WSCloseCode.UNSUPPORTED_DATA

    async def _write(self) -> End:
        link, websocket = self._link, self._websocket
        while True:
            await link.ready.wait()
            link.ready.clear()
            while (frame := link.take()) is not None:
                try:
                    await websocket.send_bytes(frame)  # waits while the socket's buffer is full
                except ConnectionError:
                    return "the connection broke", None
                COUNTS.frames_out += 1
                COUNTS.bytes_out += len(frame)

    async def _watch(self) -> End:
        """Return when nothing has come, and nothing waits, for a while."""
        while True:
            self._moved = False
            await asyncio.sleep(self._idle_s)
            if self._link.idle and not self._moved:
                return "idle", WSCloseCode.OK
