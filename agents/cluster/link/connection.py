"""The process of a link: it reads frames, and writes what one turn of the event loop has made ready as one frame.

The link ends when either end closes it, when it has been idle for IDLE_S, when the peer answers no ping, and when the
peer reads so slowly that HIGH_WATER bytes wait. Its users continue over another link.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, web
from msgspec import Struct

from actors import ExitProcess, Shutdown, Task
from actors.log import get_logger
from agents.cluster.errors import Garbage
from agents.cluster.link.counts import COUNTS
from agents.cluster.link.link import Link
from agents.cluster.link.wire import decoded

IDLE_S: Final = 60.0
CLOSE_S: Final = 1.0
REASON_BYTES: Final = 120  # of a close frame

WebSocket: TypeAlias = ClientWebSocketResponse | web.WebSocketResponse

log = get_logger("understudy.cluster")


def close_reason(text: str) -> bytes:
    """Return the text as the reason of a close frame."""
    return text.encode("ascii", "replace")[:REASON_BYTES]


class LinkSocket(Struct, frozen=True):
    """A WebSocket after its handshake. give_back: frees the things that belong to it."""

    websocket: WebSocket
    transport: asyncio.WriteTransport
    give_back: Callable[[], Awaitable[None]]


class LinkEnd(Struct, frozen=True):
    """The end of a link. code: that of the close frame; None: send none, since the peer would not read it."""

    reason: str
    code: int | None = None


class LinkProcess(Task):
    """idle_s: the link ends after this time without any message and without any request that waits."""

    def __init__(self, link: Link, socket: LinkSocket, idle_s: float = IDLE_S) -> None:
        self._link, self._socket, self._idle_s = link, socket, idle_s
        self._moved = False

    async def run(self) -> None:
        socket, self._link.deliver = self._socket, self.send
        try:
            end = await self._live()
            if end.code is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_S):
                        await socket.websocket.close(code=end.code, message=close_reason(end.reason))
        finally:
            socket.transport.abort()
            await socket.give_back()
        raise ExitProcess(Shutdown(end.reason))

    async def _live(self) -> LinkEnd:
        tasks = [asyncio.create_task(work) for work in (self._read(), self._write(), self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            self._link.end()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _read(self) -> LinkEnd:
        link, websocket = self._link, self._socket.websocket
        async for message in websocket:
            if message.type is not WSMsgType.BINARY:
                return LinkEnd(f"the connection broke, or the peer sent {message.type.name.lower()}")
            self._moved = True
            COUNTS.frames_in += 1
            COUNTS.bytes_in += len(message.data)
            try:
                received, dropped = decoded(message.data)
                for each in received:
                    link.received(each)
            except Garbage as garbage:
                log.warning("link_refused_a_frame", peer=link.peer.name, reason=str(garbage))
                return LinkEnd(str(garbage), WSCloseCode.UNSUPPORTED_DATA)
            link.dropped += dropped
        return LinkEnd(f"the peer closed it with code {websocket.close_code}")

    async def _write(self) -> LinkEnd:
        link, websocket = self._link, self._socket.websocket
        while True:
            await link.ready.wait()
            link.ready.clear()
            while (frame := link.take()) is not None:
                try:
                    await websocket.send_bytes(frame)  # waits while the socket's buffer is full
                except ConnectionError:
                    return LinkEnd("the connection broke")
                COUNTS.frames_out += 1
                COUNTS.bytes_out += len(frame)
            self._moved = True

    async def _watch(self) -> LinkEnd:
        """Return when nothing has moved, and nothing waits, for a while."""
        while True:
            self._moved = False
            await asyncio.sleep(self._idle_s)
            if self._link.idle and not self._moved:
                return LinkEnd("idle", WSCloseCode.OK)
