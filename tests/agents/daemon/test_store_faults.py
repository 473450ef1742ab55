"""A store that is unavailable, locked, moved or deleted: one line at the start, typed errors later."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.client import Client, Refused
from agents.core.errors import StoreFailed
from agents.core.events import Event, StreamComplete, StreamError
from agents.rehearsal import RehearsalServer
from tests.agents.daemon.daemons import Daemon, daemon, refused

pytestmark = pytest.mark.timeout(180)


def as_others() -> list[str]:
    """Return a command prefix that makes file modes apply to root, too."""
    if os.geteuid() != 0:
        return []
    assert shutil.which("setpriv"), "expected setpriv, of util-linux"
    dropped = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}"]


def read_only_file(folder: Path) -> None:
    (folder / "sessions.db").touch(0o400)


def read_only_folder(folder: Path) -> None:
    folder.chmod(0o500)


def a_folder(folder: Path) -> None:
    (folder / "sessions.db").mkdir()


def no_database(folder: Path) -> None:
    (folder / "sessions.db").write_text("no database, but as long as the head of one would be " * 20)


def a_link_to_nowhere(folder: Path) -> None:
    (folder / "sessions.db").symlink_to("/nowhere/sessions.db")


SPOILT = [read_only_file, read_only_folder, a_folder, no_database, a_link_to_nowhere]


async def test_an_unavailable_store_is_reported_in_one_line_and_starts_nothing(
    server: RehearsalServer, tmp_path: Path
) -> None:
    async def reported(spoil: Callable[[Path], None]) -> None:
        folder = tmp_path / spoil.__name__
        folder.mkdir(mode=0o700)
        spoil(folder)
        code, err = await refused(server, folder, "--port", "0", under=as_others())
        last = err.splitlines()[-1]
        assert code == 2, err
        assert last.startswith("understudy: the st"), err
        assert str(folder) in last
        assert not {"lock", "daemon.json"} & {each.name for each in folder.iterdir()}

    for spoil in SPOILT:
        await reported(spoil)


async def ends(client: Client, agent_id: str, stream_id: str) -> Event:
    *_, last = [event async for event in client.ask(agent_id, "Hello.", stream_id=stream_id)]
    return last


async def kept(client: Client, *streams: str) -> None:
    """Check that each stream is kept, from its first event to one terminal event."""
    for stream_id in streams:
        events = [event async for event in client.events(stream_id)]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [isinstance(event, StreamComplete | StreamError) for event in events].count(True) == 1


async def refuses_new_work(running: Daemon, client: Client) -> None:
    """Check the refusal: one line that does not name the place of the store."""
    with pytest.raises(Refused, match=r"^the store of sessions can't be used now$") as no:
        await client.post("/agents", {"model": "echo"})
    assert no.value.status == 503
    last = await ends(client, "a", "failed")
    assert isinstance(last, StreamError)
    assert isinstance(last.reason, StoreFailed)
    assert last.reason == StoreFailed("the store of sessions can't be written now")
    with pytest.raises(Refused, match=r"^the store of sessions can't be written now$") as unready:
        await client.get("/readyz")
    assert unready.value.status == 503


async def test_a_store_that_another_program_locks_costs_only_the_turns_of_that_time(
    server: RehearsalServer, folder: Path
) -> None:
    async with daemon(server, folder) as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "echo"})
            assert isinstance(await ends(client, "a", "before"), StreamComplete)
            other = sqlite3.connect(folder / "sessions.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            await refuses_new_work(running, client)
            other.execute("ROLLBACK")
            other.close()
            assert isinstance(await ends(client, "a", "after"), StreamComplete)
            assert await client.get("/readyz") == {"status": "ready"}
            await kept(client, "before", "failed", "after")
        assert await running.stopped() == 0
        assert f"it is in use by pid {os.getpid()}" in await running.log_output()


async def test_a_store_that_is_moved_in_use_is_reported_and_works_once_it_is_back(
    server: RehearsalServer, folder: Path
) -> None:
    files = [f"sessions.db{end}" for end in ("", "-wal", "-shm")]
    async with daemon(server, folder) as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "echo"})
            assert isinstance(await ends(client, "a", "before"), StreamComplete)
            away = folder / "away"
            away.mkdir()
            for name in files:
                (folder / name).rename(away / name)
            await refuses_new_work(running, client)
            for name in files:
                (away / name).rename(folder / name)
            assert isinstance(await ends(client, "a", "after"), StreamComplete)
            assert await client.get("/readyz") == {"status": "ready"}
            await kept(client, "before", "failed", "after")
        assert await running.stopped() == 0
    async with daemon(server, folder) as again:
        async with again.client() as client:
            await kept(client, "before", "failed", "after")
        assert await again.stopped() == 0


async def test_a_deleted_store_is_reported_and_the_daemon_ends_on_request(
    server: RehearsalServer, folder: Path
) -> None:
    async with daemon(server, folder) as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "echo"})
            assert isinstance(await ends(client, "a", "before"), StreamComplete)
            shutil.rmtree(folder)
            await refuses_new_work(running, client)
        assert await running.stopped() == 0
    async with daemon(server, folder) as again:
        assert await again.stopped() == 0
