"""Many nodes on one machine: a whole application each, in an OS process that is forked, so their code is there once.

    python -m benchmarks.cluster.many_nodes SETTINGS COUNT

SETTINGS is JSON, in which NUMBER is that of the node. The program writes a line when all nodes have joined. They end
with its stdin.
"""

import asyncio
import os
import signal
import sys
from importlib import import_module
from typing import Final

from actors import new_event_loop
from agents import application
from agents.settings import Settings

NUMBER: Final = "NUMBER"
LOADED: Final = (
    "agents.cluster.children",
    "agents.sessions.store",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "asyncpg",
)
"""The modules that each node would load at its start."""

STARTING: Final = 4  # at a time: those that have joined need a core for their beats


def main(given: str, count: int) -> None:
    settings = [Settings.model_validate_json(given.replace(NUMBER, str(number))) for number in range(count)]
    for module in LOADED:
        import_module(module)
    pids: list[int] = []
    try:
        for first in range(0, len(settings), STARTING):
            pipes = [_started(each, pids) for each in settings[first : first + STARTING]]
            for pipe in pipes:
                assert os.read(pipe, 1), "a node did not join"
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def _started(settings: Settings, pids: list[int]) -> int:
    """Fork a node, and return the end of a pipe from which a byte comes when it has joined."""
    reads, writes = os.pipe()
    if pid := os.fork():
        pids.append(pid)
        os.close(writes)
        return reads
    os.close(reads)
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_node(settings, writes))
    finally:
        os._exit(1)


async def _node(settings: Settings, joined: int) -> None:
    async with application.running(settings):
        os.write(joined, b"\n")
        await asyncio.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
