"""Fault 12: an asynchronous standby without the last commits becomes the primary."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from agents.rehearsal import RehearsalServer
from tests.cluster import laws
from tests.cluster.engine import Database, Engine
from tests.cluster.nodes import Cluster
from tests.cluster.proxy import Proxy
from tests.cluster.recording import Crowd
from tests.cluster.standby import Standby

pytestmark = [pytest.mark.cluster, pytest.mark.cluster_long, pytest.mark.timeout(240)]
LOST_S = 0.1
"""The commits of this time are lost."""


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """A server that the test may leave killed."""
    with Engine.running() as engine:
        yield engine
        await engine.start()


async def test_a_standby_without_the_last_commits_has_one_writer_a_session(
    engine: Engine, provider: RehearsalServer, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Commits that were lost may be missing from a stream, but not without a new attempt."""
    async with Standby.of(engine) as standby, Proxy(engine.port) as proxy:
        database = await Database.made(engine)
        async with Cluster.of(tmp_path, database, provider, {}) as cluster:
            await cluster.start("a", "b", port=proxy.port)
            messages = [f"m{number}" for number in range(20)]
            async with Crowd(http, cluster.token, lambda: cluster.living, messages, 3.0) as crowd:
                await crowd.all_begun()
                standby.link.silent()
                await asyncio.sleep(LOST_S)
                await engine.kill()
                await standby.promote()
                proxy.target, database.engine = standby.port, standby
                await cluster.start("c", port=proxy.port)
            await laws.check_all(cluster, crowd.recordings)
