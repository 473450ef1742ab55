"""The PostgreSQL of a cluster's tests: on a Unix socket and on a TCP port of loopback, with databases that are audited.

Each node connects as a role of its own, so the audit knows the node of every write.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import asyncpg  # type: ignore[import-untyped]

from agents.sessions import Store
from tests.agents.sessions.cluster import OWNER, cluster, processes, start, stop
from tests.cluster.audit import AUDIT
from tests.waiting import eventually

DATABASES = count(1)
ROLES = 20
"""The most starts of nodes on one database."""


class Engine:
    """A running server. port: of loopback."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    @classmethod
    @contextmanager
    def running(cls, **more: str) -> Iterator[Self]:
        """Yield a server. more: further settings of it."""
        port = free_port()
        settings = {"listen_addresses": "127.0.0.1", "port": str(port), "track_commit_timestamp": "on", **more}
        with cluster(**settings) as folder:
            yield cls(folder, port)

    async def start(self, **env: str) -> None:
        await asyncio.to_thread(start, self.folder, **env)

    async def stop(self, mode: str = "fast") -> None:
        await asyncio.to_thread(stop, self.folder, mode)

    async def kill(self) -> None:
        """Kill every process of the server with SIGKILL, and wait until all are reaped."""
        pids = processes(self.folder)
        for pid in pids:
            with suppress(ProcessLookupError):  # a child may end by itself
                os.kill(pid, signal.SIGKILL)
        await eventually(
            lambda: [pid for pid in pids if Path(f"/proc/{pid}").exists()],
            lambda left: not left,
            what="the end of the server's processes",
        )


class Database:
    """An empty audited database of the server."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name

    @classmethod
    async def made(cls, engine: Engine) -> Self:
        made = cls(engine, f"cluster_{next(DATABASES)}")
        await cls(engine, "postgres").execute(f"CREATE DATABASE {made.name}")
        await (await Store.open(made.url(OWNER))).close()
        await made.execute(AUDIT)
        await made.execute("".join(f"CREATE ROLE {made.role(number)} SUPERUSER LOGIN;" for number in range(ROLES)))
        return made

    def role(self, number: int) -> str:
        """Return the role of a node: the number of its start."""
        return f"{self.name}_{number}"

    def url(self, role: str, port: int | None = None) -> str:
        """Return the store's URL. port: on loopback, None for the Unix socket."""
        where = f"/{self.name}?host={self.engine.folder}&port={self.engine.port}"
        return f"postgresql://{role}@" + (where if port is None else f"127.0.0.1:{port}/{self.name}")

    async def execute(self, script: str) -> None:
        async with self.connection() as connection:
            await connection.execute(script)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.connection() as connection:
            return [tuple(row) for row in await connection.fetch(query)]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Yield a connection of the driver. Its locks are released after the block."""
        folder, port = str(self.engine.folder), self.engine.port
        connection = await asyncpg.connect(host=folder, port=port, user=OWNER, database=self.name)
        try:
            yield connection
        finally:
            await connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
