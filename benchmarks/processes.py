"""The cost of the process system: a hop, a call, a spawn, in CPU microseconds of this OS process.

A call from another thread is measured by the clock, as it waits for two threads.
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
    """The number of repetitions of each action."""

    hops: int = 200_000
    calls: int = 20_000
    spawns: int = 10_000


class Player(GenServer[Pid | None]):
    """A process that returns a number to its peer, one less, until zero. State: the peer, its first message."""

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
    """A process that counts plain messages; the last one is the future to answer."""

    def init(self) -> int:
        return 0

    def handle_info(self, message: Any, count: int) -> NoReply[int]:
        if message is not None:
            message.set_result(count)
        return NoReply(count + 1)

    def handle_call(self, request: Any, caller: Any, count: int) -> Reply[int]:
        return Reply(count, count)


class Flood(Task):
    """A process that sends many messages, and lets others run as a busy process does."""

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
    """Return every figure once, each in a new process system."""
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
    """Measure one message between two servers and back."""
    landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    first, second = await start(Player, landed), await start(Player, landed)
    send(first, second)
    send(second, first)
    send(first, hops - 1)
    await landed


async def one_way(messages: int) -> None:
    """Measure a task that sends to a server as fast as it can."""
    landed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    Flood.start(await start(Receiver), messages, landed)
    assert await landed == messages


async def calls(count: int) -> None:
    """Measure calls of one server from a coroutine, one after the other."""
    server = await start(Receiver)
    for _ in range(count):
        await call(server, None)


async def calls_from_thread(base: AsyncioSystemBase, count: int) -> None:
    """Measure the same from another thread, which waits for each reply."""
    server = await start(Receiver)

    def ask() -> None:
        for _ in range(count):
            base.run(call(server, None))

    await asyncio.to_thread(ask)


async def spawn_servers(count: int) -> None:
    """Start GenServers, until init returns. They keep running."""
    for _ in range(count):
        await start(Receiver)


async def spawn_tasks(count: int) -> None:
    """Start Tasks, until each waits for its first message. Most of the cost is garbage collection of living tasks."""
    for _ in range(count):
        Idle.start()
    await asyncio.sleep(0)
