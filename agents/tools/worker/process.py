"""A worker process as its pool sees it, from its start until its exit is known.

The template reports the worker's death. The socket can't, since a child that the worker left may hold it open. The
kernel names the sender of all data on the socket, and only the worker's own data is read.
"""

import asyncio
import contextlib
import socket

import msgspec

from agents.tools.errors import WorkerDied, WorkerRefused
from agents.tools.progress import Send, unwatched
from agents.tools.worker.control import CREDENTIALS, Control, ForkedChild, in_time
from agents.tools.worker.frames import FrameDecoder, InvalidFrame
from agents.tools.worker.wire import Answer, Frame, ProgressReport, WorkerJob, WorkerReady, framed

EXIT_TIMEOUT_S = 1.5  # limit for a SIGKILL: it takes milliseconds, unless a process is in an uninterruptible wait
LOST_S = 5.0  # limit for the exit of a worker that has closed its socket: at low priority it may wait for a core
HALF_S = 5.0  # limit for the rest of a frame: a worker writes a frame in one piece
READ_BYTES = 256 * 1024
MAX_STRAY_BYTES = 1024 * 1024  # data of other processes on the worker's socket, which is ignored


class WorkerProcess:
    """One worker, leader of its own session and process group. It runs one job.

    pid: set once it has started. ended: resolves to how it ended, when the process and all that it started are reaped.
    """

    def __init__(self, child: ForkedChild) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended = child.ended
        self.pid = 0
        self._child, self._socket = child, child.ours
        self._number = 0  # the job's number; this one belongs to no job
        self._killed = False
        self._lost = False
        self._stray_bytes = 0
        self._frames = FrameDecoder()
        self._half: asyncio.TimerHandle | None = None
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._answer: asyncio.Future[Answer] = self._loop.create_future()
        self._unsent = memoryview(b"")
        self._on_progress: Send = unwatched
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._on_readable)
        self.ended.add_done_callback(self._on_end)

    @classmethod
    async def start(cls, control: Control) -> "WorkerProcess":
        """Start a worker and wait until it is ready. Raises WorkerDied or OSError after it has cleaned up."""
        worker = cls(control.fork())
        try:
            await in_time(worker._ready)
        except BaseException:
            await worker.killed()
            raise
        return worker

    @property
    def usable(self) -> bool:
        return not (self._killed or self._lost or self.ended.done())

    async def ask(self, job: WorkerJob, on_progress: Send = unwatched, processes: int | None = None) -> Answer:
        """Run the job, and return the worker's answer. on_progress gets what it reports before. Raises WorkerDied.

        The worker takes no second job. Whatever the outcome, the caller must kill it.
        """
        self._number, self._frames.max_output_bytes = job.number, job.max_output_bytes
        self._on_progress = on_progress
        if processes is not None:
            self._child.watch(processes)
        if self._socket.fileno() >= 0:
            self._unsent = memoryview(framed(msgspec.json.encode(job)))
            self._loop.add_writer(self._socket, self._on_writable)
            self._on_writable()
        return await self._answer

    def kill(self) -> None:
        """Send SIGKILL to the worker, to its process group, and to every other process that it started.

        Its data is ignored from now on.
        """
        self._killed = True
        self._close()
        self._child.kill()

    async def killed(self) -> None:
        """Kill the worker and wait until it is reaped, up to a limit."""
        self.kill()
        await asyncio.wait({self.ended}, timeout=EXIT_TIMEOUT_S)

    def _on_writable(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):  # its end is reported soon
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        if not self._unsent or self._lost:
            self._loop.remove_writer(self._socket)

    def _on_readable(self) -> bool:
        """Read up to READ_BYTES. The loop calls again for the rest. Returns False if there was nothing."""
        try:
            data, ancillary, _, _ = self._socket.recvmsg(READ_BYTES, socket.CMSG_SPACE(CREDENTIALS.size))
        except BlockingIOError:
            return False
        except OSError:
            data, ancillary = b"", []
        sender = CREDENTIALS.unpack(ancillary[0][2])[0] if ancillary else 0
        self.pid = self.pid or sender  # the worker sends first: before its tool runs, no other process has the socket
        if not data:
            self._on_lost()
        elif sender != self.pid:
            self._on_stray(len(data))
        else:
            self._on_bytes(data)
        return True

    def _on_bytes(self, data: bytes) -> None:
        try:
            for frame in self._frames.read(data):
                self._take(frame)
        except InvalidFrame as unreadable:
            self._fail(str(unreadable))
        self._mind_half()

    def _take(self, frame: Frame) -> None:
        match frame:
            case WorkerReady() if not self._ready.done():
                self._ready.set_result(None)
            case WorkerReady():
                self._fail("sent a second greeting")
            case _ if frame.number != self._number or self._answer.done():
                self._fail("sent an answer to no question")
            case ProgressReport():
                self._on_progress(frame.data)
            case _:
                self._answer.set_result(frame)

    def _on_lost(self) -> None:
        """End a worker whose socket closed.

        Most such workers are about to exit, and the exit code then gives the better reason.
        """
        self._lost = True
        self._loop.remove_reader(self._socket)
        if self._frames.half:
            self._fail("sent a part of an answer")
        elif not self.ended.done():
            self._loop.call_later(LOST_S, self._fail, "closed its socket")

    def _on_stray(self, size_bytes: int) -> None:
        self._stray_bytes += size_bytes
        if self._stray_bytes > MAX_STRAY_BYTES:
            self._fail("had its socket written to by another process")

    def _mind_half(self) -> None:
        """Wait for the rest of a frame, up to a limit."""
        if self._half is not None:
            self._half.cancel()
            self._half = None
        if self._frames.half and not self._killed:
            self._half = self._loop.call_later(HALF_S, self._fail, "sent a part of an answer")

    def _fail(self, how: str) -> None:
        if not self._answer.done():
            self._answer.set_exception(WorkerDied(how))
        self.kill()

    def _on_end(self, ended: "asyncio.Future[str]") -> None:
        """Read what the worker sent before its end, since that may still be in the socket."""
        while not (self._lost or self._killed) and self._on_readable():
            pass
        how = ended.result()
        for waiting in (self._ready, self._answer):
            if not waiting.done():
                waiting.set_exception(WorkerRefused(how) if self._child.refused else WorkerDied(how))
            if not waiting.cancelled():
                waiting.exception()  # possibly nothing waits for it
        self._close()

    def _close(self) -> None:
        if self._half is not None:
            self._half.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
