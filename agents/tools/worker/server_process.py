"""The fork server as its pool sees it, from its start until its exit is known."""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping

import msgspec

from agents.tools.worker.wire import Ended, Fork, Kill, Order

BOOT = (
    "import json, os, sys; sys.path[:] = json.loads(sys.argv[3]); server = os.getpid(); "
    "from agents.tools.worker.main import main; from agents.tools.worker.fork_server import serve; "
    "main(serve(int(sys.argv[1]), int(sys.argv[2])), server)"
)
PACKET_BYTES = 4096
CLOSE_S = 2.0  # milliseconds, unless a process sits in an uninterruptible wait


class ServerProcess:
    """State: the workers that live, by number: the futures of their ends. It belongs to the loop that made it.

    When the server dies, its workers do, by the kernel's hand.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it. Raises OSError; nothing of it is left then."""
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._control, self._process = _spawned(environment)
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError:  # no descriptor left
            self._control.close()
            self._process.wait()
            raise
        self._loop.add_reader(self._control, self._on_ended)
        self._loop.add_reader(self._pidfd, self._on_exit)
        self.exited: asyncio.Future[int] = self._loop.create_future()

    def fork(self) -> tuple[int, socket.socket, "asyncio.Future[int]"]:
        """A new worker: its number, our end of its socket, and its end, with the return code. Raises OSError."""
        ours, theirs = socket.socketpair()
        number = next(self._numbers)
        try:
            with theirs:
                self._send(Fork(number), theirs.fileno())
        except OSError:
            ours.close()
            raise
        end = self._ends[number] = self._loop.create_future()
        return number, ours, end

    def kill(self, number: int) -> None:
        """SIGKILL for the worker, if it lives, and then for all that it started."""
        if number in self._ends:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end is known soon
                self._send(Kill(number))

    async def close(self) -> None:
        """End the server, and with it all workers; returns when they are gone, or cut loose after CLOSE_S."""
        if self.exited.done():
            return
        self._control.shutdown(socket.SHUT_WR)
        await asyncio.wait({self.exited}, timeout=CLOSE_S)
        self._process.kill()
        await asyncio.wait({self.exited}, timeout=CLOSE_S)

    def _send(self, order: Order, *descriptors: int) -> None:
        try:
            socket.send_fds(self._control, [msgspec.json.encode(order)], list(descriptors))
        except BlockingIOError:  # it has not read for hundreds of orders: what can't be told can't be trusted
            self._process.kill()
            raise

    def _on_ended(self) -> None:
        """Take every packet there is."""
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while body := self._control.recv(PACKET_BYTES):
                ended = msgspec.json.decode(body, type=Ended)
                self._ends.pop(ended.number).set_result(ended.returncode)
            self._loop.remove_reader(self._control)

    def _on_exit(self) -> None:
        self._on_ended()
        self._loop.remove_reader(self._control)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._control.close()
        returncode = self._process.wait()
        for end in self._ends.values():
            end.set_result(returncode)
        self._ends.clear()
        self.exited.set_result(returncode)


def _spawned(environment: Mapping[str, str]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Our end of the control socket, and the process with the other: its only descriptor above 2.

    This holds the loop up for the milliseconds of one fork and exec; a thread to do it in would be the process's
    parent in the eyes of PR_SET_PDEATHSIG, and take the workers along at its own end.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    try:
        with theirs:
            descriptor = theirs.fileno()
            command = [sys.executable, "-P", "-c", BOOT, str(descriptor), str(os.getpid()), json.dumps(sys.path)]
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                pass_fds=[descriptor],
                start_new_session=True,
                umask=0o077,
            )
    except BaseException:
        ours.close()
        raise
    return ours, process
