"""Fault 2: SIGSTOP of a node, then SIGCONT: also in the middle of a transaction, and between a call's record and it."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.cluster import laws
from tests.cluster.audit import AT_COMMIT, HOLD, IN_TRANSACTION, WAITING
from tests.cluster.nodes import Cluster, Node
from tests.cluster.recording import Crowd, Recording
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]
SETTINGS = {"cluster.lease_time": 3000}
FENCED = 75
"""The exit code of a node that was declared dead."""

STOPPED_S = 10.0
"""The node is stopped for this time."""


@asynccontextmanager
async def held(cluster: Cluster, place: int) -> AsyncIterator[None]:
    """Within the block, transactions with a checkpoint wait at this place."""
    async with cluster.database.connection() as connection:
        await connection.execute(HOLD.format(place=place))
        yield


async def waits(cluster: Cluster, node: Node, place: int) -> None:
    """Wait until a transaction of the node is at this place."""
    await eventually(
        lambda: cluster.database.rows(WAITING.format(place=place)),
        lambda roles: (node.role,) in roles,
        what=f"a transaction of {node.role} at place {place}",
    )


async def continued(node: Node, stopped_s: float) -> None:
    """Continue the stopped node after STOPPED_S, and check that it ends."""
    await asyncio.sleep(stopped_s + STOPPED_S - time.monotonic())
    node.signal(signal.SIGCONT)
    assert await node.ended() == FENCED


async def test_a_stopped_node_is_replaced_and_ends_when_it_continues(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    a, _ = await cluster.start("a", "b")
    messages = [f"m{number}" for number in range(40)]
    async with Crowd(http, cluster.token, lambda: cluster.living, messages, 3.0, lambda n: n % 4 == 0) as crowd:
        await crowd.all_begun()
        cut = crowd.at("a")
        a.signal(signal.SIGSTOP)
        stopped_s = time.monotonic()
        await continued(a, stopped_s)
    await laws.check_all(cluster, crowd.recordings)
    assert all(each.first_after(stopped_s, not_from="a") for each in cut)


@pytest.mark.parametrize("place", [IN_TRANSACTION, AT_COMMIT])
async def test_a_node_that_is_stopped_in_a_transaction_writes_nothing_more_and_starts_no_call(
    cluster: Cluster, http: aiohttp.ClientSession, place: int
) -> None:
    """The transaction is the one that records the calls. At its commit, the node does not see that it succeeded."""
    a, _ = await cluster.start("a", "b")
    recording = Recording(http, cluster.token, lambda: cluster.living, "m0")
    task = asyncio.create_task(recording.run())
    await recording.more_than(5)  # the next record of its progress is the one of its calls
    async with held(cluster, place):
        await waits(cluster, a, place)
        a.signal(signal.SIGSTOP)
        stopped_s = time.monotonic()
        assert not [*cluster.effects.iterdir()]
    await continued(a, stopped_s)
    await task
    await laws.check_all(cluster, [recording])
    assert recording.first_after(stopped_s, not_from="a")
    assert str(a.process.pid) not in "".join(file.read_text() for file in cluster.effects.iterdir()).split()
