"""Many connections to a daemon at once, and a stream that must not notice them."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from agents.core.events import StreamComplete, StreamToken
from tests.agents.daemon.daemons import Daemon
from tests.waiting import eventually

BACK_S = 60.0
AT_ONCE = struct.pack("ii", 1, 0)


def descriptors(running: Daemon) -> int:
    return len(os.listdir(f"/proc/{running.process.pid}/fd"))


async def until_back_at(running: Daemon, count: int) -> None:
    """Wait until the daemon has this number of descriptors, plus the few of a request or a statement."""
    await eventually(
        lambda: descriptors(running), lambda now: now <= count + 5, what=f"{count} descriptors", within_s=BACK_S
    )


@contextmanager
def connections(running: Daemon, count: int) -> Iterator[list[socket.socket]]:
    """Open `count` connections at once. A reset ends each of them, so that none is left half open."""
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


@asynccontextmanager
async def read_meanwhile(running: Daemon) -> AsyncIterator[None]:
    """Read a stream to its end within the block, and check that no event is missing."""
    seqs: list[int] = []
    begun = asyncio.Event()

    async def read() -> None:
        async with running.client() as client:
            async for event in client.ask("a", "go"):
                seqs.append(event.seq)
                if isinstance(event, StreamToken):
                    begun.set()
            assert isinstance(event, StreamComplete)

    reading = asyncio.create_task(read())
    await begun.wait()
    yield
    await reading
    assert seqs == list(range(1, len(seqs) + 1))
