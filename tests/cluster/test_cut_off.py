"""Fault 3: a partition between a node and the engine."""

import asyncio
import time

import aiohttp
import pytest

from tests.cluster import laws
from tests.cluster.nodes import Cluster
from tests.cluster.proxy import Proxy
from tests.cluster.recording import Crowd

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]
SETTINGS = {"cluster.lease_time": 3000}
FENCED = 75
CUT_OFF_S = 10.0
"""The node is without its engine for this time."""

PATIENCE_S = 1.0
"""The gateway of a node without its engine still sends comments, so a client has to leave it."""


@pytest.mark.parametrize("fault", ["silent", "reset", "one_way"])
async def test_a_node_without_its_engine_is_replaced_and_ends(
    cluster: Cluster, http: aiohttp.ClientSession, fault: str
) -> None:
    async with Proxy(cluster.database.engine.port) as proxy:
        [a] = await cluster.start("a", port=proxy.port)
        await cluster.start("b")
        messages = [f"m{number}" for number in range(40)]
        async with Crowd(
            http, cluster.token, lambda: cluster.living, messages, 3.0, lambda n: n % 4 == 0, PATIENCE_S
        ) as crowd:
            await crowd.all_begun()
            cut = crowd.at("a")
            cut_s = time.monotonic()
            getattr(proxy, fault)()
            await asyncio.sleep(cut_s + CUT_OFF_S - time.monotonic())
            proxy.heal()
            assert await a.ended() == FENCED
        await laws.check_all(cluster, crowd.recordings)
        assert any(each.node == "b" for each in cut), "each stream ended before it was cut off"


async def test_a_node_that_waits_no_longer_for_its_engine_ends_no_turn(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    """Another node continues its turns, so an error of this one would be a second end."""
    cluster.settings = {**SETTINGS, "sessions.store_grace": 5000}
    async with Proxy(cluster.database.engine.port) as proxy:
        [a] = await cluster.start("a", port=proxy.port)
        await cluster.start("b")
        messages = [f"long{number}" for number in range(10)]
        async with Crowd(http, cluster.token, lambda: cluster.living, messages, 0.0, lambda _: 0) as crowd:
            await crowd.all_begun()
            proxy.silent()
            assert await a.ended() == FENCED
        await laws.check_all(cluster, crowd.recordings)
