"""The process that owns the pool of worker OS processes.

It starts the pool, gives it to its callers, and ends it.
"""

from typing import Any, Final

from msgspec import Struct

from actors import Caller, GenServer, Reply, call
from agents.tools.pool import WorkerPool
from agents.tools.worker.spares import ReadyWorkers

TOOL_POOL: Final = "tool_pool"


class Lend(Struct, frozen=True):
    """A request for the WorkerPool, which is the reply."""


async def open_pool() -> WorkerPool:
    pool: WorkerPool = await call(TOOL_POOL, Lend(), timeout_s=None)
    return pool


class ToolPool(GenServer[WorkerPool]):
    """The owner of the pool. When this process ends for any reason, its workers end."""

    trap_exit = True

    async def init(self, size: int, import_s: float, ready: ReadyWorkers) -> WorkerPool:
        pool = WorkerPool(size, import_s, ready)
        await pool.start()
        return pool

    def handle_call(self, request: Lend, caller: Caller, pool: WorkerPool) -> Reply[WorkerPool]:
        return Reply(pool, pool)

    async def terminate(self, reason: Any, pool: WorkerPool) -> None:
        await pool.close()
