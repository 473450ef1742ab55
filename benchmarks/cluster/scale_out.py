"""Paced streams through one node of a cluster, and through two.

Each client asks the node that has its agent. The clients of a node are one OS process, and so is the provider.
"""

import asyncio
import resource
from contextlib import AsyncExitStack
from typing import Final

from benchmarks.cluster.database import Server
from benchmarks.cluster.programs import Program
from benchmarks.daemon_clients import WARMING, daemon, read
from benchmarks.daemon_clients import Server as Daemon
from benchmarks.workload import Load, Measured

NODES: Final = {"one": 1, "two": 2}


async def measured(name: str, load: Load) -> Measured:
    """Return the CPU time of a token, and of all that takes part in percent of a core, with one node and with two."""
    found: Measured = {}
    async with Program.running("benchmarks.provider") as provider:
        base_url = (await provider.line()).decode()
        for count, nodes in NODES.items():
            figures = await _through(nodes, load, provider, base_url)
            found |= {f"{name}_{figure}_{count}": value for figure, value in figures.items()}
    return found


async def _through(nodes: int, load: Load, provider: Program, base_url: str) -> Measured:
    with Server.running() as server:
        url = await server.database()
        async with AsyncExitStack() as stack:
            daemons = [
                await stack.enter_async_context(daemon("batched", base_url, *_settings(server, url, number)))
                for number in range(nodes)
            ]
            for each in daemons:
                await each.measured(WARMING)
            return await _read(daemons, load, server, provider)


async def _read(daemons: list[Daemon], load: Load, server: Server, provider: Program) -> Measured:
    part = Load(load.streams // len(daemons), load.tokens, load.every_ms)
    paths = [await each.path(part) for each in daemons]
    before = _spent_s(daemons, server, provider)
    reads = [read(each, path, part.streams) for each, path in zip(daemons, paths, strict=True)]
    clients = await asyncio.gather(*reads)
    spent_s = {name: after - before[name] for name, after in _spent_s(daemons, server, provider).items()}
    seconds, tokens = max(each["seconds"] for each in clients), sum(each["tokens"] for each in clients)
    assert tokens == part.streams * len(daemons) * load.tokens, (tokens, load)
    return {
        "cpu": spent_s["nodes"] / tokens * 1e6,
        "rate": tokens / seconds,
        "gap": max(each["gap_ms"] for each in clients),
        **{name: each_s / seconds * 100 for name, each_s in spent_s.items()},
    }


def _spent_s(daemons: list[Daemon], server: Server, provider: Program) -> dict[str, float]:
    """Return the CPU time so far. The clients' OS processes have ended, each time."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "nodes": sum(each.cpu_s for each in daemons),
        "provider": provider.cpu_s,
        "engine": server.cpu_s,
        "clients": ended.ru_utime + ended.ru_stime,
    }


def _settings(server: Server, url: str, number: int) -> list[str]:
    return [
        f"sessions.url={url}",
        "cluster.enabled=true",
        f"cluster.name=node-{number}",
        f"cluster.secret_file={server.secret}",
    ]
