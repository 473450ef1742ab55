"""A template as its pool sees it: a process that has imported a module of tools, and forks a worker for each call."""

import asyncio
import socket
from functools import partial

from agents.core.faults import Fault
from agents.tools.errors import InvalidTool, WorkerDied
from agents.tools.importing import IMPORT_ENDS
from agents.tools.worker.control import Control, in_time
from agents.tools.worker.loading import GUARD
from agents.tools.worker.process import WorkerProcess
from agents.tools.worker.server_process import CLOSE_S, ForkServerProcess
from agents.tools.worker.spares import ReadyWorkers, Spares
from agents.tools.worker.wire import FunctionOrigin


class Template:
    """State: the functions that were found in its module, and the workers that wait for the next calls.

    ended: resolves to how it ended, when the template and all that it started are gone.
    """

    def __init__(self, server: ForkServerProcess, ready: ReadyWorkers) -> None:
        child = server.control.fork(socket.SOCK_SEQPACKET)
        self.ended = child.ended
        self._kill = child.kill
        self._control = Control(child.ours, child.ended, child.kill)
        self._found: set[str] = set()
        self._spares = Spares(partial(WorkerProcess.start, self._control), ready)

    @classmethod
    async def start(
        cls, server: ForkServerProcess, origin: FunctionOrigin, path: list[str], timeout_s: float, ready: ReadyWorkers
    ) -> "Template":
        """Start a template that imports the tool's module. timeout_s: for the import.

        Raises InvalidTool, WorkerDied, OSError after it has cleaned up.
        """
        await server.obeys()
        template = cls(server, ready)
        try:
            await in_time(template._control.started)
            await template.find(origin, path, timeout_s)
        finally:
            if not template._found:
                template._kill()
        template._spares.fork_ahead()
        return template

    async def find(self, origin: FunctionOrigin, path: list[str], timeout_s: float) -> None:
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
        return await self._spares.take()

    async def close(self) -> None:
        """Release what this process holds of the template, which ends with its server. Waits for that up to CLOSE_S."""
        await asyncio.wait({self.ended}, timeout=CLOSE_S)
        await self._spares.close()


def _endless(origin: FunctionOrigin, got: str) -> InvalidTool:
    return InvalidTool(Fault((), IMPORT_ENDS, got, inside=origin.file))
