"""A template as its pool sees it: a process that has imported a module of tools, and forks a worker for each call."""

import asyncio
import socket

from agents.tools.errors import InvalidTool, WorkerDied
from agents.tools.worker.control import Control
from agents.tools.worker.loading import GUARD
from agents.tools.worker.process import WorkerProcess
from agents.tools.worker.server_process import START_TIMEOUT_S, ServerProcess
from agents.tools.worker.wire import Origin


class Template:
    """State: the functions that were found in its module, and one worker that waits for the next call.

    ended: resolves to how it ended, when the template and all that it started are gone.
    """

    def __init__(self, server: ServerProcess) -> None:
        child = server.control.fork(socket.SOCK_SEQPACKET)
        self.ended = child.ended
        self._kill = child.kill
        self._control = Control(child.ours, child.ended, child.kill)
        self._found: set[str] = set()
        self._spare: asyncio.Task[WorkerProcess] | None = None

    @classmethod
    async def start(cls, server: ServerProcess, origin: Origin, path: list[str], timeout_s: float) -> "Template":
        """Start a template that imports the tool's module. timeout_s: for the import.

        Raises InvalidTool, WorkerDied, OSError after it has cleaned up.
        """
        template = cls(server)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await template._control.started
            await template.find(origin, path, timeout_s)
        except TimeoutError:
            raise WorkerDied(f"not ready within {START_TIMEOUT_S:g} s of its start") from None
        finally:
            if not template._found:
                template._kill()
        template._spare = template._next()
        return template

    async def find(self, origin: Origin, path: list[str], timeout_s: float) -> None:
        """Make sure that the module has the tool. Raises InvalidTool or WorkerDied."""
        if origin.qualname in self._found:
            return
        try:
            async with asyncio.timeout(timeout_s):
                fault = await self._control.load(origin, path)
        except TimeoutError:
            self._kill()
            hint = f"; a script must {GUARD}" if origin.module == "__main__" else ""
            raise InvalidTool(f"{origin.file}: the import did not end within {timeout_s:g} s{hint}") from None
        except WorkerDied as died:
            raise InvalidTool(f"{origin.file}: the import ended its process: {died.how}") from died
        if fault:
            raise InvalidTool(fault)
        self._found.add(origin.qualname)

    async def worker(self) -> WorkerProcess:
        """Return a worker for one call. Raises WorkerDied or OSError."""
        spare, self._spare = self._spare, self._next()
        if spare is not None:
            worker = await spare
            if worker.usable:
                return worker
        return await WorkerProcess.start(self._control)

    async def close(self) -> None:
        """Wait until the template has ended with its server, and release what this process holds of it."""
        await asyncio.wait({self.ended})
        if self._spare is not None:
            for worker in await asyncio.gather(self._spare, return_exceptions=True):
                if isinstance(worker, WorkerProcess):
                    await worker.killed()

    def _next(self) -> "asyncio.Task[WorkerProcess]":
        """Fork the worker of the next call in advance."""
        task = asyncio.get_running_loop().create_task(WorkerProcess.start(self._control))
        task.add_done_callback(_outcome_read)
        return task


def _outcome_read(task: "asyncio.Task[WorkerProcess]") -> None:
    """Read the error of a worker that nobody asks for, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()
