"""The faults of nodes on one SQLite file: kills, stops, drains, a locked file, and a turn that ends its node.

The nodes are those of one `serve --nodes 2`, through which all faults pass. After each, the laws of
tests/cluster/laws.py hold that need no audit of a server. A trigger in the file notes each session that is taken from a
living node.
"""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from msgspec import Struct

from agents.rehearsal import RehearsalServer, parse
from tests.agents.daemon.crew.test_nodes import BOTH, pids
from tests.agents.daemon.daemons import Daemon, daemon
from tests.cluster import laws
from tests.cluster.effects import FOLDER
from tests.cluster.nodes import AGENT, AGENTS, ROOT
from tests.cluster.recording import Crowd, Recording, session
from tests.cluster.script import script
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)

LOCKED_S: Final = 0.9
"""The file of the store is locked for this time."""

CALLING: Final = "SELECT session_id FROM streams WHERE checkpoint IS NOT NULL"
"""The sessions whose calls have a record, which they need to begin."""

TAKEOVERS: Final = 1
CONFIG: Final = f"""
[{{agents, [{{tools, [{{min_workers, 0}}]}}]}},
 {{understudy, [{AGENTS},
     {{cluster, [{{name, "pair"}}, {{lease_time, 3000}}, {{max_takeovers, {TAKEOVERS}}}]}},
     {{supervision, [{{nodes, [{{intensity, 100}}]}}]}},
     {{gateway, [{{heartbeat, 300}}, {{default_agent, "{AGENT}"}}]}},
     {{daemon, [{{drain_time, 500}}]}}
 ]}}].
"""

LIVING: Final = "SELECT name, epoch FROM nodes JOIN fences USING (epoch) WHERE address <> ''"
RUNNING: Final = """
SELECT nodes.name, streams.id FROM streams JOIN sessions ON sessions.id = session_id JOIN nodes ON epoch = node
WHERE status = 'open'
"""
AUDIT: Final = """
CREATE TABLE taken (session TEXT, was INTEGER, becomes INTEGER);
CREATE TRIGGER owned AFTER UPDATE OF node ON sessions
WHEN old.node <> new.node AND EXISTS (SELECT 1 FROM fences WHERE epoch = old.node)
BEGIN INSERT INTO taken VALUES (new.id, old.node, new.node); END;
"""


class Port(Struct, frozen=True):
    """The port that all nodes share."""

    name: str
    url: str


class Crew:
    """The running nodes, and a client of their port. effects: the folder of the calls' side effects."""

    def __init__(self, running: Daemon, http: aiohttp.ClientSession, effects: Path) -> None:
        self.running, self.http, self.effects = running, http, effects
        self.ports = [Port("both", running.url)]
        self.file = running.folder / "sessions.db"

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, isolation_level=None)

    def rows(self, wanted: str) -> list[Any]:
        with closing(self.database()) as database:
            return database.execute(wanted).fetchall()

    def recording(self, message: str) -> Recording:
        return Recording(self.http, self.running.token, lambda: self.ports, message)

    def crowd(self, messages: Sequence[str], over_s: float = 0.0) -> Crowd:
        return Crowd(self.http, self.running.token, lambda: self.ports, messages, over_s)

    def busiest(self) -> tuple[str, set[str]]:
        """Return the node with the most turns, and the ids of their streams."""
        running = self.rows(RUNNING)
        name = max(BOTH, key=[node for node, _ in running].count)
        return name, {stream for node, stream in running if node == name}

    def living(self) -> dict[str, int]:
        """Return the epochs of the nodes that have joined and not been declared dead, by name."""
        return dict(self.rows(LIVING))

    async def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a node, and wait until its next process has joined. The other node stays as it is."""
        before, running = self.living(), pids(self.running)
        os.kill(running[name], number)
        await eventually(
            self.living, lambda now: now.get(name, before[name]) != before[name], what=f"the next process of {name}"
        )
        assert {each for each, pid in pids(self.running).items() if pid == running[each]} == BOTH - {name}

    async def check(self, crowd: Crowd) -> None:
        await laws.check_on_any_store(f"sqlite:///{self.file}", self.effects, crowd.recordings)
        assert self.rows("SELECT * FROM taken") == []


async def test_nodes_on_one_file_lose_no_turn_and_start_no_call_twice_through_every_fault(
    folder: Path, tmp_path: Path
) -> None:
    (file, effects) = tmp_path / "sys.config", tmp_path / "effects"
    file.write_text(CONFIG)
    effects.mkdir()
    env: dict[str, Any] = {FOLDER: str(effects), "PYTHONPATH": str(ROOT)}
    async with (
        RehearsalServer(parse(script(0.02), "crew")) as server,
        daemon(server, folder, "--nodes", "2", "--config", str(file), **env) as running,
        session() as http,
    ):
        crew = Crew(running, http, effects)
        with closing(crew.database()) as database:
            database.executescript(AUDIT)
        await a_locked_file_ends_no_turn_and_no_node_and_starts_no_call(crew)
        await turns_outlive_nodes_that_are_killed_stopped_and_drained(crew)
        await a_turn_that_ends_its_nodes_ends_as_interrupted_and_other_turns_survive(crew)
        assert await running.stopped() == 0


async def a_locked_file_ends_no_turn_and_no_node_and_starts_no_call(crew: Crew) -> None:
    before = pids(crew.running)
    async with crew.crowd([f"l{number}" for number in range(6)]) as crowd:
        await crowd.all_begun()
        with closing(crew.database()) as database:
            database.execute("BEGIN IMMEDIATE")
            may_call = {session for (session,) in database.execute(CALLING)}
            await asyncio.sleep(LOCKED_S)
            assert {file.name.partition("-")[2] for file in crew.effects.iterdir()} <= may_call
            database.execute("ROLLBACK")
    await crew.check(crowd)
    assert {event.attempt for each in crowd.recordings for event in each.events} == {1}
    assert pids(crew.running) == before


async def turns_outlive_nodes_that_are_killed_stopped_and_drained(crew: Crew) -> None:
    """Each signal goes to the node with the most turns. The parent kills a stopped node, and restarts each one."""
    messages = [f"{'m' if number % 3 else 'long'}{number}" for number in range(18)]
    cut = set[str]()
    async with crew.crowd(messages, 4.0) as crowd:
        await crowd.recordings[0].more_than(0)
        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
            name, streams = crew.busiest()
            cut |= streams
            await crew.signal(name, number)
    await crew.check(crowd)
    assert {each.stream_id for each in crowd.recordings if each.events[-1].attempt > 1} & cut


async def a_turn_that_ends_its_nodes_ends_as_interrupted_and_other_turns_survive(crew: Crew) -> None:
    killer = crew.recording("kill")
    async with crew.crowd(["long-a", "long-b"]) as crowd:
        await crowd.all_begun()
        await killer.run()
    laws.it_ended_as_interrupted(killer)
    assert len((crew.effects / "kills-kill").read_text().split()) == 1 + TAKEOVERS
    await crew.check(crowd)
