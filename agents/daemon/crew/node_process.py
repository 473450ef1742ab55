"""A node as its parent sees it: an OS process, asked again and again whether its event loop runs."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from actors.log import get_logger
from agents.daemon.crew.wire import PACKET_BYTES, LoopEnds, NodeListens, NodePing, NodePong, NodeRefused, Packet

SILENT_LOOKS: Final = 6
"""The looks in a row without an answer after which a node counts as held. A pause of the whole machine is one look."""

START_S: Final = 120.0
"""The longest start, and the longest end. A node that imports modules answers nothing."""

SERVICE_MANAGER: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""The variables by which systemd watches the parent. A node must not answer in its place."""

Reporter: TypeAlias = Callable[["NodeProcess", Packet], None]

log = get_logger("understudy.daemon")


class NodeExit(Struct, frozen=True):
    """The end of a node. code: as in subprocess. reasons: its own, if it gave any. lived_s: since its start.

    listened: whether it served clients.
    """

    pid: int
    code: int
    reasons: tuple[str, ...]
    lived_s: float
    listened: bool

    @property
    def how(self) -> str:
        return f"signal {-self.code}" if self.code < 0 else f"code {self.code}"


class NodeProcess:
    """A running node. It belongs to the loop that made it.

    listens: from its report that it serves clients until its loop ends. stale: it may have read an old configuration.
    """

    def __init__(
        self, name: str, command: Callable[[int], Sequence[str]], lease_s: float, on_packet: "Reporter"
    ) -> None:
        """Start the process. command: gets the number of the descriptor of its socket. Raises OSError."""
        self.name, self.listens, self.stale = name, False, False
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._socket, self._process = _spawned(command, os.environ)
        self._look_s, self._on_packet = lease_s / SILENT_LOOKS, on_packet
        self._silent_looks, self._listened = 0, False
        self._reasons: tuple[str, ...] = ()
        self.ended: asyncio.Future[NodeExit] = self._loop.create_future()
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError:  # no descriptor left
            self._socket.close()
            self._process.kill()
            self._process.wait()
            raise
        self._loop.add_reader(self._pidfd, self._on_exit)
        self._loop.add_reader(self._socket, self._read)
        self._ping()

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def _ping(self) -> None:
        with suppress(OSError):
            self._socket.send(msgspec.json.encode(NodePing()))
        self._timer = self._loop.call_later(self._look_s, self._look)

    def _look(self) -> None:
        """Kill the node if it was silent for too long, else ask again. The loop has read the answers before."""
        self._silent_looks += 1
        limit = SILENT_LOOKS if self.listens else max(SILENT_LOOKS, ceil(START_S / self._look_s))
        if self._silent_looks < limit:
            self._ping()
            return
        log.error("node_held", node=self.name, pid=self.pid, silent_s=round(limit * self._look_s, 1))
        self.signal(signal.SIGKILL)

    def _read(self) -> None:
        """Read and handle every packet that has arrived."""
        with suppress(BlockingIOError, ConnectionResetError):
            while packet := self._socket.recv(PACKET_BYTES):
                with suppress(msgspec.DecodeError):  # the node's version may be newer: its files may have changed
                    self._take(msgspec.json.decode(packet, type=Packet))
            self._loop.remove_reader(self._socket)

    def _take(self, packet: Packet) -> None:
        self._silent_looks = 0
        match packet:
            case NodePong():
                return
            case NodeRefused(lines):
                self._reasons = lines
            case NodeListens():
                self.listens = self._listened = True
            case LoopEnds():
                self.listens = False
        self._on_packet(self, packet)

    def _on_exit(self) -> None:
        self._read()
        self.listens = False
        self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._loop.remove_reader(self._pidfd)
        self._socket.close()
        os.close(self._pidfd)
        lived_s = self._loop.time() - self._began_s
        self.ended.set_result(NodeExit(self.pid, self._process.wait(), self._reasons, lived_s, self._listened))


def _spawned(
    command: Callable[[int], Sequence[str]], environment: Mapping[str, str]
) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Return our end of the socket pair, and the process with the other end.

    The process gets a session of its own: Ctrl-C in a terminal reaches the parent only, which passes it on once.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                command(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={name: value for name, value in environment.items() if name not in SERVICE_MANAGER},
            )
    except BaseException:
        ours.close()
        raise
    return ours, process
