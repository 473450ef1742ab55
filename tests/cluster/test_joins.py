"""Fault 8: nodes join and leave all the time, and two nodes want one name."""

import random
import re
import signal

import aiohttp
import pytest

from tests.cluster import laws
from tests.cluster.nodes import Cluster, NotStarted
from tests.cluster.recording import Crowd

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
SETTINGS = {"daemon.drain_time": 2000}
STREAMS = 45
ROUNDS = 10
"""Each round is a join and a leave."""


async def test_joins_and_leaves_lose_no_turn_and_give_each_session_one_owner(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    chance = random.Random(8)
    await cluster.start("n0", "n1")
    messages = [f"{'m' if number % 3 else 'long'}{number}" for number in range(STREAMS)]
    async with Crowd(http, cluster.token, lambda: cluster.living, messages, 20.0) as crowd:
        staying = list(cluster.nodes)
        for number in range(ROUNDS):
            leaving = staying.pop(chance.randrange(len(staying)))
            staying += await cluster.start(f"n{number + 2}")
            leaving.signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
    await laws.check_all(cluster, crowd.recordings)


async def test_a_name_in_use_is_refused_with_one_line(cluster: Cluster) -> None:
    await cluster.start("a")
    with pytest.raises(NotStarted) as refused:
        await cluster.start("a")
    assert refused.value.code == 2
    *_, line = refused.value.log.splitlines()
    assert re.fullmatch(r"understudy: expected a new name for this node, got 'a', .*", line)
    assert len(cluster.living) == 1
