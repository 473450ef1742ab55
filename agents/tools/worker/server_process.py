"""The first fork server as its pool sees it, from its start until its exit is known. Its children are the templates."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from agents.tools.errors import WorkerDied
from agents.tools.worker.control import Control, in_time
from agents.tools.worker.wire import Alive

FIRST_ORDER_MS = 2000
"""The fork server loads its modules at its first order, at the latest after this time.

They take 0.1 s of CPU. A short program without `def` tools saves that, and a longer one has it for its own start.
"""

BOOT = (
    "import json, os, select, sys; os.write(int(sys.argv[1]), sys.argv[4].encode()); "
    "sys.path[:] = json.loads(sys.argv[3]); "
    "order = select.poll(); order.register(int(sys.argv[1]), select.POLLIN); order.poll(int(sys.argv[5])); "
    "from agents.tools.worker.fork_server import run; run(int(sys.argv[1]), int(sys.argv[2]))"
)
ALIVE: Final = msgspec.json.encode(Alive()).decode()
"""The packet that the server sends before it loads a module, so that its pool starts without that wait."""
CLOSE_S = 2.0  # milliseconds, unless a process is in an uninterruptible wait


class ForkServerProcess:
    """The first fork server. It belongs to the loop that made it. When it dies, the templates and their workers die."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start the process. Raises OSError after it has cleaned up."""
        self._loop = asyncio.get_running_loop()
        ours, self._process = _spawned(environment)
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError:  # no descriptor left
            ours.close()
            self._process.wait()
            raise
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self.control = Control(ours, self.ended, self._process.kill)
        self._loop.add_reader(self._pidfd, self._on_exit)

    @classmethod
    async def start(cls, environment: Mapping[str, str]) -> "ForkServerProcess":
        """Start the server and wait until its interpreter runs, which is long before it obeys.

        Raises WorkerDied or OSError after it has cleaned up.
        """
        server = cls(environment)
        try:
            await in_time(server.control.alive)
        except BaseException:
            await server.close()
            raise
        return server

    async def obeys(self) -> None:
        """Wait until the server has loaded what every worker needs. Raises WorkerDied; a late server is killed."""
        self.control.begin()
        try:
            await in_time(asyncio.shield(self.control.started))
        except WorkerDied:
            await self.close()
            raise

    async def close(self) -> None:
        """End the server and all that it started. After CLOSE_S the server is killed.

        Returns when they are gone, at the latest CLOSE_S after the kill.
        """
        self.control.close()
        await asyncio.wait({self.ended}, timeout=CLOSE_S)
        if not self.ended.done():
            self._process.kill()
            await asyncio.wait({self.ended}, timeout=CLOSE_S)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.ended.set_result(WorkerDied.of(self._process.wait()).how)


def _spawned(environment: Mapping[str, str]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Return our end of the control socket, and the process with the other end: its only descriptor above 2.

    This blocks the loop for the milliseconds of one fork and exec. A thread can't do it: for PR_SET_PDEATHSIG the
    thread would be the parent, and its end would kill the workers.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            descriptor = theirs.fileno()
            given = [str(descriptor), str(os.getpid()), json.dumps(sys.path), ALIVE, str(FIRST_ORDER_MS)]
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
                [sys.executable, "-P", "-c", BOOT, *given],
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
