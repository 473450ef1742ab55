"""The PostgreSQL of the figures of a cluster, and the settings of nodes on it."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import asyncpg  # type: ignore[import-untyped]

from benchmarks.daemon import cpu_s
from tests.agents.sessions.cluster import OWNER, cluster, processes

LEASE_MS: Final = 6000
NAMES: Final = count(1)


class Server:
    """A running PostgreSQL, on a Unix socket. folder: for the files of nodes. secret: the file that they share."""

    def __init__(self, socket: Path, folder: Path) -> None:
        self._socket, self.folder = socket, folder
        self.secret = folder / "secret"
        self.secret.touch(mode=0o600)
        self.secret.write_text(secrets.token_hex(32))

    @classmethod
    @contextmanager
    def running(cls, **settings: str) -> Iterator[Self]:
        """Yield a server. settings: further ones of it. It does not wait for the disk."""
        with cluster(**settings) as socket, TemporaryDirectory() as folder:
            yield cls(socket, Path(folder))

    @property
    def cpu_s(self) -> float:
        """The CPU time of its processes that live, in seconds."""
        return sum(map(cpu_s, processes(self._socket)))

    async def database(self) -> str:
        """Return the URL of a new database."""
        name = f"figures_{next(NAMES)}"
        await self.value(self._url("postgres"), f"CREATE DATABASE {name}")
        return self._url(name)

    async def value(self, url: str, statement: str) -> Any:
        """Return the first value that the statement returns, or None."""
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    def _url(self, name: str) -> str:
        return f"postgresql://{OWNER}@/{name}?host={self._socket}"

    def node(self, url: str, name: str | None) -> dict[str, Any]:
        """Return the settings of a node, or without a name those of a program that has the store for itself."""
        cluster = {"enabled": True, "name": name, "lease_time": LEASE_MS, "secret_file": str(self.secret)}
        return {
            "tools": {"min_workers": 0, "workers": 1},
            "sessions": {"url": url, "durability": "batched"},
            "daemon": {"state_dir": str(self.folder / f"state-{name}")},
            "cluster": {} if name is None else cluster,
        }


def as_argument(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings)
