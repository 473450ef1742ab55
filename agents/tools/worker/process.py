"""A worker process as its pool sees it, from its start until its exit is known.

Its death is told by the fork server, not by its socket: a child that it left behind may hold that one open.
"""

import asyncio
import socket
from typing import cast

import msgspec

from agents.tools.errors import WorkerDied
from agents.tools.progress import Send, unwatched
from agents.tools.worker.server_process import ServerProcess
from agents.tools.worker.wire import HEADER, MAX_ANSWER_BYTES, Answer, Frame, Job, Progressed, Ready, framed

START_TIMEOUT_S = 30.0
EXIT_TIMEOUT_S = (
    1.5  # for a SIGKILL to be carried out: milliseconds, unless the process sits in an uninterruptible wait
)
LOST_S = 5.0  # for the exit of a worker that has closed its socket: at its low priority it may have to wait for a core


class WorkerProcess(asyncio.Protocol):
    """One worker, leader of its own session and process group. It is asked one job at a time.

    pid: once it is started. exited: done, with the return code as subprocess has it, once the process is gone and
    reaped, with all that it started.
    """

    def __init__(self, server: ServerProcess, number: int, exited: "asyncio.Future[int]") -> None:
        self._loop = asyncio.get_running_loop()
        self.exited = exited
        self.pid = 0
        self._server, self._number = server, number
        self._killed = False
        self._lost = False
        self._answer: asyncio.Future[Answer] | None = None
        self._on_progress: Send = unwatched
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        exited.add_done_callback(self._on_exit)

    @classmethod
    async def start(cls, server: ServerProcess) -> "WorkerProcess":
        """Start one and wait until it is ready. Raises WorkerDied or OSError; nothing of it is left then."""
        number, ours, exited = server.fork()
        worker = cls(server, number, exited)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await worker._greeted(ours)
        except TimeoutError:
            await worker.killed()
            raise WorkerDied(f"not ready within {START_TIMEOUT_S:g} s of its start") from None
        except BaseException:
            await worker.killed()
            raise
        return worker

    async def _greeted(self, ours: socket.socket) -> None:
        greeting = self._expect_answer()
        await self._loop.create_unix_connection(lambda: self, sock=ours)
        ready = await greeting
        assert isinstance(ready, Ready)
        self.pid = ready.pid

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
        """SIGKILL for it, its process group, and whatever else came of it."""
        self._killed = True
        self._server.kill(self._number)

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

    def _on_exit(self, exited: "asyncio.Future[int]") -> None:
        if self._transport is not None:
            self._transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WorkerDied.of(exited.result()))

    def _expect_answer(self) -> "asyncio.Future[Answer]":
        self._answer = self._loop.create_future()
        return self._answer
