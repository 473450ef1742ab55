"""Fault 11: links that are cut again and again, and peers that send what no node sends."""

import asyncio
from sys import maxsize

import aiohttp
import msgspec
import pytest

from agents.cluster.link.address import TcpAddress
from agents.cluster.link.handshake import Identity
from agents.cluster.link.opening import REFUSED
from agents.cluster.link.wire import SessionCall, encoded, frame
from agents.cluster.requests import packed_request
from agents.instance.requests import Cancel
from tests.agents.cluster.link.garbage import GARBAGE
from tests.agents.cluster.link.nodes import Cutter, raw_peer
from tests.cluster import laws
from tests.cluster.audit import DEATHS
from tests.cluster.engine import free_port
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Crowd

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]
CUTS = 20
CANCEL = frame([encoded(SessionCall(1, "m0", packed_request(Cancel())))])
"""A request that would end a turn."""

BROKEN = [*GARBAGE.values(), CANCEL[:-1], CANCEL + b"x"]
LATER = msgspec.msgpack.encode([["teleport", 1, "m0"], ["cancel", "m0"]])
"""Messages of a later version."""


class OftenCut(Cutter):
    """A proxy that cuts its connections after few chunks, then after more and more. After CUTS ends it cuts no more."""

    def __init__(self, to: TcpAddress) -> None:
        super().__init__(to, 1)
        self.ends = 0

    def _cut(self) -> None:
        super()._cut()
        self.ends += 1
        self.left = self.ends if self.ends < CUTS else maxsize


async def identities(cluster: Cluster) -> dict[str, Identity]:
    """Return the nodes, as they greet each other."""
    secret = (cluster.folder / "secret").read_text().strip().encode()
    rows = await cluster.database.rows("SELECT name, epoch, incarnation, version FROM nodes")
    return {
        name: Identity(cluster.database.name, name, epoch, incarnation, version, secret)
        for name, epoch, incarnation, version in rows
    }


async def attack(cluster: Cluster, address: TcpAddress) -> None:
    """Send node a, as node b, everything that no node sends."""
    nodes = await identities(cluster)
    for garbage in BROKEN:
        async with raw_peer(address) as peer:
            await peer.greet(nodes["b"], nodes["a"])
            await peer.websocket.send_bytes(garbage)
            assert await peer.close_code() == aiohttp.WSCloseCode.UNSUPPORTED_DATA
    async with raw_peer(address) as peer:
        hello = await peer.greet(nodes["b"], nodes["a"])
        await peer.websocket.send_bytes(LATER)
    for wrong in (hello, msgspec.structs.replace(hello, mac=bytes(32))):  # replayed, and without a proof
        async with raw_peer(address) as peer:
            await peer.receive()
            await peer.send(wrong, SessionCall(1, "m0", packed_request(Cancel())))
            assert await peer.close_code() == REFUSED


async def test_cuts_and_garbage_on_links_lose_repeat_and_execute_nothing(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    names = "a", "b"
    proxies = [OftenCut(TcpAddress("127.0.0.1", free_port())) for _ in names]
    async with proxies[0].running() as one, proxies[1].running() as other:
        await asyncio.gather(
            *(
                cluster.start(name, own={"cluster.listen": proxy.to, "cluster.advertise": advertised})
                for name, proxy, advertised in zip(names, proxies, (one, other), strict=True)
            )
        )
        a, b = sorted(cluster.nodes, key=lambda node: node.name)
        messages = [f"m{number}" for number in range(10)]
        async with Crowd(http, cluster.token, lambda: [a, b], messages, first=lambda _: 0) as own:
            await own.all_begun()
            async with Crowd(http, cluster.token, lambda: [b], messages) as far:
                await attack(cluster, proxies[0].to)
        await laws.check_all(cluster, [*own.recordings, *far.recordings])
        assert sum(proxy.ends for proxy in proxies) >= CUTS
        assert await cluster.database.rows(DEATHS) == []
        assert [node.lives for node in cluster.nodes] == [True, True]
