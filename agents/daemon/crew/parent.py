"""The parent as a node sees it: the outside of a daemon that is a node of a crew."""

import asyncio
import os
import signal
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import msgspec

from agents.daemon.crew.wire import (
    PACKET_BYTES,
    LoopEnds,
    NodeListens,
    NodePong,
    NodeRefused,
    NodeReloaded,
    ReloadRequested,
    StopRequested,
)
from agents.daemon.errors import CannotStart
from agents.node.state_files import DaemonAddress
from agents.settings import GatewaySettings
from agents.tools.worker.confine import die_with

CREDENTIALS: Final = struct.Struct("=iII")  # struct ucred: pid, uid, gid
PARENT_ENDED: Final = 1  # exit code, which nobody reads


class Parent:
    """The node's end of the socket pair. The kernel kills the node when its parent dies."""

    shares_port = True

    def __init__(self, descriptor: int) -> None:
        """Take the descriptor that the parent gave. Raises CannotStart if it is anything else."""
        try:
            self._socket = socket.socket(fileno=descriptor)
            peer = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
            pid, _, _ = CREDENTIALS.unpack(peer)
        except (OSError, OverflowError, ValueError):
            pid = None
        if pid != os.getppid():
            raise CannotStart(f"--parent: expected a socket of `understudy serve --nodes`, got descriptor {descriptor}")
        self._socket.set_inheritable(False)
        self._socket.setblocking(False)
        die_with(pid, signal.SIGKILL)

    @contextmanager
    def holding(self, settings: GatewaySettings) -> Iterator[None]:
        """Hold nothing: the parent holds the state directory and the port for all its nodes."""
        yield

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Answer pings within the block. After it, the parent knows that this node's loop ends."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._on_packet)
        try:
            yield
        finally:
            loop.remove_reader(self._socket)
            self._tell(LoopEnds())

    @asynccontextmanager
    async def listening(
        self, address: DaemonAddress, login_code: Callable[[], Awaitable[str]] | None = None
    ) -> AsyncIterator[None]:
        """Let the parent publish the address when all nodes listen. A code works at one node only, so it needs none."""
        self._tell(NodeListens(address))
        yield

    def draining(self) -> None:
        pass

    def reloading(self) -> None:
        pass

    def reloaded(self) -> None:
        self._tell(NodeReloaded())

    def reload_requested(self) -> None:
        self._tell(ReloadRequested())

    def stop_requested(self, stop: Callable[[], None]) -> None:
        """Let the parent stop all nodes, also this one."""
        self._tell(StopRequested())

    def forget_address(self) -> None:
        """Leave the address: the parent has published it."""

    def refuse(self, *lines: str) -> None:
        """Report why this node ends, in place of lines on stderr: the parent decides whether a person reads them."""
        self._tell(NodeRefused(lines))

    def _on_packet(self) -> None:
        with suppress(BlockingIOError):
            if not self._socket.recv(PACKET_BYTES):
                os._exit(PARENT_ENDED)
            self._tell(NodePong())

    def _tell(self, packet: msgspec.Struct) -> None:
        with suppress(OSError):  # the parent has ended
            self._socket.send(msgspec.json.encode(packet))
