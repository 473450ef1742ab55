"""Traces left by very many restarts, and by very many idle processes. Takes minutes."""

import asyncio
import gc
import logging
import os
from collections.abc import Sized
from pathlib import Path
from time import process_time

from msgspec import Struct

from actors import KILL, AsyncioSystemBase, Mailbox, exit, start  # noqa: A004 (OTP's word)
from actors.kernel.pid import living
from benchmarks.processes import Receiver
from benchmarks.supervision import Moments, Told, resident_bytes
from benchmarks.workload import Measured
from supervisors import ChildSpec, DynamicFlags, start_dynamic_supervisor
from supervisors.dynamic_supervisor import start_child

PERIOD_S = 1.0


class Sizes(Struct, frozen=True):
    """The sizes of the runs. Restarts before the end of the warming are not counted."""

    idle: int = 100_000
    idle_s: float = 10.0
    warming: int = 100_000
    restarts: int = 1_000_000


class Left(Struct, frozen=True):
    """The resources of this OS process. processes: OS processes that it has started."""

    bytes: int
    files: int
    entries: int
    processes: int

    @classmethod
    def now(cls, system: AsyncioSystemBase) -> "Left":
        gc.collect()
        tables: list[Sized] = [living, system.processes, system.names, system.ready, system.deadlines.waiting]
        files, entries = len(os.listdir("/proc/self/fd")), sum(len(table) for table in tables)
        return cls(resident_bytes(), files, entries, sum(map(_children, os.listdir("/proc/self/task"))))

    def growth(self, before: "Left", name: str = "growth") -> Measured:
        return {
            f"{name}_kib": (self.bytes - before.bytes) / 1024,
            f"{name}_files": self.files - before.files,
            f"{name}_entries": self.entries - before.entries,
            f"{name}_processes": self.processes - before.processes,
        }


async def measured(sizes: Sizes) -> Measured:
    logging.disable()
    async with AsyncioSystemBase() as system, Mailbox():
        return {**await restarts(system, sizes), "idle_cpu_ms": await idle(sizes)}


async def restarts(system: AsyncioSystemBase, sizes: Sizes) -> Measured:
    """Kill a child as soon as it runs, again and again."""
    moments = Moments()
    flags = DynamicFlags(sizes.warming + sizes.restarts, PERIOD_S)
    supervisor = await start_dynamic_supervisor(flags, ChildSpec("child", Told, moments))
    await start_child(supervisor)
    await kill(moments, sizes.warming)
    before = Left.now(system)
    before_s = process_time()
    await kill(moments, sizes.restarts)
    took_s = process_time() - before_s
    after = Left.now(system)
    return {"restart_cycle": took_s / sizes.restarts * 1e6, **after.growth(before)}


async def kill(moments: Moments, times: int) -> None:
    pid, _ = await moments.started
    for _ in range(times):
        moments.begin()
        exit(pid, KILL)
        pid, _ = await moments.started


async def idle(sizes: Sizes) -> float:
    """Return the CPU milliseconds of processes that wait for a message."""
    for _ in range(sizes.idle):
        await start(Receiver)
    gc.collect()
    before_s = process_time()
    await asyncio.sleep(sizes.idle_s)
    return (process_time() - before_s) * 1000


def _children(thread: str) -> int:
    return len(Path(f"/proc/self/task/{thread}/children").read_text().split())
