"""A daemon that is stopped (SIGSTOP) and continued (SIGCONT), also after another daemon has taken its store."""

import asyncio
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agents.core.events import Event, StreamComplete, StreamError
from agents.rehearsal import RehearsalServer
from agents.sessions import Store
from tests.agents.daemon.daemons import Daemon, daemon

pytestmark = pytest.mark.timeout(180)
HELD_UP_S = 3.0


class Reading:
    """A stream that one client reads to its end."""

    def __init__(self, running: Daemon) -> None:
        self.seqs: list[int] = []
        self.half_way = asyncio.Event()
        self.task = asyncio.create_task(self._read(running))

    async def _read(self, running: Daemon) -> Event:
        async with running.client() as client:
            async for event in client.ask("a", "go", stream_id="s"):
                self.seqs.append(event.seq)
                if len(self.seqs) > 5:
                    self.half_way.set()
        return event


async def test_a_stopped_daemon_continues_its_turns(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "slow"})
            reading = Reading(running)
            await reading.half_way.wait()
            running.signal(signal.SIGSTOP)
            await asyncio.sleep(HELD_UP_S)  # the subject of the test: this time is lost
            running.signal(signal.SIGCONT)
            assert isinstance(await reading.task, StreamComplete)
            assert reading.seqs == list(range(1, len(reading.seqs) + 1))
            assert await client.get("/readyz") == {"status": "ready"}
        assert await running.stopped() == 0


async def test_a_stopped_daemon_that_has_lost_its_store_writes_nothing_more(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    """The other daemon owns the stream by then, and the stream ends once."""
    url = f"sqlite:///{folder}/sessions.db"
    async with daemon(server, folder) as first:
        async with first.client() as client:
            await client.post("/agents", {"id": "a", "model": "slow"})
        reading = Reading(first)
        await reading.half_way.wait()
        while not disowned(first, folder / "sessions.db"):
            first.signal(signal.SIGCONT)
        async with daemon(server, tmp_path / "other", "--set", f"sessions.url={url}") as second:
            async with second.client() as client:
                events = [event async for event in client.events("s")]
                assert isinstance(events[-1], StreamComplete)
                first.signal(signal.SIGCONT)
                assert await first.ended() == 1
                last = (await first.log_output()).splitlines()[-1]
                assert last.startswith("understudy: the application has ended")
                assert isinstance(await reading.task, StreamError)
                assert [event async for event in client.events("s")][-1] == events[-1]
            assert await second.stopped() == 0
    store = await Store.open(url)
    kept = await store.events("s")
    assert [event.seq for event in kept if isinstance(event, StreamComplete | StreamError)] == [events[-1].seq]
    assert await store.open_streams() == []
    await store.close()


def disowned(running: Daemon, file: Path) -> bool:
    """Stop the daemon, and give its store to an owner of another host, where nobody can see which processes live.

    Return False if the daemon was stopped in the middle of a write.
    """
    running.signal(signal.SIGSTOP)
    with closing(sqlite3.connect(file, timeout=1)) as store, store:
        try:
            store.execute("UPDATE writer SET owner = 'elsewhere' || substr(owner, instr(owner, ' '))")
        except sqlite3.OperationalError:
            return False
    return True
