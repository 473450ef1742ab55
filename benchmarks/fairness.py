"""The longest gap that a process and the I/O see beside a busy neighbour, in milliseconds of this thread's CPU time.

CPU time leaves out other work of the machine. Two million queued messages are also two million objects for the garbage
collector, and the figures include its full collections.

python -m benchmarks.fairness
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

from actors import AsyncioSystemBase, Caller, GenServer, NoReply, call, new_event_loop, receive, send, spawn, start
from actors.server.outcomes import Reply

WATCHED_S = 2.0
HOLD_S = 0.05


class Echo(GenServer[None]):
    def init(self) -> None:
        return None

    def handle_call(self, request: Any, caller: Caller, state: None) -> Reply[None]:
        return Reply(request, state)


class Busy(GenServer[float]):
    """A process that sends to itself for ever, or holds the loop for hold_s per message."""

    def init(self, hold_s: float) -> float:
        return hold_s

    def handle_info(self, message: str, hold_s: float) -> NoReply[float]:
        if message == "again":
            send(self.pid, message)
        until = time.thread_time() + hold_s
        while hold_s and time.thread_time() < until:
            pass
        return NoReply(hold_s)


async def nobody() -> None:
    pass


async def selfish() -> None:
    send(await start(Busy, 0.0), "again")


async def selfish_task() -> None:
    async def run() -> None:
        while True:
            send(pid, "again")
            await receive()

    pid = spawn(run)


async def crowded() -> None:
    """Queue two million messages, so that they last."""
    process = (await start(Busy, 0.0)).process
    for _ in range(2_000_000):
        process.deliver("queued", None)  # type: ignore[union-attr]


async def slow() -> None:
    pid = await start(Busy, HOLD_S)
    for _ in range(200):
        send(pid, "queued")


async def longest(turn: Callable[[], Awaitable[Any]]) -> float:
    """Return the longest turn within WATCHED_S, in milliseconds."""
    now = time.thread_time()
    until, gap = now + WATCHED_S, 0.0
    while now < until:
        await turn()
        began, now = now, time.thread_time()
        gap = max(gap, now - began)
    return gap * 1000


async def measured(neighbour: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    async with AsyncioSystemBase():
        echo = await start(Echo)
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        other_reader, other_writer = await asyncio.open_connection(sock=theirs)

        async def round_trip() -> None:
            writer.write(b"ping\n")
            other_writer.write(await other_reader.readline())
            await reader.readline()

        await neighbour()
        gaps = await longest(lambda: call(echo, "ping")), await longest(round_trip)
        for end in (writer, other_writer):
            end.close()
        return gaps


def main() -> None:
    print(f"{'neighbour':14} {'call':>10} {'socket round trip':>22}")
    for neighbour in (nobody, selfish, selfish_task, crowded, slow):
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            call_ms, socket_ms = runner.run(measured(neighbour))
        print(f"{neighbour.__name__:14} {call_ms:10.2f} {socket_ms:22.2f}")


if __name__ == "__main__":
    main()
