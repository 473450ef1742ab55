"""An agent of another node, by every function of agents/agent.py. The test's own OS process is a node, too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from actors import Mailbox
from agents import agent, find_agent, start_agent
from agents.agent_registry import agents_of, stands_in
from agents.cluster.everywhere import asked_everywhere, running_among, running_everywhere, waiting_everywhere
from agents.cluster.node_requests import GetUsage
from agents.core.conversation import AssistantMessage
from agents.core.errors import Cancelled
from agents.core.events import TERMINAL, Event, StreamApprovalRequired, StreamComplete, StreamError, StreamToken
from agents.instance.elsewhere import ResumeFar, StopFar, SuspendFar, control
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.tools.approval import AlreadyDecided, Decided, NotAsked
from supervisors import AlreadyStarted
from tests.cluster.far_agents import SCRIPT, far_node, own_node
from tests.cluster.nodes import Cluster

pytestmark = pytest.mark.cluster


@pytest.fixture
async def provider() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "far agents")) as server:
        yield server


async def until(box: Mailbox, *kinds: type[Event]) -> list[Event]:
    """Return the events up to the first one of these kinds."""
    events: list[Event] = [await box.receive(30)]
    while not isinstance(events[-1], kinds):
        events.append(await box.receive(30))
    return events


def text_of(events: list[Event]) -> str:
    return "".join(event.token for event in events if isinstance(event, StreamToken))


async def test_every_function_works_for_an_agent_of_another_node(cluster: Cluster) -> None:
    async with far_node(cluster), own_node(cluster):
        await _chats()
        await _follows()
        await _decides()
        await _cancels_and_steers()
        await _is_one_agent()
        await _stops()


async def _chats() -> None:
    """Chat by id, and by the Pid of the stand-in."""
    assert (await agent.chat("echo", "one")).content == "one"
    pid = find_agent("echo")
    assert pid is not None
    assert stands_in(pid)
    assert await wake("echo") == pid
    assert [type(event) for event in [event async for event in agent.stream(pid, "two")]][-1] is StreamComplete
    typed = await agent.chat(pid, '{"n": 3}', answer_type={"type": "object", "properties": {"n": {"type": "integer"}}})
    assert typed.value == {"n": 3}
    messages = await agent.conversation("echo")
    assert [each.content for each in messages if isinstance(each, AssistantMessage)] == ["one", "two", '{"n": 3}']
    assert (await agent.history(pid)).conversation == messages
    assert (await agent.info("echo")).id == "echo"
    large = "x" * 3 * 2**20
    assert (await agent.chat(pid, large)).content == large
    assert len(await agent.conversation(pid)) == len(messages) + 2


async def _follows() -> None:
    async with Mailbox() as box:
        stream_id = agent.stream_chat("echo", "four five six")
        events = await until(box, *TERMINAL)
    assert [event.seq for event in events] == [*range(1, len(events) + 1)]
    async with asyncio.timeout(10):
        while await agent.events("echo", stream_id) != tuple(events):
            pass
    async with Mailbox() as box:
        assert await agent.follow("echo", stream_id, after=2)
        later = await until(box, *TERMINAL)
        assert text_of(later) == text_of(events[2:])
        assert later[-1] == events[-1]
        assert not await agent.follow("echo", "no such stream")
    async with Mailbox() as all_streams, Mailbox() as one:
        agent.subscribe("echo", all_streams.pid)
        await agent.info("echo")  # the subscription has arrived
        other = agent.stream_chat("echo", "seven", one.pid)
        assert {event.stream_id for event in await until(all_streams, *TERMINAL)} == {other}
        agent.unsubscribe("echo", all_streams.pid)
        assert (await agent.chat("echo", "eight")).content == "eight"
        assert all_streams.pid.process is not None
        assert not all_streams.pid.process.mailbox


async def _decides() -> None:
    for decide in ("approve", "deny"):
        async with Mailbox() as box:
            stream_id = agent.stream_chat("buyer", "buy it")
            asked = (await until(box, StreamApprovalRequired))[-1]
            assert isinstance(asked, StreamApprovalRequired)
            assert [each.stream_id for each in await waiting_everywhere(10, None)] == [stream_id]
            call = asked.tool_call
            if decide == "approve":
                given = await agent.approve(
                    "buyer", call.id, call.arguments, edited='{"euros": 5}', stream_id=stream_id
                )
            else:
                given = await agent.deny("buyer", call.id, "too much", stream_id=stream_id)
            assert given == (Decided(call.id, "approved") if decide == "approve" else Decided(call.id, "denied"))
            again = await agent.deny("buyer", call.id)
            last = (await until(box, *TERMINAL))[-1]
            assert isinstance(again, AlreadyDecided | NotAsked)  # the turn may have ended
            assert isinstance(last, StreamComplete)
            assert ("bought for 5" in last.response.content) == (decide == "approve")


async def _cancels_and_steers() -> None:
    async with Mailbox() as box:
        stream_id = agent.stream_chat("steered", "count")
        await until(box, StreamToken)
        assert await agent.steer("steered", "faster", stream_id=stream_id)
        assert not await agent.retire("steered")
        assert await agent.cancel("steered", stream_id)
        last = (await until(box, *TERMINAL))[-1]
        assert isinstance(last, StreamError)
        assert last.reason == Cancelled()
        assert not await agent.cancel("steered")


async def _is_one_agent() -> None:
    """The id is in use, the owner is known, and lists have each agent once."""
    with pytest.raises(AlreadyStarted) as refused:
        await start_agent(id="echo", model="echo")
    assert refused.value.pid == find_agent("echo")
    with pytest.raises(AlreadyStarted) as refused:
        await start_agent(id="anns", model="echo")
    stand_in = refused.value.pid
    assert stands_in(stand_in)
    assert agents_of("ann") == [stand_in]
    ids = [info.id for info in await running_everywhere(None, 100, None)]
    assert ids == ["anns", "buyer", "echo", "idle", "payer", "slow", "steered"]
    assert [info.id for info in await running_everywhere("buyer", 2, None)] == ["echo", "idle"]
    assert [info.id for info in await running_everywhere(None, 100, "ann")] == ["anns"]
    usages = await asked_everywhere(GetUsage("ann"))
    assert [id_ for usage in usages for id_ in usage.agents] == ["anns"]  # the stand-in is not counted
    assert await running_among(["echo", "nobody", "slow"]) == {"echo", "slow"}


async def _stops() -> None:
    pid = await wake("slow")
    assert pid is not None
    async with aclosing(agent.stream(pid, "count")) as events:
        async for event in events:
            if isinstance(event, StreamToken):
                break
        assert await control(pid, SuspendFar())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await agent.info(pid)
        assert await control(pid, ResumeFar())
        assert await control(pid, StopFar())
        assert isinstance([event async for event in events][-1], StreamError)
    assert await agent.retire("idle")
    assert (await agent.chat("idle", "here now")).content == "here now"
    here = find_agent("idle")
    assert here is not None
    assert not stands_in(here)
