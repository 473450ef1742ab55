"""Fault 13: a pooler in transaction mode, and a server that has no room for a connection."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg  # type: ignore[import-untyped]
import pytest

from agents.rehearsal import RehearsalServer
from tests.cluster import laws
from tests.cluster.audit import DEATHS
from tests.cluster.engine import Database, Engine
from tests.cluster.nodes import Cluster, NotStarted
from tests.cluster.pooler import pooler
from tests.cluster.recording import Crowd

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_long, pytest.mark.timeout(240)]
ROOM = 30
FULL_S = 5.0
"""The server is full for this time."""


@pytest.mark.parametrize("ignores", [True, False])
async def test_a_pooler_in_transaction_mode_is_refused_with_one_line(
    cluster: Cluster, shared_engine: Engine, *, ignores: bool
) -> None:
    async with pooler(shared_engine, ignores=ignores) as port:
        with pytest.raises(NotStarted) as refused:
            await cluster.start("a", port=port)
    assert refused.value.code == 2
    assert "Traceback" not in refused.value.log
    *_, line = refused.value.log.splitlines()
    assert re.match("understudy: ", line)
    assert ("pooler" in line) is ignores, line


@asynccontextmanager
async def full(database: Database) -> AsyncIterator[None]:
    """Take every connection of the server within the block, also those that its nodes have had."""
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(database.connection())
        taken = 0
        while taken < 20:  # tries without room: by then, a node has tried, too
            await ours.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'cluster%'")
            try:
                await stack.enter_async_context(database.connection())
            except asyncpg.TooManyConnectionsError:
                taken += 1
        yield


async def test_a_full_server_is_refused_at_the_start_and_waited_for_later(
    provider: RehearsalServer, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    with Engine.running(max_connections=str(ROOM)) as engine:
        database = await Database.made(engine)
        async with Cluster.of(tmp_path, database, provider, {}) as cluster:
            await cluster.start("a", "b")
            messages = [f"long{number}" for number in range(10)]
            async with Crowd(http, cluster.token, lambda: cluster.living, messages) as crowd:
                await crowd.all_begun()
                async with full(database):
                    with pytest.raises(NotStarted) as refused:
                        await cluster.start("c")
                    await asyncio.sleep(FULL_S)
            await laws.check_all(cluster, crowd.recordings)
            assert await database.rows(DEATHS) == []
            assert {event.attempt for each in crowd.recordings for event in each.events} == {1}
    assert refused.value.code == 2
    assert "Traceback" not in refused.value.log
    assert refused.value.log.splitlines()[-1].startswith("understudy: ")
