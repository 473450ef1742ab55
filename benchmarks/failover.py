"""How long streams stand still when their node dies or the engine restarts, as their clients see it.

The harness of the fault tests runs the cluster: two nodes, a PostgreSQL, a provider, and a client of each stream.
"""

import signal
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

from msgspec import Struct

from agents.rehearsal import RehearsalServer, parse
from benchmarks.workload import Measured
from tests.cluster import laws
from tests.cluster.engine import Database, Engine
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Crowd, session
from tests.cluster.script import SCRIPT

Fault: TypeAlias = Literal["kill", "stop", "restart"]


class Sizes(Struct, frozen=True):
    """streams: of the node that dies. They begin within over_s. lease_time: in ms, of the nodes."""

    streams: int = 200
    over_s: float = 4.0
    lease_time: int = 6000


async def measured(fault: Fault, sizes: Sizes) -> Measured:
    """Return the seconds from the fault to the next event of the first stream, the median one and the last one.

    For a restart of the engine the seconds count from its return.
    """
    with tempfile.TemporaryDirectory() as folder, Engine.running() as engine:
        async with RehearsalServer(parse(SCRIPT)) as provider:
            database = await Database.made(engine)
            async with Cluster.of(
                Path(folder), database, provider, {"cluster.lease_time": sizes.lease_time}
            ) as cluster:
                late_s = sorted(await _after(fault, cluster, sizes))
    return {f"{fault}_first": late_s[0], f"{fault}_median": median(late_s), f"{fault}_last": late_s[-1]}


async def _after(fault: Fault, cluster: Cluster, sizes: Sizes) -> list[float]:
    (a,) = await cluster.start("a")
    messages = [f"long{number}" for number in range(sizes.streams)]
    async with (
        session() as http,
        Crowd(http, cluster.token, lambda: cluster.living, messages, sizes.over_s, lambda _: 0) as crowd,
    ):
        await crowd.all_begun()
        b = await cluster.start("b")
        async with Crowd(http, cluster.token, lambda: b, ["first"]):
            pass  # b has loaded all that a turn needs
        concerned = crowd.recordings if fault == "restart" else crowd.at("a")
        at_s = time.monotonic()
        match fault:
            case "kill":
                await a.kill()
            case "stop":
                a.signal(signal.SIGSTOP)
            case "restart":
                await cluster.database.engine.stop()
                await cluster.database.engine.start()
                at_s = time.monotonic()
    await laws.check_all(cluster, crowd.recordings)
    return [each.first_after(at_s, not_from="" if fault == "restart" else "a") for each in concerned]
