"""Fault 1: kill -9 of a node under many streams, each at another point of its turn."""

import time

import aiohttp
import pytest

from tests.cluster import laws
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Crowd
from tests.cluster.script import TURN_S

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]
STREAMS = 100


async def test_each_stream_of_a_killed_node_continues_at_another_node(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    a, b = await cluster.start("a", "b")
    messages = [f"m{number}" for number in range(STREAMS)]
    over_s = TURN_S * 0.9
    async with Crowd(http, cluster.token, lambda: cluster.living, messages, over_s, lambda n: n % 4 == 0) as crowd:
        await crowd.all_begun()
        cut = crowd.at("a")
        died_s = time.monotonic()
        await a.kill()
    assert len(cut) > STREAMS / 4, "the streams should not be over yet"
    await laws.check_all(cluster, crowd.recordings)
    assert {each.node for each in crowd.recordings} <= {"a", "b"}
    assert all(each.first_after(died_s, not_from="a") for each in cut)
    assert await b.stopped() == 0
