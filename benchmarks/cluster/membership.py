"""The cost of belonging to a cluster: of the beats and the looks of many nodes that have nothing to do."""

import asyncio
import time
from pathlib import Path
from statistics import mean
from typing import Final

from msgspec import Struct

from benchmarks.cluster.database import Server, as_argument
from benchmarks.cluster.many_nodes import NUMBER
from benchmarks.cluster.programs import Program
from benchmarks.daemon import cpu_s
from benchmarks.workload import Measured

CONNECTIONS: Final = "1000"


class Sizes(Struct, frozen=True):
    """few, many: numbers of nodes. settled_s: from the last join on, until `seconds` of watching begin."""

    few: int = 3
    many: int = 100
    settled_s: float = 12.0
    seconds: float = 20.0


async def measured(sizes: Sizes) -> Measured:
    """Return the CPU time of PostgreSQL and of one node, in percent of a core, for each number of nodes."""
    with Server.running(max_connections=CONNECTIONS) as server:
        return {**await _idle(server, sizes.few, "few", sizes), **await _idle(server, sizes.many, "many", sizes)}


async def _idle(server: Server, count: int, name: str, sizes: Sizes) -> Measured:
    url = await server.database()
    node = as_argument(server.node(url, f"{name}-{NUMBER}"))
    async with Program.running("benchmarks.cluster.many_nodes", node, str(count)) as program:
        await program.line()
        pids = _children(program.pid)
        await asyncio.sleep(sizes.settled_s)
        began_s, engine_s, before_s = time.perf_counter(), server.cpu_s, [cpu_s(pid) for pid in pids]
        await asyncio.sleep(sizes.seconds)
        spent_s = [cpu_s(pid) - before for pid, before in zip(pids, before_s, strict=True)]
        engine_s, passed_s = server.cpu_s - engine_s, time.perf_counter() - began_s
        living = await server.value(url, "SELECT count(*) FROM nodes JOIN fences USING (epoch)")
    assert len(pids) == living == count, f"{living} of {count} nodes live"
    return {f"{name}_engine": engine_s / passed_s * 100, f"{name}_node": mean(spent_s) / passed_s * 100}


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
