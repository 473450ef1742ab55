"""Fault 4: a partition between two nodes. Both reach the engine."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from tests.cluster import laws
from tests.cluster.audit import DEATHS
from tests.cluster.engine import free_port
from tests.cluster.nodes import Cluster, Node
from tests.cluster.proxy import Proxy
from tests.cluster.recording import Crowd, Recording

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]
SETTINGS = {"cluster.lease_time": 3000, "cluster.failover_wait": 1500}
APART_S = 3.5
"""The turns of the other node end in this time."""


@asynccontextmanager
async def behind_proxies(cluster: Cluster, *names: str) -> AsyncIterator[list[Proxy]]:
    """Start nodes that find each other by proxies, and yield the proxies."""
    async with AsyncExitStack() as stack:
        ports = [free_port() for _ in names]
        proxies = [await stack.enter_async_context(Proxy(port)) for port in ports]
        addresses = [
            {"cluster.listen": f"127.0.0.1:{port}", "cluster.advertise": f"127.0.0.1:{proxy.port}"}
            for port, proxy in zip(ports, proxies, strict=True)
        ]
        starts = [cluster.start(name, own=own) for name, own in zip(names, addresses, strict=True)]
        await asyncio.gather(*starts)
        yield proxies


async def asks(cluster: Cluster, node: Node, session: str) -> tuple[int, str]:
    """Send a node a message for a session. Return the status, and the stream."""
    body = {"query": "m99", "session_id": session, "assistant_message_id": f"asked-{time.monotonic_ns()}"}
    async with patient(cluster) as http, http.post(f"{node.url}/api/agent/chat/stream", json=body) as answer:
        return answer.status, await answer.text()


async def looks(cluster: Cluster, node: Node, session: str) -> int:
    """Ask a node about a session's agent. Return the status."""
    async with patient(cluster) as http, http.get(f"{node.url}/agents/{session}") as answer:
        return answer.status


def patient(cluster: Cluster) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {cluster.token}"})


@pytest.mark.parametrize("fault", ["silent", "reset"])
async def test_nodes_that_cannot_reach_each_other_live_on_and_every_stream_goes_on(
    cluster: Cluster, http: aiohttp.ClientSession, fault: str
) -> None:
    async with behind_proxies(cluster, "a", "b") as proxies:
        a, b = sorted(cluster.nodes, key=lambda node: node.name)
        messages = [f"m{number}" for number in range(6)]
        async with Crowd(http, cluster.token, lambda: [a, b], messages, first=lambda _: 0) as own:
            await own.all_begun()
            async with Crowd(http, cluster.token, lambda: [a, b], messages, first=lambda _: 1) as far:
                await far.all_begun()
                apart_s = time.monotonic()
                for proxy in proxies:
                    getattr(proxy, fault)()
                late = Recording(http, cluster.token, lambda: [b], "m50")
                asking = asyncio.create_task(late.run())  # a new session of the other node
                if fault == "reset":
                    (_, stream), status = await asyncio.gather(asks(cluster, b, "m0"), looks(cluster, b, "m1"))
                    assert '"type":"cut","code":"moved"' in stream  # neither is an end
                    assert status == 503
                await asyncio.sleep(apart_s + APART_S - time.monotonic())
                healed_s = time.monotonic()
                for proxy in proxies:
                    proxy.heal()
        await asking
        recordings = [*own.recordings, *far.recordings, late]
        await laws.check_all(cluster, recordings)
        assert await cluster.database.rows(DEATHS) == []
        assert [node.lives for node in cluster.nodes] == [True, True]
        later = {each.node for far_one in far.recordings for each in far_one.arrivals if each.at_s > healed_s}
        assert fault == "reset" or "b" in later  # a silent link goes on
        assert await looks(cluster, b, "m1") == 200
