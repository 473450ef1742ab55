"""The pool's end of a fork server's control socket: it sends orders and receives the ends of children."""

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from agents.core.faults import Fault
from agents.tools.errors import WorkerDied, WorkerRefused
from agents.tools.worker.state import state_of
from agents.tools.worker.wire import (
    Alive,
    BeginOrder,
    ChildEnded,
    ForkOrder,
    FunctionOrigin,
    KillOrder,
    LoadOrder,
    LoadReport,
    NotForked,
    Obeyed,
    Order,
    Packet,
    WatchOrder,
)

PACKET_BYTES = 65536
START_TIMEOUT_S = 30.0
LOOK_S = 0.5  # the pause between two looks at a server with unread orders
STOPPED_LOOKS = 2  # a server that a signal has stopped reads no order at this many looks in a row
SILENCE_S = 10.0  # a server that reads no order for so long is stuck: it obeys within milliseconds
CREDENTIALS: Final = struct.Struct("=iII")  # struct ucred: pid, uid, gid


async def in_time(started: Awaitable[None]) -> None:
    """Wait for the start of a process. Raises WorkerDied after START_TIMEOUT_S."""
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            await started
    except TimeoutError:
        raise WorkerDied(f"not ready within {START_TIMEOUT_S:g} s of its start") from None


class ForkedChild:
    """A child of a fork server.

    ours: the pool's end of its socket. ended: resolves to how it ended, when the child and all that it started are
    gone. refused: whether the kernel refused to make it.
    """

    refused = False

    def __init__(self, control: "Control", number: int, ours: socket.socket) -> None:
        self.ours = ours
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._control, self._number = control, number

    def kill(self) -> None:
        """Send SIGKILL to the child, to its process group, and to every other process that it started."""
        if not self.ended.done():
            self._control.send(KillOrder(self._number))

    def watch(self, processes: int) -> None:
        """Have the child killed as soon as it has started more processes than this."""
        self._control.send(WatchOrder(self._number, processes))


class Control:
    """State: the children that live, by number, and the count of orders that the server has not read.

    alive: resolves when the interpreter of the first fork server runs. started: resolves when a server obeys.
    kill: ends the server. It is called for a stuck server, one that is stopped by a signal or waits without end.
    server: resolves to how the server ended. The kernel then ends its children.
    """

    def __init__(self, ours: socket.socket, server: "asyncio.Future[str]", kill: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self.alive: asyncio.Future[None] = self._loop.create_future()
        self.started: asyncio.Future[None] = self._loop.create_future()
        self._socket, self._kill, self._server = ours, kill, server
        self._numbers = itertools.count(1)
        self._children: dict[int, ForkedChild] = {}
        self._loads: list[asyncio.Future[tuple[Fault, ...]]] = []
        self._unread = 1  # the server acknowledges its start like an order
        self._heard = 0  # the count of all packets that arrived
        self._pid = 0  # of the server, once a packet has arrived
        self._timer: asyncio.TimerHandle | None = None
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._loop.add_reader(ours, self._on_packets)
        server.add_done_callback(self._on_server_ended)

    def begin(self) -> None:
        """Have the first fork server load its modules now. The time until it obeys is not bounded here."""
        if not self.started.done():
            with contextlib.suppress(OSError):  # it has ended
                self._socket.send(msgspec.json.encode(BeginOrder()))
                self._unread += 1

    def fork(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> ForkedChild:
        """Fork a child that holds one end of a socket pair, and return it. Raises OSError.

        Data that arrives at the pool's end carries the pid of its sender. Raises WorkerRefused if no descriptor is
        left.
        """
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        except OSError as error:
            raise WorkerRefused(f"it got no socket: {error.strerror}") from error
        child = ForkedChild(self, next(self._numbers), ours)
        with theirs:
            try:
                self.send(ForkOrder(child._number), theirs.fileno())  # noqa: SLF001 (one noun in two classes)
            except OSError:
                ours.close()
                raise
        self._children[child._number] = child  # noqa: SLF001
        return child

    async def load(self, origin: FunctionOrigin, path: list[str]) -> tuple[Fault, ...]:
        """Have the server import the tool's module. Return its faults. Raises WorkerDied."""
        if self._server.done():
            raise WorkerDied(self._server.result())
        loaded: asyncio.Future[tuple[Fault, ...]] = self._loop.create_future()
        self._loads.append(loaded)
        self.send(LoadOrder(origin, path))
        return await loaded

    def send(self, order: Order, *descriptors: int) -> None:
        """Send an order. Raises OSError only for a ForkOrder.

        The other orders concern children that end with the server. A server with hundreds of unread orders is killed.
        """
        if self._server.done():
            if isinstance(order, ForkOrder):
                raise BrokenPipeError("the fork server has ended")
            return
        try:
            socket.send_fds(self._socket, [msgspec.json.encode(order)], list(descriptors))
        except OSError as error:
            if isinstance(error, BlockingIOError):
                self._kill()
            if isinstance(order, ForkOrder):
                raise
            return
        self._unread += 1
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_S, self._on_look, self._heard, 0)

    def close(self) -> None:
        """End the server, and with it all its children."""
        if not self._children:
            self._kill()
        elif not self._server.done():
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _on_packets(self) -> None:
        """Read and handle every packet that has arrived."""
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while (packet := self._socket.recvmsg(PACKET_BYTES, socket.CMSG_SPACE(CREDENTIALS.size)))[0]:
                body, ancillary, _, _ = packet
                self._heard += 1
                self._pid = CREDENTIALS.unpack(ancillary[0][2])[0] if ancillary else self._pid
                self._take(msgspec.json.decode(body, type=Packet))
            self._loop.remove_reader(self._socket)

    def _take(self, packet: Packet) -> None:
        match packet:
            case Alive():
                self.alive.set_result(None)
            case Obeyed():
                self._unread -= 1
                if not self.started.done():
                    self.started.set_result(None)
            case LoadReport(faults):
                loaded = self._loads.pop(0)
                if not loaded.done():
                    loaded.set_result(faults)
            case NotForked(number, how):
                self._children[number].refused = True
                self._children.pop(number).ended.set_result(how)
            case ChildEnded(number, how):
                self._children.pop(number).ended.set_result(how)

    def _on_look(self, heard: int, silent_looks: int) -> None:
        """Kill a server that was silent at many looks in a row, or at a few if a signal has stopped it.

        A pause of the whole machine or of our loop lasts for one look, and the next ones show that the server is alive.
        """
        self._timer = None
        self._on_packets()
        if self._server.done() or not self._unread:
            return
        silent = silent_looks + 1 if heard == self._heard else 0
        stopped = silent >= STOPPED_LOOKS and state_of(self._pid) == "T"
        if stopped or silent * LOOK_S >= SILENCE_S:
            self._kill()
        else:
            self._timer = self._loop.call_later(LOOK_S, self._on_look, self._heard, silent)

    def _on_server_ended(self, server: "asyncio.Future[str]") -> None:
        with contextlib.suppress(OSError):
            self._on_packets()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self._timer is not None:
            self._timer.cancel()
        how = server.result()
        for future in (self.alive, self.started):
            if not future.done():
                future.set_exception(WorkerDied(how))
                future.exception()  # possibly nothing waits for it
        for loaded in self._loads:
            if not loaded.done():
                loaded.set_exception(WorkerDied(how))
        for child in self._children.values():
            child.ended.set_result(how)
        self._children.clear()
