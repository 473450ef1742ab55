"""The treatment of a message that comes while a turn runs."""

import asyncio

import pytest

from actors import NORMAL, Mailbox, Pid, ended, get_state
from agents import (
    Busy,
    Cancelled,
    Event,
    StoreFailed,
    StreamComplete,
    StreamError,
    StreamFunctionExecutionStart,
    StreamStart,
    agent,
)
from agents.core.conversation import AssistantMessage, UserMessage
from agents.instance.turns import stopping
from tests.agents.sample_tools import Gate, clings, pass_gate
from tests.agents.stage import Stage

SCRIPT = """
[models.gated]
[[models.gated.turns]]
match = "go"
steps = [{ text = "Wait. ", tool_calls = [{ name = "pass_gate", arguments = {} }] }, { text = "Passed." }]
[[models.gated.turns]]
steps = [{ text = "{user}!" }]

[models.clinging]
[[models.clinging.turns]]
match = "go"
steps = [{ tool_calls = [{ name = "clings", arguments = {} }] }]
[[models.clinging.turns]]
steps = [{ text = "{user}!" }]

[models.slow]
[[models.slow.turns]]
match = "go"
steps = [{ text = ["one ", "two ", "three"], fault = { name = "stall", after_tokens = 2 } }]
[[models.slow.turns]]
steps = [{ text = "{user}!" }]
"""


class Box:
    """Collects the events of several streams."""

    def __init__(self, box: Mailbox) -> None:
        self._box = box
        self.events: list[Event] = []

    async def until(self, kind: type[Event], stream_id: str) -> Event:
        while True:
            event: Event = await self._box.receive(10.0)
            self.events.append(event)
            if isinstance(event, kind) and event.stream_id == stream_id:
                return event


async def end_of(box: Box, stream_id: str) -> StreamComplete | StreamError:
    while True:
        event = await box.until(Event, stream_id)  # type: ignore[arg-type]  # a union of classes
        if isinstance(event, StreamComplete | StreamError):
            return event


async def gated(stage: Stage, **config: object) -> Pid:
    Gate.close()
    return await stage.agent("gated", tools=[pass_gate], **config)


async def one_runs_one_waits(pid: Pid, box: Box) -> tuple[str, str]:
    """Return the streams of two messages. The first stream is in the middle of its calls."""
    first, second = agent.stream_chat(pid, "go"), agent.stream_chat(pid, "next")
    await box.until(StreamFunctionExecutionStart, first)
    return first, second


async def test_by_default_it_waits_for_its_turn(stage: Stage) -> None:
    pid = await gated(stage)
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first, second = await one_runs_one_waits(pid, box)
        assert all(event.stream_id == first for event in box.events)
        Gate.open()
        assert isinstance(await end_of(box, first), StreamComplete)
        end = await end_of(box, second)
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "next!"


async def test_a_waiting_message_can_be_cancelled_by_its_stream(stage: Stage) -> None:
    pid = await gated(stage)
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first, second = await one_runs_one_waits(pid, box)
        assert await agent.cancel(pid, second)
        end = await end_of(box, second)
        assert isinstance(end, StreamError)
        assert (end.reason, end.seq) == (Cancelled(), 1)
        assert not await agent.cancel(pid, second)
        Gate.open()
        assert isinstance(await end_of(box, first), StreamComplete)


async def test_a_full_queue_refuses_with_one_event(stage: Stage) -> None:
    pid = await gated(stage, max_queue=0)
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first = agent.stream_chat(pid, "go")
        await box.until(StreamFunctionExecutionStart, first)
        end = await end_of(box, agent.stream_chat(pid, "next"))
        assert isinstance(end, StreamError)
        assert str(end.reason) == "busy: 0 messages wait, which is max_queue"
        Gate.open()
        assert isinstance(await end_of(box, first), StreamComplete)


async def test_an_agent_that_rejects_ends_the_new_stream_with_busy_and_its_turn_continues(stage: Stage) -> None:
    pid = await gated(stage, when_busy="reject")
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first = agent.stream_chat(pid, "go")
        await box.until(StreamFunctionExecutionStart, first)
        end = await end_of(box, agent.stream_chat(pid, "next"))
        assert isinstance(end, StreamError)
        assert (end.reason, end.seq) == (Busy("a turn runs"), 1)
        Gate.open()
        assert isinstance(await end_of(box, first), StreamComplete)
    assert UserMessage("next") not in await agent.conversation(pid)


async def test_an_interrupted_agent_keeps_its_partial_text_and_answers_the_new_message(stage: Stage) -> None:
    pid = await stage.agent("slow", when_busy="interrupt")
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first = agent.stream_chat(pid, "go")
        while "two" not in "".join(getattr(event, "token", "") for event in box.events):
            box.events.append(await mailbox.receive(10.0))
        second = agent.stream_chat(pid, "stop")
        interrupted = await end_of(box, first)
        assert isinstance(interrupted, StreamError)
        assert (interrupted.reason, interrupted.content) == (Cancelled(), "one two ")
        answered = await end_of(box, second)
    assert isinstance(answered, StreamComplete)
    assert answered.response.answer == "stop!"
    assert AssistantMessage("one two ", partial=True) in await agent.conversation(pid)


async def test_a_stream_ends_with_the_first_reason_to_stop_its_turn(stage: Stage) -> None:
    pid = await gated(stage)
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        await box.until(StreamFunctionExecutionStart, agent.stream_chat(pid, "go"))
        running = (await get_state(pid)).running
    assert stopping(stopping(running, Cancelled()), StoreFailed("the disk is full")).fault == Cancelled()


async def test_an_agent_that_is_steered_reads_the_message_with_its_next_model_call(stage: Stage) -> None:
    pid = await gated(stage, when_busy="steer")
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first = agent.stream_chat(pid, "go")
        await box.until(StreamFunctionExecutionStart, first)
        agent.stream_chat(pid, "in French")
        assert await agent.steer(pid, "and short")
        Gate.open()
        end = await end_of(box, first)
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "and short!"
    assert [message for message in await agent.conversation(pid) if isinstance(message, UserMessage)] == [
        UserMessage("go"),
        UserMessage("in French"),
        UserMessage("and short"),
    ]


async def test_a_stopping_turn_accepts_no_message(stage: Stage) -> None:
    pid = await stage.agent("clinging", tools=[clings], when_busy="steer")
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first = agent.stream_chat(pid, "go")
        await box.until(StreamFunctionExecutionStart, first)
        cancelling = asyncio.create_task(agent.cancel(pid))
        await asyncio.sleep(0)  # its request is on the way
        assert not await agent.steer(pid, "in French")
        end = await end_of(box, agent.stream_chat(pid, "next"))
        assert isinstance(end, StreamComplete)
        assert end.response.answer == "next!"
        assert await cancelling


async def test_a_turn_with_enough_waiting_messages_accepts_no_more(stage: Stage) -> None:
    pid = await gated(stage, when_busy="steer", max_steering=1)
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first = agent.stream_chat(pid, "go")
        await box.until(StreamFunctionExecutionStart, first)
        agent.stream_chat(pid, "in French")
        with pytest.raises(agent.TooManyWait, match="1 messages wait for the turn's next model call"):
            await agent.steer(pid, "and short")
        queued = agent.stream_chat(pid, "next")
        Gate.open()
        assert isinstance(await end_of(box, first), StreamComplete)
        end = await end_of(box, queued)
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "next!"


async def test_a_steering_message_that_is_repeated_by_its_id_is_added_once(stage: Stage) -> None:
    pid = await gated(stage, when_busy="steer")
    async with Mailbox() as mailbox, Mailbox() as other:
        box = Box(mailbox)
        first = agent.stream_chat(pid, "go", mailbox.pid)
        await box.until(StreamFunctionExecutionStart, first)
        for subscriber in (mailbox, other):
            agent.stream_chat(pid, "in French", subscriber.pid, stream_id="again")
        assert isinstance(await other.receive(10), StreamStart)
        Gate.open()
        await end_of(box, first)
        assert isinstance(await end_of(Box(other), first), StreamComplete)
    asked = [message for message in await agent.conversation(pid) if isinstance(message, UserMessage)]
    assert asked == [UserMessage("go"), UserMessage("in French")]


async def test_an_idle_agent_can_not_be_steered(stage: Stage) -> None:
    pid = await stage.agent("echo", when_busy="steer")
    assert not await agent.steer(pid, "faster")
    assert (await agent.chat(pid, "hello")).answer == "hello"


async def test_an_agent_retires_when_it_has_nothing_to_do_and_not_before(stage: Stage) -> None:
    pid = await gated(stage)
    async with Mailbox() as mailbox:
        box = Box(mailbox)
        first, second = await one_runs_one_waits(pid, box)
        assert await agent.retire(pid) is False
        Gate.open()
        assert isinstance(await end_of(box, first), StreamComplete)
        assert isinstance(await end_of(box, second), StreamComplete)
    assert await agent.retire(pid) is True
    assert not pid.alive


@pytest.mark.parametrize("when_busy", ["queue", "steer", "interrupt", "reject"])
async def test_a_client_that_has_the_end_of_a_turn_may_send_the_next_message(stage: Stage, when_busy: str) -> None:
    pid = await stage.agent("slow", when_busy=when_busy, max_queue=0)
    long = "x" * 300_000  # its handler needs a moment after the published end
    for turns in range(1, 4):
        assert (await agent.chat(pid, long)).answer == f"{long}!"
        assert len(await agent.conversation(pid)) == (await agent.info(pid)).messages == 2 * turns


async def test_a_turn_whose_end_a_client_has_can_not_be_cancelled_and_keeps_no_agent_from_retiring(
    stage: Stage,
) -> None:
    pid = await stage.agent("slow")
    for _ in range(3):
        await agent.chat(pid, "x" * 300_000)
        assert await agent.cancel(pid) is False
    await agent.chat(pid, "x" * 300_000)
    end = asyncio.create_task(ended(pid))
    assert await agent.retire(pid)
    assert not pid.alive
    assert await end == NORMAL
