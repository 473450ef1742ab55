"""The cost of supervision: a start, the memory of an idle child, the time from a crash to the new process."""

import asyncio
import gc
import logging
import os
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final

from msgspec import Struct

from actors import KILL, AsyncioSystemBase, GenServer, Mailbox, Pid, exit, monitor  # noqa: A004 (OTP's word)
from benchmarks.processes import Receiver
from benchmarks.workload import Measured
from supervisors import ChildSpec, DynamicFlags, RestartType, start_dynamic_supervisor
from supervisors.dynamic_supervisor import start_child

HOUR_S: Final = 3600.0


class Sizes(Struct, frozen=True):
    """The number of children, and of children that are killed to measure a restart."""

    children: int = 100_000
    restarts: int = 1000


class Told(GenServer[None]):
    """A child whose init reports its start: it gives the current future the time."""

    def init(self, moments: "Moments") -> None:
        moments.up(self.pid)


class Moments:
    """The latest start of a child, as a future."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.started: asyncio.Future[tuple[Pid, float]] = asyncio.get_running_loop().create_future()

    def up(self, pid: Pid) -> None:
        self.started.set_result((pid, perf_counter()))


async def measured(sizes: Sizes) -> Measured:
    """Return every figure once. Reports are off, as OTP's logger is."""
    logging.disable()
    async with AsyncioSystemBase(), Mailbox():
        latency_us = await restart(sizes.restarts)
        return {"restart": latency_us, **await many(sizes.children)}


async def many(count: int) -> Measured:
    """Start children of one supervisor, each by a call, and monitored by the caller."""
    supervisor = await start_dynamic_supervisor(
        DynamicFlags(), ChildSpec("child", Receiver, restart=RestartType.TEMPORARY)
    )
    gc.collect()
    before_bytes, before_s = resident_bytes(), process_time()
    for _ in range(count):
        monitor(await start_child(supervisor))
    took_s = process_time() - before_s
    gc.collect()
    return {
        "spawn_child": took_s / count * 1e6,
        "start_100k_s": took_s / count * 1e5,
        "child_bytes": (resident_bytes() - before_bytes) / count,
    }


async def restart(count: int) -> float:
    """Return the median of microseconds from a kill to the init of the new process."""
    moments = Moments()
    supervisor = await start_dynamic_supervisor(DynamicFlags(count, HOUR_S), ChildSpec("child", Told, moments))
    await start_child(supervisor)
    pid, _ = await moments.started
    latencies_us = []
    for _ in range(count):
        moments.begin()
        before_s = perf_counter()
        exit(pid, KILL)
        pid, at_s = await moments.started
        latencies_us.append((at_s - before_s) * 1e6)
    return median(latencies_us)


def resident_bytes() -> int:
    """Return the resident memory of this OS process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
