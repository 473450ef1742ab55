"""Fault 9: a turn ends its node each time it runs."""

import asyncio
from itertools import count

import aiohttp
import pytest

from tests.cluster import laws
from tests.cluster.nodes import Cluster, Node
from tests.cluster.recording import Crowd, Recording

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
TAKEOVERS = 3


async def restart_nodes(cluster: Cluster) -> None:
    """Start a node for each one of two that ends, as a service manager does."""

    async def replace(node: Node) -> None:
        while True:
            await node.process.wait()
            cluster.nodes.remove(node)
            [node] = await cluster.start(f"n{next(numbers)}")

    numbers = count(3)
    await asyncio.gather(*map(replace, cluster.nodes))


async def test_a_turn_that_ends_its_node_is_taken_over_three_times_and_other_turns_survive(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    await cluster.start("a", "b")
    killer = Recording(http, cluster.token, lambda: cluster.living, "kill")
    messages = [f"long{number}" for number in range(10)]
    async with Crowd(http, cluster.token, lambda: cluster.living, messages) as crowd:
        await crowd.all_begun()
        killing = asyncio.create_task(killer.run())
        restarting = asyncio.create_task(restart_nodes(cluster))
        await asyncio.wait({killing, restarting}, return_when=asyncio.FIRST_COMPLETED)
        restarting.cancel()
        await killing
    laws.it_ended_as_interrupted(killer)
    assert len((cluster.effects / "kills-kill").read_text().split()) == 1 + TAKEOVERS
    await laws.check_all(cluster, crowd.recordings)
