"""Connections by the thousand: a daemon's limits hold, who was there before is served, and all is given back."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit, setrlimit

import pytest

from agents.core.events import StreamComplete, StreamToken
from agents.rehearsal import RehearsalServer
from tests.agents.daemon.daemons import Daemon, daemon

pytestmark = pytest.mark.timeout(180)
CONNECTS, AT_A_TIME = 10_000, 500
IDLE = 5000
ROOM = 200
BACK_S = 60.0
AT_ONCE = struct.pack("ii", 1, 0)


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    soft, hard = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (hard, hard))
    yield
    setrlimit(RLIMIT_NOFILE, (soft, hard))


def descriptors(running: Daemon) -> int:
    return len(os.listdir(f"/proc/{running.process.pid}/fd"))


async def until_back_at(running: Daemon, count: int) -> None:
    """Descriptors, and the few that a request or a statement takes."""
    async with asyncio.timeout(BACK_S):
        while descriptors(running) > count + 5:  # noqa: ASYNC110 (of another process)
            await asyncio.sleep(0.02)


@contextmanager
def connections(running: Daemon, count: int) -> Iterator[list[socket.socket]]:
    """So many that are begun at once. No half of one is left: its end is a reset."""
    place = ("127.0.0.1", int(running.url.rpartition(":")[2]))
    made = [socket.socket() for _ in range(count)]
    try:
        for each in made:
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            each.connect_ex(place)
        yield made
    finally:
        for each in made:
            each.close()


async def refused(made: list[socket.socket], count: int) -> list[bytes]:
    """What so many of them were told, as soon as they were."""
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(each: socket.socket) -> None:
        told.put_nowait(await asyncio.get_running_loop().sock_recv(each, 4096))

    reading = [asyncio.create_task(read(each)) for each in made]
    try:
        async with asyncio.timeout(BACK_S):
            return [await told.get() for _ in range(count)]
    finally:
        for each in reading:
            each.cancel()
        await asyncio.wait(reading)


@asynccontextmanager
async def read_meanwhile(running: Daemon) -> AsyncIterator[None]:
    """A stream that was there before is read to its end, with nothing missing."""
    seqs: list[int] = []
    said = asyncio.Event()

    async def read() -> None:
        async with running.client() as client:
            async for event in client.ask("a", "go"):
                seqs.append(event.seq)
                if isinstance(event, StreamToken):
                    said.set()
            assert isinstance(event, StreamComplete)

    reading = asyncio.create_task(read())
    await said.wait()
    yield
    await reading
    assert seqs == list(range(1, len(seqs) + 1))


async def test_a_storm_of_connects_is_taken_and_leaves_nothing(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "model": "slow"})
        before = descriptors(running)
        async with read_meanwhile(running):
            for _ in range(CONNECTS // AT_A_TIME):
                with connections(running, AT_A_TIME):
                    await client.get("/readyz")  # by now it has taken some, and goes on taking
        await until_back_at(running, before)
        assert await client.get("/readyz") == {"status": "ready"}
        assert await running.stopped() == 0


async def test_idle_connections_take_the_room_there_is_and_no_more(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder, "--set", f"gateway.max_connections={ROOM}") as running:
        async with running.client() as client:
            await client.post("/agents", {"id": "a", "model": "slow"})
            before = descriptors(running)
            async with read_meanwhile(running):
                with connections(running, IDLE) as made:
                    assert {each[:12] for each in await refused(made, IDLE - ROOM)} == {b"HTTP/1.1 503"}
                    assert descriptors(running) <= before + ROOM + 5
                    assert await client.get("/readyz") == {"status": "ready"}
            await until_back_at(running, before)
        async with running.client() as newcomer:
            assert await newcomer.get("/readyz") == {"status": "ready"}
        assert await running.stopped() == 0
