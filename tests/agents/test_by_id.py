"""An agent's id is as good as its Pid, and stays valid when the agent is restarted."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from actors import KILL, AsyncioSystemBase, CallFailed, InvalidArgument, Mailbox, Pid, ended, get_state, whereis
from actors import exit as send_exit
from agents import agent, application
from agents.agent_registry import find_agent
from agents.core.conversation import UserMessage
from agents.core.events import TERMINAL, Event, StreamComplete, StreamError, StreamToken
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import Settings
from agents.settings.agent import AgentSettings
from supervisors import agent_supervisor
from supervisors.agent_supervisor import AGENT_SUPERVISOR
from tests.agents.keeping import App
from tests.agents.stage import Stage


def killed(agent_id: str) -> Pid:
    """Kill the agent with this id, which its supervisor then restarts."""
    pid = find_agent(agent_id)
    assert pid is not None
    send_exit(pid, KILL)
    assert find_agent(agent_id) is None
    return pid


async def events_of(box: Mailbox) -> list[Event]:
    """Return the events of one stream, to its end."""
    events: list[Event] = []
    while not events or not isinstance(events[-1], TERMINAL):
        events.append(await box.receive(10))
    return events


async def test_every_function_takes_an_id_where_it_takes_a_pid(stage: Stage) -> None:
    pid = await stage.agent("echo", id="ada")
    assert (await agent.chat("ada", "one")).answer == "one"
    assert isinstance([event async for event in agent.stream("ada", "two")][-1], StreamComplete)
    assert (await agent.info("ada")).id == "ada"
    assert UserMessage("two") in await agent.conversation("ada")
    assert await agent.cancel("ada") is False
    assert await agent.steer("ada", "more") is False
    assert await agent.approve("ada", "call") == await agent.approve(pid, "call")
    assert await agent.deny("ada", "call") == await agent.deny(pid, "call")
    async with Mailbox() as box:
        agent.subscribe("ada")
        stream_id = agent.stream_chat("ada", "three")
        assert {event.stream_id for event in await events_of(box)} == {stream_id}
        assert await agent.follow("ada", stream_id) is True
        assert isinstance((await events_of(box))[-1], StreamComplete)
        agent.unsubscribe("ada")
        assert (await get_state(pid)).subscribers == ()
    assert await agent.retire("ada") is True
    assert find_agent("ada") is None


async def test_an_id_names_the_successor_after_a_restart(stage: Stage) -> None:
    first = await stage.agent("echo", id="ada")
    killed("ada")
    assert (await agent.chat("ada", "hello")).answer == "hello"
    assert find_agent("ada") not in (first, None)
    with pytest.raises(CallFailed):
        await agent.chat(first, "hello")


WAITING: dict[str, Callable[[], Any]] = {
    "answer": lambda: agent.answer("ada", "call", "yes"),
    "approve": lambda: agent.approve("ada", "call"),
    "cancel": lambda: agent.cancel("ada"),
    "chat": lambda: agent.chat("ada", "hi"),
    "conversation": lambda: agent.conversation("ada"),
    "deny": lambda: agent.deny("ada", "call"),
    "follow": lambda: agent.follow("ada", "stream"),
    "info": lambda: agent.info("ada"),
    "retire": lambda: agent.retire("ada"),
    "steer": lambda: agent.steer("ada", "hi"),
    "stream": lambda: anext(agent.stream("ada", "hi")),
}


@pytest.mark.parametrize("function", WAITING)
async def test_a_function_that_waits_waits_for_the_successor(stage: Stage, function: str) -> None:
    await stage.agent("echo", id="ada")
    async with Mailbox():
        killed("ada")
        await WAITING[function]()


async def test_messages_to_an_agent_that_is_being_restarted_arrive_in_order(stage: Stage) -> None:
    await stage.agent("echo", id="ada")
    async with Mailbox() as box:
        killed("ada")
        agent.subscribe("ada")
        sent = [agent.stream_chat("ada", str(number)) for number in range(3)]
        last = asyncio.create_task(agent.chat("ada", "3"))
        begun = [(await events_of(box))[0] for _ in range(4)]
        assert [event.stream_id for event in begun[:3]] == sent
        assert (await last).answer == "3"
    asked = [each.content for each in await agent.conversation("ada") if isinstance(each, UserMessage)]
    assert asked == ["0", "1", "2", "3"]


async def test_the_agents_of_the_settings_keep_their_ids_when_their_supervisor_is_restarted() -> None:
    async with RehearsalServer(builtin()) as server:
        configured = AgentSettings(id="ada", model="echo")
        settings = Settings(base_url=server.base_url, api_key="any", agents=(configured,))
        async with application.running(settings), Mailbox() as box:
            for ask in (
                lambda: agent.chat("ada", "hi"),
                lambda: agent.stream_chat("ada", "hi"),
                lambda: agent.info("ada"),
            ):
                supervisor, pid = whereis(AGENT_SUPERVISOR), find_agent("ada")
                assert supervisor is not None
                assert pid is not None
                send_exit(supervisor, KILL)
                await ended(pid)
                answer = ask()
                if isinstance(answer, str):
                    assert isinstance((await events_of(box))[-1], StreamComplete)
                else:
                    await answer


@pytest.mark.usefixtures("stage")
async def test_an_id_that_no_agent_has_is_refused_by_every_function() -> None:
    async with Mailbox() as box:
        sending = (
            lambda: agent.stream_chat("nobody", "hi"),
            lambda: agent.stream("nobody", "hi"),
            lambda: agent.subscribe("nobody"),
        )
        for call in sending:
            with pytest.raises(CallFailed, match=r"call to nobody failed: .*no agent .* has this id"):
                call()
        agent.unsubscribe("nobody")
        for ask in (agent.info, agent.conversation, agent.cancel, agent.retire):
            with pytest.raises(CallFailed, match=r"call to nobody failed: .*no agent .* has this id"):
                await ask("nobody")
        with pytest.raises(TimeoutError):
            await box.receive(0)


@pytest.mark.usefixtures("stage")
async def test_a_text_that_can_not_be_an_id_is_refused_in_words() -> None:
    for wrong in ("", "a/b", "a b", "x" * 129, "\ud800"):
        with pytest.raises(InvalidArgument, match=r"expected the Pid or the id of an agent, got .*: an id is 1 to 128"):
            await agent.info(wrong)


async def test_an_agent_is_stopped_by_its_id(stage: Stage) -> None:
    pid = await stage.agent("echo", id="ada")
    await agent_supervisor.stop_agent("ada")
    assert not pid.alive
    with pytest.raises(CallFailed, match=r"call to ada failed: .*no agent .* has this id"):
        await agent_supervisor.stop_agent("ada")
    with pytest.raises(InvalidArgument, match="expected the Pid or the id of an agent, got None"):
        await agent_supervisor.stop_agent(None)  # type: ignore[arg-type]


async def test_a_message_by_id_starts_the_agent_of_a_kept_session(app: App) -> None:
    async with app():
        await agent_supervisor.start_agent({"id": "ada", "model": "echo"})
        await agent.chat("ada", "one")
        await agent.retire("ada")
        assert (await agent.chat("ada", "two")).answer == "two"
        await agent.retire("ada")
        async with Mailbox() as box:
            agent.stream_chat("ada", "three")
            assert isinstance((await events_of(box))[-1], StreamComplete)
        await agent.retire("ada")
        with pytest.raises(CallFailed, match="no agent"):
            await agent.info("ada")  # no message: the session stays as it is
    async with app():
        assert (await agent.chat("ada", "four")).answer == "four"
        asked = [each.content for each in await agent.conversation("ada") if isinstance(each, UserMessage)]
        assert asked == ["one", "two", "three", "four"]
        async with Mailbox() as box:
            agent.stream_chat("nobody", "hi")
            (end,) = await events_of(box)
            assert isinstance(end, StreamError)
            assert "has this id" in str(end.reason)
        with pytest.raises(CallFailed):
            await agent.chat("nobody", "hi")


async def test_an_id_belongs_to_one_event_loop(stage: Stage) -> None:
    await stage.agent("echo", id="ada")
    with AsyncioSystemBase() as other, pytest.raises(CallFailed, match="no agent of this event loop"):
        await asyncio.to_thread(other.run, agent.chat("ada", "hi"))
    assert (await agent.chat("ada", "hi")).answer == "hi"


def test_blocking_code_uses_ids_from_any_thread() -> None:
    async def served() -> RehearsalServer:
        return await RehearsalServer(builtin()).__aenter__()

    with AsyncioSystemBase() as base:
        server = base.run(served())
        try:
            base.run(application.start(Settings(base_url=server.base_url, api_key="any")))
            base.run(agent_supervisor.start_agent({"model": "echo", "id": "ada"}))
            events = list(base.iterate(agent.stream("ada", "one two")))
            assert "".join(event.token for event in events if isinstance(event, StreamToken)) == "one two"
            assert base.run(agent.chat("ada", "three")).answer == "three"
            with pytest.raises(CallFailed, match="no agent"):
                next(base.iterate(agent.stream("nobody", "hi")))
            base.run(agent_supervisor.stop_agent("ada"))
        finally:
            base.run(server.__aexit__(None, None, None))
