"""Fault 7: each node is stopped and started again, one after the other, under many streams."""

import signal

import aiohttp
import pytest

from tests.cluster import laws
from tests.cluster.audit import DEATHS
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Crowd

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
SETTINGS = {"daemon.drain_time": 2000}
STREAMS = 100


async def test_a_rolling_restart_loses_no_event_and_fails_no_request_that_is_sent_again(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    names = ("a", "b", "c")
    await cluster.start(*names)
    messages = [f"{'long' if number % 4 == 0 else 'm'}{number}" for number in range(STREAMS)]
    async with Crowd(http, cluster.token, lambda: cluster.living, messages, 20.0) as crowd:
        for name in names:
            node = next(each for each in cluster.living if each.name == name)
            node.signal(signal.SIGTERM)
            assert await node.ended() == 0
            await cluster.start(name)
    await laws.check_all(cluster, crowd.recordings)
    assert await cluster.database.rows(DEATHS) == []
    refusals = [refusal for each in crowd.recordings for refusal in each.refusals]
    assert {refusal.status for refusal in refusals} <= {503}
    assert [refusal for refusal in refusals if refusal.retry_after is None] == []
