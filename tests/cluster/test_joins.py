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
ROUNDS = 10
"""Each round is a join and a leave."""


async def test_joins_and_leaves_lose_no_turn_and_give_each_session_one_owner(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    chance = random.Random(8)
    await cluster.start("n0", "n1")
    messages = [f"long{number}" for number in range(15)] + [f"m{number}" for number in range(30)]
    async with Crowd(http, cluster.token, lambda: cluster.living, messages, 20.0) as crowd:
        for number in range(ROUNDS):
            leaving = chance.choice(cluster.living)
            await cluster.start(f"n{number + 2}")
            if number % 2:
                await leaving.kill()
            else:
                leaving.signal(signal.SIGTERM)
        for node in cluster.living[2:]:
            await node.ended()
    await laws.check_all(cluster, crowd.recordings)


async def test_a_name_in_use_is_refused_with_one_line(cluster: Cluster) -> None:
    await cluster.start("a")
    with pytest.raises(NotStarted) as refused:
        await cluster.start("a")
    assert refused.value.code == 2
    assert re.fullmatch(r"understudy: .*'a'.*\n", refused.value.log), refused.value.log
    assert len(cluster.living) == 1
