"""A node without a gateway, which a benchmark commands by lines of JSON: its agents, and its readers of streams.

    python -m benchmarks.cluster.node SETTINGS BASE_URL

SETTINGS is JSON. The node writes {} when it is ready, and at least one line of figures for each command.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from actors import Mailbox, new_event_loop, send, start
from agents import agent, application
from agents.instance.elsewhere import other_nodes
from agents.settings import Settings
from benchmarks.ours import Reader
from benchmarks.workload import QUESTION, Listener, Load, Measured, Stopwatch, check_whole
from supervisors import agent_supervisor

IDLE_LOOK_S: Final = 0.05


class Begin(Struct, frozen=True, tag=True):
    """Start agents of this node: group-0, group-1 and so on."""

    group: str
    count: int
    model: str


class Read(Struct, frozen=True, tag=True):
    """Ask agents of any node, one after the other within ramp_s, and read each answer in a subscriber process.

    A line when all have begun, one when the first stream ends, and one with the delays of the tokens in between.
    """

    group: str
    load: Load
    ramp_s: float


class Leave(Struct, frozen=True, tag=True):
    """Ask the same way, and follow no answer. A line after ramp_s, one after seconds more, and one at the end."""

    group: str
    load: Load
    ramp_s: float
    seconds: float


class Wait(Struct, frozen=True, tag=True):
    """Wait for replies of agents, one question after the other, to one of each group in turn.

    The figures: the median milliseconds by group, to the first token, to the whole answer, and to the agent's info.
    """

    groups: list[str]
    count: int


class Turns(Struct, frozen=True, tag=True):
    """Take short turns: each agent of the group `each` turns, one after the other, all agents at once."""

    group: str
    agents: int
    each: int


Command: TypeAlias = Begin | Read | Leave | Wait | Turns


async def serve(settings: Settings, base_url: str) -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with application.running(settings):
        write({})
        while line := await lines.readline():
            match msgspec.json.decode(line, type=Command):
                case Begin(group, count, model):
                    for number in range(count):
                        given = {"model": model, "base_url": base_url, "api_key": "none"}
                        await agent_supervisor.start_agent({"id": f"{group}-{number}", **given})
                    write({})
                case Read() as command:
                    write(await _read(command))
                case Leave() as command:
                    write(await _leave(command))
                case Wait(groups, count):
                    write(await _wait(groups, count))
                case Turns() as command:
                    write(await _turns(command))


def write(figures: Measured) -> None:
    sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")
    sys.stdout.flush()


async def _read(command: Read) -> Measured:
    load, watches = command.load, [Stopwatch() for _ in range(command.load.streams)]
    ids = [f"{command.group}-{number}" for number in range(load.streams)]
    for id_ in ids:
        await agent.info(id_)  # finds the node of the agent
    readers = [await _reader(id_) for id_ in ids]
    streams = [
        asyncio.create_task(_later(command, number, readers[number], watches[number])) for number in range(load.streams)
    ]
    await asyncio.sleep(command.ramp_s)
    before = [len(watch.delays_ns) for watch in watches]
    write({"tokens": sum(before), **await _frames()})
    await asyncio.wait(streams, return_when=asyncio.FIRST_COMPLETED)
    after = [len(watch.delays_ns) for watch in watches]
    write({"tokens": sum(after), **await _frames()})
    await asyncio.gather(*streams)
    for watch in watches:
        check_whole(watch, load.model)
    delays_ns = sorted(ns for watch, a, b in zip(watches, before, after, strict=True) for ns in watch.delays_ns[a:b])
    return {"delay": delays_ns[len(delays_ns) // 2] / 1e6, "delay_p99": delays_ns[len(delays_ns) * 99 // 100] / 1e6}


async def _frames() -> Measured:
    """Return the number of frames that have come from other nodes."""
    others = await other_nodes()
    return {"frames": 0 if others is None else (await others.figures()).frames["in"]}


async def _later(
    command: Read | Leave, number: int, read: Callable[[Listener], Awaitable[None]], listener: Listener
) -> None:
    await asyncio.sleep(number / command.load.streams * command.ramp_s)
    await read(listener)


async def _reader(id_: str) -> Callable[[Listener], Awaitable[None]]:
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    reader = await start(Reader, answered)

    async def read(listener: Listener) -> None:
        send(reader, listener)
        agent.stream_chat(id_, QUESTION, reader)
        await answered

    return read


async def _leave(command: Leave) -> Measured:
    ids = [f"{command.group}-{number}" for number in range(command.load.streams)]

    async def ask(id_: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        box = Mailbox()
        agent.stream_chat(id_, QUESTION, box.pid)
        box.close()

    asks = [asyncio.create_task(ask(id_, number / len(ids) * command.ramp_s)) for number, id_ in enumerate(ids)]
    await asyncio.sleep(command.ramp_s)
    write({"tokens": await _events(ids)})
    await asyncio.sleep(command.seconds)
    write({"tokens": await _events(ids)})
    await asyncio.gather(*asks)
    for id_ in ids:
        while _runs(await agent.info(id_)):  # noqa: ASYNC110 (nobody follows the turn)
            await asyncio.sleep(IDLE_LOOK_S)
    return {}


async def _events(ids: list[str]) -> int:
    """Return the number of events of their last streams so far. All but a few are tokens."""
    return sum([(await agent.info(id_)).streams[-1].seq for id_ in ids])


def _runs(info: agent.AgentInfo) -> bool:
    return any(stream.status in ("waiting", "running") for stream in info.streams)


async def _wait(groups: list[str], count: int) -> Measured:
    waits: dict[str, list[float]] = {}

    async def timed(name: str, work: Callable[[], Awaitable[Any]]) -> None:
        began_s = time.perf_counter()
        end_s = await work()
        waits.setdefault(name, []).append(((end_s or time.perf_counter()) - began_s) * 1000)

    for number in range(count):
        for group in groups:
            id_ = f"{group}-{number}"

            async def first_token(id_: str = id_) -> float:
                listener = Listener()
                await (await _reader(id_))(listener)
                return listener.first_token_s

            async def info(id_: str = id_) -> None:
                await agent.info(id_)

            async def chat(id_: str = id_) -> None:
                await agent.chat(id_, QUESTION)

            await timed(f"{group}_first_asked", first_token)
            await timed(f"{group}_first", first_token)
            await timed(f"{group}_chat", chat)
            await timed(f"{group}_info", info)
    return {name: median(values) for name, values in waits.items()}


async def _turns(command: Turns) -> Measured:
    async def take(id_: str) -> None:
        for _ in range(command.each):
            await agent.chat(id_, QUESTION)

    gc.collect()
    before_s = time.process_time()
    await asyncio.gather(*(take(f"{command.group}-{number}") for number in range(command.agents)))
    return {"cpu": (time.process_time() - before_s) / (command.agents * command.each) * 1e6}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(Settings.model_validate_json(sys.argv[1]), sys.argv[2]))
