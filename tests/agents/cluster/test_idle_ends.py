"""Requests that meet an agent at its end: it was idle, or it is released. Each one is answered by its successor."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from actors import Mailbox, Pid, call, send
from actors import ended as ended_process
from agents import agent, application, start_agent
from agents.core.events import TERMINAL, Event, StreamComplete
from agents.gateway.reader import Reader
from agents.instance.requests import HandOver
from agents.instance.turns import Idle
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.sessions import StreamStatus
from agents.settings import Settings
from agents.tools.approval import NotAsked
from tests.agents.cluster.sqlite_nodes import living_node, settings
from tests.agents.keeping import journal
from tests.waiting import eventually

TURNS: Final = range(1, 3)
"""The turns of the loop between the reminder to an idle agent and the first request. The agent ends within them."""

MOST: Final = 2
ROUNDS: Final = 8
HANDED: Final = 8
NUMBERS: Final = count()
SCRIPT: Final = """
[models.slow]
token_delay_s = 0.005
turns = [{ steps = [{ text = "one two three four five" }] }]
"""

Ask = Callable[[Pid | str], Awaitable[object]]


@pytest.fixture
async def provider() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "idle ends")) as server:
        yield server


@asynccontextmanager
async def only_node(folder: Path, provider: RehearsalServer) -> AsyncIterator[None]:
    given = settings(folder)
    async with application.running(Settings.model_validate({**given, "base_url": provider.base_url})):
        yield


async def ended(box: Mailbox) -> Event:
    while not isinstance(event := await box.receive(30), TERMINAL):
        pass
    assert isinstance(event, Event)
    return event


async def chats(handle: Pid | str) -> object:
    return (await agent.chat(handle, "again")).content


async def sends(handle: Pid | str) -> object:
    """Send a message without a look at the end of its agent."""
    box = Mailbox()
    agent.stream_chat(handle, "again", box.pid)
    return answer(await ended(box))


async def reads(handle: Pid | str) -> object:
    """Read an answer as the gateway does."""
    pid = await wake(handle) if isinstance(handle, str) else handle
    assert pid is not None
    reader = Reader(f"s{next(NUMBERS)}")
    reader.ask(pid, "again")
    return answer([event async for batch in reader.batches(1.0) for event in batch][-1])


def answer(end: Event) -> object:
    return end.response.content if isinstance(end, StreamComplete) else end


async def shows(handle: Pid | str) -> object:
    return (await agent.info(handle)).model


async def decides(handle: Pid | str) -> object:
    return await agent.approve(handle, "c")


async def steers(handle: Pid | str) -> object:
    return await agent.steer(handle, "more")


async def follows(handle: Pid | str) -> object:
    return await agent.follow(handle, "none", Mailbox().pid)


REQUESTS: Final[list[tuple[Ask, object]]] = [
    (chats, "again"),
    (sends, "again"),
    (reads, "again"),
    (shows, "echo"),
    (decides, NotAsked("c")),
    (steers, False),
    (follows, False),
]


async def test_a_request_that_meets_an_agent_at_its_idle_end_is_answered(
    tmp_path: Path, provider: RehearsalServer
) -> None:
    """Requests by the id come also after the end of the process, those by its Pid only before it."""
    async with only_node(tmp_path, provider):
        for ask, expected in REQUESTS:
            for by_id in (True, False):
                answers = [each for turns in TURNS for each in await at_its_end(ask, by_id, turns)]
                assert [each for each in answers if each != expected] == [], (ask, by_id)


async def at_its_end(ask: Ask, by_id: bool, turns: int) -> list[object]:
    """Return the answers to requests that come in each turn of the loop, from some turns after the reminder on."""
    id_ = f"a{next(NUMBERS)}"
    pid = await start_agent(id=id_, model="echo")
    assert (await agent.chat(pid, "hello")).content == "hello"
    send(pid, Idle(1))
    for _ in range(turns):
        await asyncio.sleep(0)
    asked: list[asyncio.Task[Any]] = []
    while pid.alive and len(asked) < MOST:
        asked.append(asyncio.ensure_future(ask(id_ if by_id else pid)))
        await asyncio.sleep(0)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert (await agent.conversation(await woken(id_)))[1].content == "hello"
    return answers


async def test_each_message_that_comes_as_an_agent_is_handed_over_is_answered_by_its_successor(
    tmp_path: Path, provider: RehearsalServer
) -> None:
    async with only_node(tmp_path, provider):
        pid = await start_agent(id="a", model="slow")
        box, streams = Mailbox(), ["s0"]
        agent.stream_chat("a", "hello", box.pid, stream_id="s0")
        await box.receive(30)
        handed = asyncio.ensure_future(call(pid, HandOver(at_once=True)))
        while pid.alive and len(streams) < HANDED:
            streams.append(f"s{len(streams)}")
            agent.stream_chat("a", "again", stream_id=streams[-1], subscriber_pid=Mailbox().pid)
            await asyncio.sleep(0)
        assert await handed
        await ended_process(pid)
        await woken("a")
        store = (await journal()).store

        async def left() -> list[str]:
            kept = {each: await store.stream(each) for each in streams}
            return [each for each, found in kept.items() if found is None or found.status is not StreamStatus.COMPLETE]

        await eventually(left, lambda found: not found, what="complete streams in the store")


async def woken(id_: str) -> Pid:
    pid = await wake(id_)
    assert pid is not None
    return pid


async def test_a_request_of_another_node_that_meets_an_agent_at_its_idle_end_is_answered(
    tmp_path: Path, provider: RehearsalServer
) -> None:
    """The agents of both nodes end as soon as they are idle, so the session changes its node again and again."""
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_text("s" * 64)
    shared: dict[str, Any] = {"secret_file": str(tmp_path / "secret")}
    far, own = ({**settings(tmp_path, name, **shared), "base_url": provider.base_url} for name in ("far", "own"))
    for given in (far, own):
        given["sessions"]["idle_time"] = 1
    async with living_node(far, "agents"), application.running(Settings.model_validate(own)):
        for number in range(ROUNDS):
            asked = [chats("echo"), sends("echo"), reads("echo")]
            async with asyncio.timeout(20):
                assert await asyncio.gather(*asked) == ["again"] * 3, number
            await asyncio.sleep(number / 500)  # the next requests come at another moment of the end
