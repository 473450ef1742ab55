"""A TCP proxy between two OS processes, which plays the faults of a network.

HELD bytes are delivered after the fault, as TCP delivers what it sends again.
"""

import asyncio
from typing import Self


class Direction:
    """One direction of all connections. Bytes wait while it is held."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self._open.wait()
            data = await reader.read(65536)
            await self._open.wait()
            if not data:
                return
            writer.write(data)
            await writer.drain()


class Proxy:
    """A proxy to a port of loopback."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.forth, self.back = Direction(), Direction()
        self._refuses = False
        self._ends: set[asyncio.StreamWriter] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.reset()
        self.forth.release()
        self.back.release()
        await self._server.wait_closed()
        await self._quiet.wait()

    def silent(self) -> None:
        """Deliver nothing in either direction."""
        self.forth.hold()
        self.back.hold()

    def one_way(self) -> None:
        """Deliver what the client sends, and no answer."""
        self.back.hold()

    def reset(self) -> None:
        """Reset all connections, and each new one."""
        self._refuses = True
        for end in [*self._ends]:
            end.transport.abort()

    def heal(self) -> None:
        self._refuses = False
        self.forth.release()
        self.back.release()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            there, to = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # nobody listens there
            writer.transport.abort()
            return
        ends = {writer, to}
        self._ends |= ends
        self._quiet.clear()
        copies = [
            asyncio.create_task(self.forth.copy(reader, to)),
            asyncio.create_task(self.back.copy(there, writer)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ends -= ends
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            for end in ends:
                end.transport.abort()
            if not self._ends:
                self._quiet.set()
