"""A daemon with schedules that is killed: each run has one turn, and the due times of the outage have their runs."""

import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlalchemy import update

from agents.client import Client, ClientError
from agents.rehearsal import RehearsalServer
from agents.sessions import Store, store_url
from agents.sessions.ledger_tables import SCHEDULES
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import daemon
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)
CONFIG = """
[{understudy, [
    {agents, [[{id, "writer"}, {model, "slow"}]]},
    {schedules, [[{name, "news"}, {agent, "writer"}, {every, 2}, {message, "News?"}, {grace, 0.5}, {missed, once}]]},
    {scheduling, [{catch_up_time, 100}]}
]}].
"""
WAIT_S = 60.0


Runs: TypeAlias = list[dict[str, Any]]


async def runs(client: Client, until: Callable[[Runs], bool]) -> Runs:
    """Return the runs, the newest first, as soon as they fit."""

    async def found() -> Runs:
        return list((await client.get("/schedules/news/runs"))["runs"])

    return await eventually(found, until, what="runs that fit", within_s=WAIT_S)


def active(found: Runs) -> bool:
    return any(run["state"] == "active" for run in found)


def ended(found: Runs) -> bool:
    return all(run["state"] == "ended" for run in found)


async def outage(folder: Path) -> None:
    """Let due times pass while no daemon runs."""
    store = await Store.open(store_url(None, folder))
    await store.claim()
    due_at = datetime.now(UTC) - timedelta(seconds=5)
    await store.as_writer(lambda connection: connection.execute(update(SCHEDULES).values(next_at=due_at)))
    await store.close()


async def begun(client: Client, stream_id: str) -> None:
    """Wait until the stream has events."""

    async def seq() -> int:
        with suppress(ClientError):  # it has not begun
            return int((await client.get("/streams/" + stream_id))["seq"])
        return 0

    await eventually(seq, lambda last: last > 1, what=f"events of {stream_id}", within_s=WAIT_S)


async def test_a_run_that_kill_9_cut_and_the_missed_due_times_have_one_turn_each(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "sys.config"
    config.write_text(CONFIG)
    async with daemon(server, folder, "--config", str(config)) as running:
        async with running.client() as client:
            cut = next(run for run in await runs(client, active) if run["state"] == "active")
            await begun(client, cut["id"])
        running.signal(signal.SIGKILL)
        await running.ended()
    await outage(folder)
    async with daemon(server, folder, "--config", str(config)) as running, running.client() as client:
        await client.post("/schedules/news/pause")
        found = await runs(client, ended)
        assert [run["outcome"] for run in found if run["id"] == cut["id"]] == ["complete"]
        assert any(run["outcome"] == "missed" or run["count"] > 1 for run in found)
        for run in found:
            if run["session_id"] is not None:
                session = await client.get("/sessions/" + run["session_id"])
                assert [stream["id"] for stream in session["streams"]] == [run["id"]]
        code, out, _ = await understudy("schedules", "history", "news", "--state-dir", str(folder))
        assert code == 0
        assert cut["id"] in out
