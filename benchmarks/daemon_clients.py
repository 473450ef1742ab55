"""The cost of a server whose clients read paced streams: the daemon, and servers written by hand."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import uuid4

import aiohttp
import msgspec
from msgspec import Struct

from benchmarks.daemon import READY, cpu_s
from benchmarks.workload import Load, Measured

WARMING: Final = Load(1, 20, every_ms=10)
HAND: Final = ("proxied", "prepared", "bare")
"""The servers of by_hand.py. Any other name is the daemon with that value of sessions.durability."""


class Pace(Struct, frozen=True):
    """The stream of each client."""

    tokens: int = 300
    every_ms: int = 50


class Server(Struct, frozen=True):
    """A server that runs. token: of its administrator; a server by hand ignores it."""

    pid: int
    port: int
    token: str = "none"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    async def path(self, load: Load) -> str:
        """Return the address of each client's stream, with its number as {}."""
        return f"/stream/{load.model}"

    async def measured(self, load: Load) -> Measured:
        """Let load.streams clients read, in a separate OS process."""
        path, before_s = await self.path(load), self.cpu_s
        found = await read(self, path, load.streams)
        assert found["tokens"] == load.streams * load.tokens, (found, load)
        spent_s = self.cpu_s - before_s
        return {
            "cpu": spent_s / found["tokens"] * 1e6,
            "core": spent_s / found["seconds"] * 100,
            "gap": found["gap_ms"],
        }


class Daemon(Server, frozen=True):
    """The daemon, with an agent for each client."""

    async def path(self, load: Load) -> str:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(self.url, headers=headers) as http:
            name = uuid4().hex
            for number in range(load.streams):
                async with http.post("/agents", json={"id": f"{name}-{number}", "model": load.model}) as answer:
                    assert answer.status == 201, await answer.text()
        return f"/agents/{name}-{{}}/stream"


async def measured(server: str, base_url: str, clients: int, prefix: str, pace: Pace) -> Measured:
    """Return the server's CPU time per token, its share of a core, and the p99 of the gaps that a client sees."""
    async with _by_hand(server, base_url) if server in HAND else daemon(server, base_url) as running:
        await running.measured(WARMING)
        found = await running.measured(Load(clients, pace.tokens, pace.every_ms))
    return {f"{prefix}{name}_{clients}": value for name, value in found.items()}


@asynccontextmanager
async def daemon(durability: str, base_url: str, *settings: str) -> AsyncIterator[Server]:
    """Run a daemon with a state directory of its own. settings: further ones, as KEY=VALUE."""
    with TemporaryDirectory() as folder:
        command = (
            *(str(Path(sys.executable).with_name("understudy")), "serve", "--port", "0"),
            *("--state-dir", f"{folder}/state", "--set", f"sessions.durability={durability}"),
            *(each for setting in settings for each in ("--set", setting)),
        )
        async with running(*command, OPENAI_BASE_URL=base_url, OPENAI_API_KEY="none") as (pid, line):
            assert line.startswith(READY.decode()), line
            port = int(line.rstrip("/").rpartition(":")[2])
            yield Daemon(pid, port, _token(f"{folder}/state/token"))


def _token(path: str) -> str:
    return Path(path).read_text().strip()


@asynccontextmanager
async def _by_hand(kind: str, base_url: str) -> AsyncIterator[Server]:
    async with running(sys.executable, "-m", "benchmarks.by_hand", kind, base_url) as (pid, line):
        yield Server(pid, int(line))


@asynccontextmanager
async def running(*command: str, **variables: str) -> AsyncIterator[tuple[int, str]]:
    """Yield the PID and the first line of an OS process, which ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield process.pid, (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def read(server: Server, path: str, clients: int) -> Measured:
    """Let clients read in a separate OS process, and return its figures. path: of each one's stream, as Server.path."""
    command = (sys.executable, "-m", "benchmarks.many_sse_clients", str(server.port), path, server.token, str(clients))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    return msgspec.json.decode(printed, type=Measured)
