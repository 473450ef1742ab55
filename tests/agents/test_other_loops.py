"""An agent, its subscribers and its callers on different loops: events are delivered, calls refused."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from thespian.actors import Actor, ActorSystem

from actors import (
    AsyncioSystemBase,
    CallFailed,
    GenServer,
    InvalidArgument,
    Mailbox,
    NoReply,
    Pid,
    create_actor,
    start,
)
from agents import agent, application
from agents.core.events import TERMINAL, Event, StreamComplete, StreamStart, StreamToken
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import Settings, StreamingSettings
from supervisors import agent_supervisor
from tests.agents.stage import Stage

HEARD: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
WORDS = "one two three four five six seven eight nine ten"


class Listener(Actor):
    """A plain Thespian actor."""

    def receiveMessage(self, message: Any, sender: Any) -> None:
        HEARD.put(message)


class Echo(Actor):
    """Answers with its caller."""

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if message == "who":
            self.send(sender, sender)


class Server(GenServer[None]):
    def init(self) -> None:
        return None

    def handle_info(self, message: Any, state: None) -> NoReply[None]:
        HEARD.put(message)
        return NoReply(state)


async def listener() -> Pid:
    return create_actor(Listener)


@pytest.fixture
def other() -> Iterator[AsyncioSystemBase]:
    """A system on a thread of its own."""
    global HEARD
    HEARD = queue.SimpleQueue()
    with AsyncioSystemBase() as base:
        yield base


async def heard() -> list[Event]:
    """Return the events of one stream, to its end."""
    events: list[Event] = []
    while not events or not isinstance(events[-1], TERMINAL):
        events.append(await asyncio.to_thread(HEARD.get, timeout=10))
    return events


def text(events: list[Event]) -> str:
    return "".join(event.token for event in events if isinstance(event, StreamToken))


@pytest.mark.parametrize("kind", [listener, lambda: start(Server)])
async def test_a_subscriber_of_another_loop_gets_every_event_once_and_in_order(
    stage: Stage, other: AsyncioSystemBase, kind: Any
) -> None:
    pid = await stage.agent("echo")
    agent.subscribe(pid, await asyncio.to_thread(other.run, kind()))
    for message in (WORDS, "again"):
        assert (await agent.chat(pid, message)).answer == message
        events = await heard()
        assert text(events) == message
        assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_the_address_of_blocking_code_is_a_subscriber_as_well(stage: Stage) -> None:
    pid = await stage.agent("echo")
    with AsyncioSystemBase() as base:
        system = ActorSystem(base, transientUnique=True)
        address = system.ask(system.createActor(Echo), "who", 10)
        agent.subscribe(pid, address)
        await agent.chat(pid, "hi")
        kinds = [type(await asyncio.to_thread(system.listen, 10)) for _ in range(3)]
    assert kinds == [StreamStart, StreamToken, StreamComplete]


async def test_a_process_of_another_loop_may_ask_by_stream_chat_and_gets_the_answer(
    stage: Stage, other: AsyncioSystemBase
) -> None:
    pid = await stage.agent("echo")

    async def ask() -> str:
        async with Mailbox() as box:
            agent.stream_chat(pid, WORDS)
            said = ""
            while not isinstance(event := await box.receive(10), StreamComplete):
                said += event.token if isinstance(event, StreamToken) else ""
            return said

    assert await asyncio.to_thread(other.run, ask()) == WORDS


@pytest.fixture
async def narrow() -> AsyncIterator[Stage]:
    """Start an agent whose subscribers have at most four unread events."""
    async with RehearsalServer(builtin()) as server:
        settings = Settings(base_url=server.base_url, api_key="any", streaming=StreamingSettings(buffer_size=4))
        async with application.running(settings):
            yield Stage(server)


async def test_a_subscriber_whose_loop_is_held_delays_nobody_and_gets_the_rest_joined(
    narrow: Stage, other: AsyncioSystemBase
) -> None:
    pid = await narrow.agent("echo")
    agent.subscribe(pid, await asyncio.to_thread(other.run, start(Server)))
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go_on.wait(20)

    other.loop.call_soon_threadsafe(hold)
    await asyncio.to_thread(held.wait)
    assert (await agent.chat(pid, WORDS)).answer == WORDS
    go_on.set()
    events = await heard()
    assert text(events) == WORDS
    assert max(event.joined for event in events if isinstance(event, StreamToken)) > 1
    assert events[-1].seq == 12


async def test_a_subscriber_whose_loop_closes_while_a_turn_runs_ends_neither_turn_nor_agent(stage: Stage) -> None:
    pid = await stage.agent("echo")
    base = AsyncioSystemBase().__enter__()
    agent.subscribe(pid, await asyncio.to_thread(base.run, start(Server)))
    events = agent.stream(pid, WORDS)
    async for event in events:
        if event.seq == 2:
            await asyncio.to_thread(base.shutdown)
    assert isinstance(event, StreamComplete)
    assert (await agent.chat(pid, "again")).answer == "again"


async def test_a_process_on_a_closed_loop_is_refused_as_subscriber_and_as_agent(stage: Stage) -> None:
    loop = asyncio.new_event_loop()

    async def leave() -> Pid:
        await AsyncioSystemBase().__aenter__()
        return await start(Server)

    left = await asyncio.to_thread(loop.run_until_complete, leave())
    pid = await stage.agent("echo")
    agent.subscribe(pid, left)
    loop.close()
    assert (await agent.chat(pid, "hi")).answer == "hi"
    with pytest.raises(InvalidArgument, match="running process as the subscriber"):
        agent.subscribe(pid, left)
    with pytest.raises(CallFailed):
        agent.stream_chat(left, "hi", left)


async def test_a_call_from_another_loop_is_refused_at_once_and_nothing_is_sent(
    stage: Stage, other: AsyncioSystemBase
) -> None:
    pid = await stage.agent("echo")

    async def first_event() -> Event:
        return await anext(agent.stream(pid, "hi"))

    waiting: list[Any] = [agent.chat(pid, "hi"), first_event(), agent.info(pid), agent.cancel(pid)]
    waiting += [agent.steer(pid, "hi"), agent.conversation(pid), agent.retire(pid)]
    for call in waiting:
        with pytest.raises(CallFailed, match="its system runs on another loop: use its base's run"):
            await asyncio.to_thread(other.run, call)
    assert await agent.conversation(pid) == ()
    assert (await agent.chat(pid, "hi")).answer == "hi"


async def test_a_second_base_in_a_cell_learns_at_once_that_the_agent_is_elsewhere(stage: Stage) -> None:
    """Ask from code that blocks the agent's loop: waiting would never end."""
    pid = await stage.agent("echo")
    with AsyncioSystemBase() as second, pytest.raises(CallFailed, match="another loop"):
        second.run(agent.chat(pid, "hi"))


def test_blocking_code_iterates_over_a_stream_and_may_leave_it() -> None:
    async def served() -> RehearsalServer:
        return await RehearsalServer(builtin()).__aenter__()

    with AsyncioSystemBase() as base:
        server = base.run(served())
        try:
            base.run(application.start())
            pid = base.run(agent_supervisor.start_agent({"model": "echo", **server.endpoint}))
            events = list(base.iterate(agent.stream(pid, WORDS)))
            assert text(events) == WORDS
            assert isinstance(events[-1], StreamComplete)
            processes = len(base.processes)
            for event in base.iterate(agent.stream(pid, WORDS)):
                if isinstance(event, StreamToken):
                    break
            base.run(agent.chat(pid, "the turn before is over"))
            assert len(base.processes) == processes
            with pytest.raises(InvalidArgument, match="expected a str as the message, got None"):
                base.iterate(agent.stream(pid, None))  # type: ignore[arg-type]
            base.run(agent_supervisor.stop_agent(pid))
            with pytest.raises(CallFailed):
                base.iterate(agent.stream(pid, "hi"))
        finally:
            base.run(server.__aexit__(None, None, None))
