"""The nodes of a test's cluster, each an OS process of its own."""

import asyncio
import os
import secrets
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Self

from agents.client import Client
from agents.rehearsal import RehearsalServer
from tests.agents.cli.terminal import environment
from tests.agents.daemon.daemons import UNDERSTUDY
from tests.cluster.effects import FOLDER
from tests.cluster.engine import Database
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
START_S = 60.0
END_S = 60.0
AGENT = "worker"
"""The agent of the configuration. Sessions that clients begin have its tools."""

AGENTS = f"""
     {{agents, [[{{id, "{AGENT}"}}, {{model, "worker"}}, {{tools, [
         "tests.cluster.effects:pays", "tests.cluster.effects:looks", "tests.cluster.effects:kills_its_node"]}}]]}}
"""

CONFIG = """
[{{agents, [{{tools, [{{min_workers, 0}}]}}, {{streaming, [{{timeout, 60000}}]}}]}},
 {{understudy, [
     {agents},
     {{sessions, [{{url, "{url}"}}]}},
     {{cluster, [{{enabled, true}}, {{name, "{name}"}}, {{secret_file, "{secret}"}}]}},
     {{gateway, [{{port, 0}}, {{token_file, "{token}"}}, {{heartbeat, 300}}, {{default_agent, "{agent}"}}]}},
     {{daemon, [{{state_dir, "{state}"}}]}},
     {{logging, [{{format, json}}]}}
 ]}}].
"""


class Node:
    """A running node. url: of its gateway. log: the file with its log."""

    def __init__(self, name: str, role: str, process: Process, url: str, log: Path) -> None:
        self.name, self.role, self.process, self.url, self.log = name, role, process, url, log

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    async def kill(self) -> None:
        """Kill it with SIGKILL, and wait for its end."""
        self.signal(signal.SIGKILL)
        await self.process.wait()

    async def ended(self, within_s: float = END_S) -> int:
        """Return its exit code once it has ended."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    async def logged(self, event: str) -> None:
        """Wait until its log has the event."""
        await eventually(
            lambda: f'"event": "{event}"' in self.log.read_text(), what=f"{event} in {self.log}", within_s=END_S
        )

    async def stopped(self) -> int:
        self.signal(signal.SIGTERM)
        return await self.ended()

    @property
    def lives(self) -> bool:
        return self.process.returncode is None


class NotStarted(Exception):
    """A node ended before it was ready. code: its exit code. log: what it wrote."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(f"{code}: {log}")
        self.code, self.log = code, log


class Cluster:
    """The nodes on one database, with one provider.

    settings: of every node that is started, by their full names. token: the administrator's, on every node.
    """

    def __init__(
        self, folder: Path, database: Database, provider: RehearsalServer, settings: Mapping[str, int]
    ) -> None:
        self.folder, self.database, self.provider, self.settings = folder, database, provider, settings
        self.token = secrets.token_urlsafe(32)
        self.nodes: list[Node] = []
        self.effects = folder / "effects"
        self._starts = count()

    @classmethod
    @asynccontextmanager
    async def of(
        cls, folder: Path, database: Database, provider: RehearsalServer, settings: Mapping[str, int]
    ) -> AsyncIterator[Self]:
        """Yield a cluster without nodes. Every node has ended after the block."""
        cluster = cls(folder, database, provider, settings)
        cluster.effects.mkdir()
        for name, text in (("token", cluster.token), ("secret", secrets.token_hex(32))):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text)
        try:
            yield cluster
        finally:
            for node in cluster.nodes:
                if node.lives:
                    await node.kill()

    @property
    def living(self) -> list[Node]:
        """The nodes that are ready, and that have not ended."""
        return [node for node in self.nodes if node.url and node.lives]

    def client(self, node: Node) -> Client:
        return Client(node.url, self.token)

    async def start(
        self,
        *names: str,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        own: Mapping[str, object] | None = None,
    ) -> list[Node]:
        """Start nodes side by side, and return them when they are ready. Raises NotStarted.

        port: of the engine on loopback, None for its socket. env: further variables. own: settings of these nodes
        only, by their full names.
        """
        return list(await asyncio.gather(*(self._started(name, port, env or {}, own or {}) for name in names)))

    async def _started(self, name: str, port: int | None, env: Mapping[str, str], own: Mapping[str, object]) -> Node:
        number = next(self._starts)
        role = self.database.role(number)
        config, log = self.folder / f"{name}-{number}.config", self.folder / f"{name}-{number}.log"
        config.write_text(
            CONFIG.format(
                agent=AGENT,
                agents=AGENTS,
                url=self.database.url(role, port),
                name=name,
                secret=self.folder / "secret",
                token=self.folder / "token",
                state=self.folder / f"state-{number}",
            )
        )
        keys = {"OPENAI_BASE_URL": self.provider.base_url, "OPENAI_API_KEY": "rehearsal", FOLDER: str(self.effects)}
        variables = environment(**{**keys, "PYTHONPATH": str(ROOT), **env})
        flags = [each for key, value in {**self.settings, **own}.items() for each in ("--set", f"{key}={value}")]
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(UNDERSTUDY, "serve", "--config", str(config), *flags), stdout=PIPE, stderr=output, env=variables
            )
        node = Node(name, role, process, "", log)
        self.nodes.append(node)
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = (await process.stdout.readline()).decode()
        if not line:
            raise NotStarted(await process.wait(), log.read_text())
        node.url = line.removeprefix("understudy listens on ").strip()
        return node
