"""A template as its pool sees it: a process that has imported a module of tools, and forks a worker for each call."""

import asyncio
import socket
from collections import deque

from agents.core.faults import Fault
from agents.tools.errors import InvalidTool, WorkerDied
from agents.tools.importing import IMPORT_ENDS
from agents.tools.unasked import read_outcome
from agents.tools.worker.control import Control, in_time
from agents.tools.worker.loading import GUARD
from agents.tools.worker.process import WorkerProcess
from agents.tools.worker.server_process import CLOSE_S, ServerProcess
from agents.tools.worker.wire import Origin


class Template:
    """State: the functions that were found in its module, and the workers that wait for the next calls.

    There is one such worker at first, and one more each time that a call finds none ready: up to `most`, which is the
    number of calls that may run at once. ended: resolves to how it ended, when the template and all that it started are
    gone.
    """

    def __init__(self, server: ServerProcess, most: int) -> None:
        child = server.control.fork(socket.SOCK_SEQPACKET)
        self.ended = child.ended
        self._kill = child.kill
        self._control = Control(child.ours, child.ended, child.kill)
        self._found: set[str] = set()
        self._spares: deque[asyncio.Task[WorkerProcess]] = deque()
        self._ahead, self._most = 1, most

    @classmethod
    async def start(
        cls, server: ServerProcess, origin: Origin, path: list[str], timeout_s: float, most: int
    ) -> "Template":
        """Start a template that imports the tool's module. timeout_s: for the import.

        Raises InvalidTool, WorkerDied, OSError after it has cleaned up.
        """
        await server.obeys()
        template = cls(server, most)
        try:
            await in_time(template._control.started)
            await template.find(origin, path, timeout_s)
        finally:
            if not template._found:
                template._kill()
        template._fork_ahead()
        return template

    async def find(self, origin: Origin, path: list[str], timeout_s: float) -> None:
        """Make sure that the module has the tool. Raises InvalidTool or WorkerDied."""
        if origin.qualname in self._found:
            return
        try:
            async with asyncio.timeout(timeout_s):
                faults = await self._control.load(origin, path)
        except TimeoutError:
            self._kill()
            hint = f"; a script must {GUARD}" if origin.module == "__main__" else ""
            raise _endless(origin, f"none within {timeout_s:g} s{hint}") from None
        except WorkerDied as died:
            raise _endless(origin, f"the end of its process: {died.how}") from died
        if faults:
            raise InvalidTool(*faults)
        self._found.add(origin.qualname)

    async def worker(self) -> WorkerProcess:
        """Return a worker for one call. Raises WorkerDied or OSError."""
        spare = self._next_spare()
        if spare is None or not spare.done():
            self._ahead = min(self._ahead + 1, self._most)
        self._fork_ahead()
        if spare is not None and (worker := await spare).usable:
            return worker
        return await WorkerProcess.start(self._control)

    async def close(self) -> None:
        """Release what this process holds of the template, which ends with its server. Waits for that up to CLOSE_S."""
        await asyncio.wait({self.ended}, timeout=CLOSE_S)
        for spare in self._spares:
            spare.cancel()  # a start that still runs
        for worker in await asyncio.gather(*self._spares, return_exceptions=True):
            if isinstance(worker, WorkerProcess):
                await worker.killed()

    def _next_spare(self) -> "asyncio.Task[WorkerProcess] | None":
        """Return the spare that was forked first. Spares that failed or died in the meantime are dropped."""
        while self._spares:
            spare = self._spares.popleft()
            if not spare.done() or (spare.exception() is None and spare.result().usable):
                return spare
        return None

    def _fork_ahead(self) -> None:
        """Fork the workers of the next calls before they come."""
        while len(self._spares) < self._ahead:
            task = asyncio.get_running_loop().create_task(WorkerProcess.start(self._control))
            task.add_done_callback(read_outcome)
            self._spares.append(task)


def _endless(origin: Origin, got: str) -> InvalidTool:
    return InvalidTool(Fault((), IMPORT_ENDS, got, inside=origin.file))
