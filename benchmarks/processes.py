"""What the process system costs: a hop, a call, a spawn. CPU microseconds of this OS process each.

A call from another thread is taken by the clock: it waits for two threads.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time
from typing import Any

from msgspec import Struct

from actors import AsyncioSystemBase, GenServer, NoReply, Pid, Reply, Task, call, send, start
from benchmarks.workload import Measured


class Sizes(Struct, frozen=True):
    """How often each thing is done."""

    hops: int = 200_000
    calls: int = 20_000
    spawns: int = 10_000


class Player(GenServer[Pid | None]):
    """Sends a number back to its peer, one less, until it is nought. State: the peer, the first message."""

    def init(self, landed: asyncio.Future[None]) -> None:
        self.landed = landed

    def handle_info(self, message: Pid | int, peer: Pid | None) -> NoReply[Pid | None]:
        if isinstance(message, Pid):
            return NoReply(message)
        if message and peer is not None:
            send(peer, message - 1)
        else:
            self.landed.set_result(None)
        return NoReply(peer)


class Receiver(GenServer[int]):
    """Counts plain messages; the last one is the future that it answers."""

    def init(self) -> int:
        return 0

    def handle_info(self, message: Any, count: int) -> NoReply[int]:
        if message is not None:
            message.set_result(count)
        return NoReply(count + 1)

    def handle_call(self, request: Any, caller: Any, count: int) -> Reply[int]:
        return Reply(count, count)


class Flood(Task):
    """Sends that many messages, and lets others run as a process with work to do does."""

    def __init__(self, to: Pid, count: int, landed: asyncio.Future[int]) -> None:
        self.to, self.count, self.landed = to, count, landed

    async def run(self) -> None:
        for sent in range(self.count):
            self.send(self.to, None)
            if sent % 64 == 63:
                await asyncio.sleep(0)
        self.send(self.to, self.landed)


class Idle(Task):
    async def run(self) -> None:
        await self.receive()


async def measured(sizes: Sizes) -> Measured:
    """Every figure once, in a process system of its own."""
    async with AsyncioSystemBase() as base:
        return {
            "ping_pong": await _us_each(lambda: ping_pong(sizes.hops), sizes.hops),
            "one_way": await _us_each(lambda: one_way(sizes.hops), sizes.hops),
            "call": await _us_each(lambda: calls(sizes.calls), sizes.calls),
            "call_from_thread": await _us_each(lambda: calls_from_thread(base, sizes.calls), sizes.calls, perf_counter),
            "spawn_server": await _us_each(lambda: spawn_servers(sizes.spawns), sizes.spawns),
            "spawn_task": await _us_each(lambda: spawn_tasks(sizes.spawns), sizes.spawns),
        }


async def _us_each(
    work: Callable[[], Awaitable[None]], count: int, clock_s: Callable[[], float] = process_time
) -> float:
    gc.collect()
    before_s = clock_s()
    await work()
    return (clock_s() - before_s) / count * 1e6


async def ping_pong(hops: int) -> None:
    """One message to and fro between two servers."""
    landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    first, second = await start(Player, landed), await start(Player, landed)
    send(first, second)
    send(second, first)
    send(first, hops - 1)
    await landed


async def one_way(messages: int) -> None:
    """A task sends to a server as fast as it may."""
    landed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    Flood.start(await start(Receiver), messages, landed)
    assert await landed == messages


async def calls(count: int) -> None:
    """Calls of one server, one after the other, from a coroutine."""
    server = await start(Receiver)
    for _ in range(count):
        await call(server, None)


async def calls_from_thread(base: AsyncioSystemBase, count: int) -> None:
    """The same from a thread that is not the loop's, which waits for each reply."""
    server = await start(Receiver)

    def ask() -> None:
        for _ in range(count):
            base.run(call(server, None))

    await asyncio.to_thread(ask)


async def spawn_servers(count: int) -> None:
    """GenServers, from nothing to init's return; they live on."""
    for _ in range(count):
        await start(Receiver)


async def spawn_tasks(count: int) -> None:
    """Tasks, until each waits for its first message. Most of it is garbage collection: those that live are walked."""
    for _ in range(count):
        Idle.start()
    await asyncio.sleep(0)
