"""The description of an agent, the search for streams, and repeated messages with the id of a stream."""

import pytest
from msgspec.structs import replace

from actors import Mailbox
from agents import Event, NotAsked, StreamComplete, StreamError, StreamStart, agent
from agents.agent_registry import find_stream
from agents.core.conversation import UserMessage
from agents.core.events import TERMINAL
from agents.instance.info import StreamInfo
from agents.streams.recent import KEPT_STREAMS
from supervisors import agent_supervisor
from tests.agents.stage import Stage

SCRIPT = """
[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]
"""


async def whole(box: Mailbox) -> list[Event]:
    events: list[Event] = [await box.receive(30)]
    while not isinstance(events[-1], TERMINAL):
        events.append(await box.receive(30))
    return events


async def test_an_agent_describes_itself_and_its_streams(stage: Stage) -> None:
    pid = await stage.agent("slow", id="a", name="Helper", tools=["calculator"])
    async with Mailbox() as box:
        agent.stream_chat(pid, "go", box.pid, stream_id="first")
        agent.stream_chat(pid, "go", box.pid, stream_id="second")
        assert isinstance(await box.receive(30), StreamStart)
        info = await agent.info(pid)
        assert (info.id, info.name, info.model, info.tools) == ("a", "Helper", "slow", ("calculator",))
        assert [(each.id, each.status) for each in info.streams] == [("first", "running"), ("second", "waiting")]
        assert await agent.cancel(pid, "second")
        assert await agent.cancel(pid, "first")
        await whole(box)
        *_, end = await whole(box)
    (stream,) = (await agent.info(pid)).streams
    assert stream.began_at is not None
    known = replace(stream, began_at=None, tokens=None, cost=None)
    assert known == StreamInfo("first", "cancelled", "error", end.seq)


async def test_a_stream_is_found_from_its_message_until_it_is_forgotten(stage: Stage) -> None:
    pid = await stage.agent("echo")
    ids = [f"stream-{number}" for number in range(KEPT_STREAMS + 1)]
    assert find_stream(ids[0]) is None
    async with Mailbox() as box:
        for id_ in ids:
            agent.stream_chat(pid, "hello", box.pid, stream_id=id_)
        await agent.info(pid)
        assert [find_stream(id_) for id_ in ids] == [pid] * len(ids)
        for _ in ids:
            await whole(box)
    await agent.info(pid)  # the answer comes after the last turn has been kept
    assert [find_stream(id_) for id_ in ids] == [None, *[pid] * KEPT_STREAMS]
    await agent_supervisor.stop_agent(pid)
    assert [find_stream(id_) for id_ in ids] == [None] * len(ids)


async def test_a_stream_that_was_refused_is_not_found(stage: Stage) -> None:
    pid = await stage.agent("slow", when_busy="reject")
    async with Mailbox() as box:
        agent.stream_chat(pid, "go", stream_id="first")
        agent.stream_chat(pid, "go", box.pid, stream_id="second")
        while not (isinstance(event := await box.receive(30), StreamError) and event.stream_id == "second"):
            pass
        assert find_stream("second") is None
        assert find_stream("first") == pid


@pytest.mark.parametrize("times", [2, 5])
async def test_a_message_that_comes_again_by_its_id_is_answered_once(stage: Stage, times: int) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box:
        for _ in range(times):
            agent.stream_chat(pid, "one two", box.pid, stream_id="s")
        *_, end = await whole(box)
    async with Mailbox() as late:
        agent.stream_chat(pid, "one two", late.pid, stream_id="s")
        *_, again = await whole(late)
    assert isinstance(end, StreamComplete)
    assert again == end
    assert sum(isinstance(each, UserMessage) for each in await agent.conversation(pid)) == 1


async def test_a_decision_about_another_stream_changes_nothing(stage: Stage) -> None:
    pid = await stage.agent("slow")
    async with Mailbox() as box:
        agent.stream_chat(pid, "go", box.pid, stream_id="s")
        assert isinstance(await box.receive(30), StreamStart)
        assert await agent.steer(pid, "and four", stream_id="other") is False
        assert await agent.approve(pid, "call", stream_id="other") == NotAsked("call")
        assert await agent.steer(pid, "and four", stream_id="s") is True
