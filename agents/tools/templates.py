"""The processes that a pool forks its workers from: the fork server, and one template for each module of tools."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from actors.log import get_logger
from agents.tools.errors import PoolUnavailable, WorkerDied
from agents.tools.worker.confine import environment
from agents.tools.worker.server_process import ForkServerProcess
from agents.tools.worker.spares import ReadyWorkers
from agents.tools.worker.template import Template
from agents.tools.worker.wire import FunctionOrigin

log = get_logger("understudy.tools")


class Templates:
    """The fork server, and the templates by their modules. Each is started when it is needed, and again after its end.

    ready: the workers that each template keeps ready. is_open: whether processes may be started.
    """

    def __init__(self, import_s: float, ready: ReadyWorkers) -> None:
        self.is_open = False
        self._import_s, self._ready = import_s, ready
        self._environment = environment(os.environ)
        self._server: asyncio.Task[ForkServerProcess] | None = None
        self._templates: dict[tuple[str, str], asyncio.Task[Template]] = {}

    async def start(self) -> None:
        """Start the fork server. Raises WorkerDied or OSError."""
        self.is_open = True
        await self._started_server()

    async def close(self) -> None:
        """End the processes, and wait until all have ended."""
        self.is_open = False
        if self._server is None:
            return
        tasks: list[asyncio.Task[Any]] = [self._server, *self._templates.values()]
        for task in tasks:
            task.cancel()  # the starts that still run
        for started in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(started, BaseException):
                await started.close()  # the server first: its end ends the templates

    async def of(self, origin: FunctionOrigin) -> Template:
        """Return the template of the tool's module, and start it if necessary. Raises InvalidTool, PoolUnavailable."""
        if not self.is_open:
            raise PoolUnavailable("expected a started pool of worker processes, got one that is closed")
        key, path = (origin.module, origin.file), [*map(str, sys.path)]
        task = self._templates.get(key)
        if task is None or not _may_serve(task):
            task = self._templates[key] = asyncio.create_task(self._started(origin, path))
            task.add_done_callback(lambda task: self._on_started(key, task))
        with startable(WorkerDied, OSError):
            template = await asyncio.shield(task)
            await template.find(origin, path, self._import_s)
        return template

    async def _started(self, origin: FunctionOrigin, path: list[str]) -> Template:
        server = await self._started_server()
        try:
            return await Template.start(server, origin, path, self._import_s, self._ready)
        except (WorkerDied, OSError):
            if not server.ended.done():
                raise
        return await Template.start(await self._started_server(), origin, path, self._import_s, self._ready)

    def _on_started(self, key: tuple[str, str], task: "asyncio.Task[Template]") -> None:
        """Remove a template that failed or ended. The next call of its tools starts another one."""

        def forget(reason: object) -> None:
            if self._templates.get(key) is task:
                del self._templates[key]
            if self.is_open:
                log.warning("template_ended", module=key[0], reason=str(reason))

        if task.cancelled():
            forget("cancelled")
        elif (failed := task.exception()) is not None:
            forget(failed)
        else:
            task.result().ended.add_done_callback(lambda ended: forget(ended.result()))

    async def _started_server(self) -> ForkServerProcess:
        if self._server is None or not _may_serve(self._server):
            self._server = asyncio.create_task(ForkServerProcess.start(self._environment))
        return await asyncio.shield(self._server)


@contextmanager
def startable(*faults: type[Exception]) -> Iterator[None]:
    """Raise PoolUnavailable in place of these faults of a start."""
    try:
        yield
    except faults as fault:
        raise PoolUnavailable(f"no worker process can be started: {fault}") from fault


def _may_serve(starting: "asyncio.Task[ForkServerProcess] | asyncio.Task[Template]") -> bool:
    """Return True until the start has failed, or the started process has ended."""
    if not starting.done():
        return True
    return not starting.cancelled() and starting.exception() is None and not starting.result().ended.done()
