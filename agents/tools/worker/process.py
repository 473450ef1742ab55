"""A worker process as its pool sees it, from its start until its exit is known.

Its death is learned from its pidfd, not from its socket: a child that it left behind may hold that one open.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import cast

import msgspec

from agents.tools.errors import WorkerDied
from agents.tools.progress import Send, unwatched
from agents.tools.worker.wire import HEADER, MAX_ANSWER_BYTES, Answer, Frame, Job, Progressed, framed

START_TIMEOUT_S = 30.0
EXIT_TIMEOUT_S = (
    1.0  # for a SIGKILL to be carried out: milliseconds, unless the process sits in an uninterruptible wait
)
LOST_S = 5.0  # for the exit of a worker that has closed its socket: at its low priority it may have to wait for a core

BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from agents.tools.worker.main import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)


class WorkerProcess(asyncio.Protocol):
    """One worker, leader of its own session and process group. It is asked one job at a time.

    exited: done, with the return code as subprocess has it, once the process is gone and reaped.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        self.pid = process.pid
        self._process = process
        self._killed = False
        self._lost = False
        self._answer: asyncio.Future[Answer] | None = None
        self._on_progress: Send = unwatched
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._on_exit)

    @classmethod
    async def start(cls, environment: Mapping[str, str]) -> "WorkerProcess":
        """Start one and wait until it is ready. Raises WorkerDied or OSError; nothing of it is left then."""
        ours, process = _spawned(environment)
        try:
            worker = cls(process)
        except OSError:  # no descriptor left for its pidfd
            ours.close()
            process.kill()
            process.wait()
            raise
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                ready = worker._expect_answer()
                await worker._loop.create_unix_connection(lambda: worker, sock=ours)
                await ready
        except TimeoutError:
            await worker.killed()
            raise WorkerDied(f"not ready within {START_TIMEOUT_S:g} s of its start") from None
        except BaseException:
            await worker.killed()
            raise
        return worker

    @property
    def usable(self) -> bool:
        return not (self._killed or self._lost or self.exited.done())

    async def ask(self, job: Job, on_progress: Send = unwatched) -> Answer:
        """The worker's answer; on_progress gets what it reports before. Raises WorkerDied.

        Whoever stops waiting for it must kill the worker.
        """
        if self.exited.done():
            raise WorkerDied.of(self.exited.result())
        assert self._transport is not None
        answer = self._expect_answer()
        self._on_progress = on_progress
        self._transport.write(framed(msgspec.json.encode(job)))
        return await answer

    def kill(self) -> None:
        """SIGKILL the whole process group, at once. Its number is ours until the exit is known."""
        self._killed = True
        if not self.exited.done():
            self._signal_group()

    async def killed(self) -> None:
        """Kill it and wait until it is reaped, as long as that may reasonably take."""
        self.kill()
        await asyncio.wait({self.exited}, timeout=EXIT_TIMEOUT_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is one, and does not inherit from it

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= HEADER.size and not self._killed:
            end = HEADER.size + HEADER.unpack_from(self._received)[0]
            if end > MAX_ANSWER_BYTES:
                self._fail(f"announced an answer of {end} bytes, allowed are {MAX_ANSWER_BYTES}")
            if len(self._received) < end:
                return
            body = bytes(self._received[HEADER.size : end])
            del self._received[:end]
            self._take(body)

    def connection_lost(self, exc: Exception | None) -> None:
        """A worker without its socket is of no use. Most are about to exit, with a code of which more can be told."""
        self._lost = True
        if not self.exited.done():
            self._loop.call_later(LOST_S, self.kill)

    def _take(self, body: bytes) -> None:
        try:
            frame: Frame = msgspec.json.decode(body, type=Frame)
        except msgspec.MsgspecError:
            self._fail("sent an answer that can't be read")
            return
        if self._answer is None or self._answer.done():
            self._fail("sent an answer to no question")
        elif isinstance(frame, Progressed):
            self._on_progress(frame.data)
        else:
            self._answer.set_result(frame)

    def _fail(self, how: str) -> None:
        self._received.clear()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WorkerDied(how))
        self.kill()

    def _on_exit(self) -> None:
        """The process is a zombie now: its group still bears its number, so what it left behind can be killed."""
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._signal_group()
        returncode = self._process.wait()
        if self._transport is not None:
            self._transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WorkerDied.of(returncode))
        self.exited.set_result(returncode)

    def _signal_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _expect_answer(self) -> "asyncio.Future[Answer]":
        self._answer = self._loop.create_future()
        return self._answer


def _spawned(environment: Mapping[str, str]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Our end of the socket pair, and the process with the other: its only descriptor above 2.

    This holds the loop up for the milliseconds of one fork and exec; a thread to do it in would be the process's
    parent in the eyes of PR_SET_PDEATHSIG, and take the worker along at its own end.
    """
    ours, theirs = socket.socketpair()
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
