"""Fault 10: clients that read nothing, of an agent of another node."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from agents.rehearsal import RehearsalServer, parse
from tests.cluster import laws
from tests.cluster.audit import DEATHS
from tests.cluster.nodes import Cluster, Node
from tests.cluster.recording import Crowd
from tests.cluster.script import FLOOD, FLOOD_WORDS, TOKEN_S, script

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]
SETTINGS = {"streaming.buffer_size": 64}
READERS = 60
COPIES = 2
MEASURED_AT = 1400
"""The seq of the long stream at which the memory is measured: shortly before its end."""


@pytest.fixture
async def provider() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(parse(script(TOKEN_S, FLOOD), "slow readers")) as server:
        yield server


async def reads_nothing(node: Node, token: str, stream_id: str) -> socket.socket:
    """Ask for a stream, and return a connection that nobody reads."""
    host, port = node.url.removeprefix("http://").split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    head = f"GET /streams/{stream_id}/events HTTP/1.1", f"Host: {host}:{port}", f"Authorization: Bearer {token}"
    await asyncio.get_running_loop().sock_connect(client, (host, int(port)))
    await asyncio.get_running_loop().sock_sendall(client, "\r\n".join((*head, "", "")).encode())
    return client


def memory(node: Node, field: str) -> int:
    """Return the bytes of the node's memory: VmRSS, or the most that it has had, VmHWM."""
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    [kib] = re.findall(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kib) * 2**10


async def stalls(http: aiohttp.ClientSession, cluster: Cluster, node: Node) -> int:
    """Return how often a follow of another node has waited for credit."""
    headers = {"Authorization": f"Bearer {cluster.token}"}
    async with http.get(f"{node.url}/metrics", headers=headers) as answer:
        [count] = re.findall(r"^understudy_cluster_link_credit_stalls_total (\d+)", await answer.text(), re.MULTILINE)
    return int(count)


async def test_clients_that_read_nothing_cost_both_nodes_bounded_memory_and_others_nothing(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    """A text is joined for a client that lags, so a client costs no more than a few copies of one text."""
    await cluster.start("a", "b")
    a, b = sorted(cluster.nodes, key=lambda node: node.name)
    before = [memory(node, "VmRSS") for node in (a, b)]
    messages = [f"m{number}" for number in range(6)]
    async with Crowd(http, cluster.token, lambda: [a, b], ["flood0"], first=lambda _: 0) as flood:
        await flood.all_begun()
        async with Crowd(http, cluster.token, lambda: [a, b], messages, first=lambda n: n % 2) as others:
            with ExitStack() as clients:
                for _ in range(READERS):
                    clients.enter_context(await reads_nothing(b, cluster.token, "stream-flood0"))
                [whole] = flood.recordings
                while whole.events[-1].seq < MEASURED_AT:
                    await whole.more_than(len(whole.arrivals))
                assert await stalls(http, cluster, a) >= READERS / 2  # so most wait for credit
                grown = [memory(node, "VmHWM") - then for node, then in zip((a, b), before, strict=True)]
    assert max(grown) < COPIES * READERS * len(FLOOD_WORDS), grown
    await laws.check_all(cluster, [*flood.recordings, *others.recordings])
    assert await cluster.database.rows(DEATHS) == []
