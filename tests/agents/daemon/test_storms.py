"""Thousands of connections: the daemon's limits hold, earlier clients are served, and all memory is released."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit, setrlimit

import pytest

from agents.core.events import StreamToken
from agents.rehearsal import RehearsalServer
from tests.agents.daemon.crowd import connections, descriptors, read_meanwhile, until_back_at
from tests.agents.daemon.daemons import daemon

pytestmark = pytest.mark.timeout(180)
CONNECTS, AT_A_TIME = 4000, 500
IDLE = 2000
ROOM = 100
REFUSED, TOO_LONG_IDLE = b"HTTP/1.1 503", b""
"""The beginning of an answer to an idle connection: no room; or nothing, since its time for a head has passed."""


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    soft, hard = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (hard, hard))
    yield
    setrlimit(RLIMIT_NOFILE, (soft, hard))


async def refused(made: list[socket.socket], count: int) -> list[bytes]:
    """Return the beginning of the first `count` answers."""
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(each: socket.socket) -> None:
        answers.put_nowait((await asyncio.get_running_loop().sock_recv(each, 4096))[: len(REFUSED)])

    reading = [asyncio.create_task(read(each)) for each in made]
    try:
        return [await answers.get() for _ in range(count)]
    finally:
        for each in reading:
            each.cancel()
        await asyncio.wait(reading)


async def test_a_storm_of_connections_is_served_and_leaves_nothing(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "slow"})
        before = descriptors(running)
        async with read_meanwhile(running):
            for _ in range(CONNECTS // AT_A_TIME):
                with connections(running, AT_A_TIME):
                    await client.get("/readyz")  # by now it has accepted some, and accepts more
        await until_back_at(running, before)
        assert await client.get("/readyz") == {"status": "ready"}
        assert await running.stopped() == 0


async def test_idle_connections_fill_the_limit_and_no_more(server: RehearsalServer, folder: Path) -> None:
    """An earlier client reads on. A slow machine may need longer than the deadline of an idle connection."""
    async with daemon(server, folder, "--set", f"gateway.max_connections={ROOM}") as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "endless"})
            async with aclosing(client.ask("a", "go", stream_id="s")) as events:
                await anext(events)
                before = descriptors(running)
                with connections(running, IDLE) as made:
                    answered = await refused(made, IDLE - ROOM)
                    assert REFUSED in answered
                    assert set(answered) <= {REFUSED, TOO_LONG_IDLE}
                    assert descriptors(running) <= before + ROOM + 5
                    for _ in range(10):
                        assert isinstance(await anext(events), StreamToken)
                await until_back_at(running, before)
        async with running.client() as newcomer:
            assert await newcomer.get("/readyz") == {"status": "ready"}
            assert await newcomer.post("/streams/s/cancel") == {"cancelled": True}
        assert await running.stopped() == 0
