"""Fault 9: a turn ends its node each time it runs."""

import asyncio

import aiohttp
import pytest

from agents.core.errors import Interrupted
from agents.core.events import StreamError
from tests.cluster import laws
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Crowd, Recording

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
TAKEOVERS = 3


async def test_a_turn_that_ends_its_node_is_taken_over_three_times_and_other_turns_survive(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    """A node that ended is started again, as a service manager does."""
    await cluster.start("a", "b")
    killer = Recording(http, cluster.token, lambda: cluster.living, "kill")
    messages = [f"long{number}" for number in range(10)]
    async with Crowd(http, cluster.token, lambda: cluster.living, messages) as crowd:
        await crowd.all_begun()
        killing = asyncio.create_task(killer.run())
        starts = 2
        while not killing.done():
            for node in [each for each in cluster.nodes[-2:] if not each.lives]:
                starts += 1
                cluster.nodes.remove(node)
                await cluster.start(f"n{starts}")
            await asyncio.sleep(0.1)
        await killing
    end = killer.events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == Interrupted()
    laws.seqs_rise_and_have_gaps_only_between_attempts(killer)
    laws.one_end_comes_last(killer)
    assert len((cluster.effects / "kills-kill").read_text().split()) == 1 + TAKEOVERS
    await laws.check_all(cluster, crowd.recordings)
