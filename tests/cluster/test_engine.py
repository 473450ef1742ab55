"""Fault 5: the engine restarts, at once and after a while, under many streams."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from agents.rehearsal import RehearsalServer
from tests.cluster import laws
from tests.cluster.audit import DEATHS
from tests.cluster.engine import Database, Engine
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Crowd
from tests.cluster.script import TURN_S

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]
STREAMS = 100


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.running() as engine:
        yield engine


async def no_record_comes(cluster: Cluster) -> None:
    """Wait until each node knows that its store fails, and has begun the calls whose records are on disk."""
    for node in cluster.living:
        await node.logged("store_failed")
        async with cluster.client(node) as client:
            await client.get("/healthz")  # a later round of the node's loop


@pytest.mark.parametrize(
    ("mode", "away_s"),
    [
        ("fast", 0.5),
        ("immediate", 5.0),
        ("kill", 0.5),
        pytest.param("fast", 20.0, marks=pytest.mark.cluster_long),
        pytest.param("kill", 20.0, marks=pytest.mark.cluster_long),
    ],
)
async def test_a_restart_of_the_engine_ends_no_turn_and_no_node_and_starts_no_call(
    engine: Engine, provider: RehearsalServer, http: aiohttp.ClientSession, tmp_path: Path, mode: str, away_s: float
) -> None:
    async with Cluster.of(tmp_path, await Database.made(engine), provider, {}) as cluster:
        await cluster.start("a", "b")
        messages = [f"m{number}" for number in range(STREAMS)]
        async with Crowd(http, cluster.token, lambda: cluster.living, messages, TURN_S * 0.9) as crowd:
            await crowd.all_begun()
            await (engine.kill() if mode == "kill" else engine.stop(mode))
            await no_record_comes(cluster)
            before = sorted(cluster.effects.iterdir())
            await asyncio.sleep(away_s)
            assert sorted(cluster.effects.iterdir()) == before
            going_on = [each for each in crowd.recordings if not each.is_over]
            await engine.start()
            back_s = time.monotonic()
        await laws.check_all(cluster, crowd.recordings)
        assert {event.attempt for each in crowd.recordings for event in each.events} == {1}
        assert await cluster.database.rows(DEATHS) == []
        assert len(cluster.living) == 2
        assert going_on
        assert all(each.first_after(back_s) for each in going_on)
