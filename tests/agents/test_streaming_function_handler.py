"""The events of a turn, through the documented functions. Source: API reference, event sequence."""

from collections.abc import AsyncIterator
from itertools import groupby
from typing import Any

import pytest
from msgspec.structs import replace

from actors import AsyncioSystemBase, Mailbox, Pid, get_state
from agents import (
    ApiError,
    Event,
    ParseError,
    StreamComplete,
    StreamError,
    StreamFunctionArgumentsDelta,
    StreamFunctionCallComplete,
    StreamFunctionCallStarted,
    StreamFunctionExecutionStart,
    StreamStart,
    StreamToken,
    StreamToolResult,
    StreamToolStart,
    StreamUsage,
    ToolError,
    agent,
)
from agents.agent_instance import process_streaming_chat
from agents.core.accumulator import Accumulator
from agents.core.conversation import AssistantMessage, SystemMessage, ToolMessage, UserMessage
from agents.core.deltas import CallDelta, CallDone, CallStarted, Failed, Finished, FinishReason, TextDelta
from agents.instance.state import AgentState
from agents.streaming_function_handler import (
    Continue,
    Done,
    Error,
    Ok,
    StreamResult,
    finalize_stream,
    handle_chat_api_stream,
    handle_responses_api_stream,
    init_accumulator,
    process_stream_event,
)
from tests.agents.stage import Stage

SCRIPT = """
[[models.orders.turns]]
[[models.orders.turns.steps]]
text = "Two calls."
split_chars = 4
tool_calls = [
    { name = "shout", arguments = { text = "one" } },
    { name = "shout", arguments = { text = "two" } },
]
[[models.orders.turns.steps]]
text = "{result:0} and {result:1}."

[[models.interleaves.turns]]
[[models.interleaves.turns.steps]]
split_chars = 4
interleaved = true
tool_calls = [
    { name = "shout", arguments = { text = "one" } },
    { name = "shout", arguments = { text = "two" } },
]
[[models.interleaves.turns.steps]]
text = "Done."
"""

TOOLS = ["tests.agents.sample_tools:shout"]
HANDLERS = {"chat": handle_chat_api_stream, "responses": handle_responses_api_stream}
USER = {"role": "user", "content": "go"}


@pytest.fixture
async def system() -> AsyncIterator[AsyncioSystemBase]:
    """Run a process system for tests without agents and models."""
    async with AsyncioSystemBase() as system:
        yield system


async def state_of(stage: Stage, model: str, **config: Any) -> AgentState:
    state: AgentState = await get_state(await stage.agent(model, tools=TOOLS, **config))
    return state


async def received(box: Mailbox) -> list[Event]:
    """Return the events of one stream, up to its terminal event."""
    events: list[Event] = []
    while not (events and isinstance(events[-1], StreamComplete | StreamError)):
        events.append(await box.receive(60))
    return events


def without_starts(events: list[Event]) -> list[Event]:
    """Return the other events: a call may begin before or after another call's result."""
    return [event for event in events if not isinstance(event, StreamToolStart)]


def kinds(events: list[Event]) -> list[type[Event]]:
    """Return the kinds of the events in order. A run of one kind counts once."""
    return [kind for kind, _ in groupby(type(event) for event in events)]


# The documented order


GROWING: list[type[Event]] = [StreamFunctionCallStarted, StreamFunctionArgumentsDelta]
CALLS: dict[str, list[type[Event]]] = {
    # Chat Completions reports no end of a call before the end of the answer.
    "chat": [*GROWING, *GROWING, StreamFunctionCallComplete],
    "responses": [*GROWING, StreamFunctionCallComplete, *GROWING, StreamFunctionCallComplete],
}


async def test_a_turn_with_tools_has_the_documented_order(stage: Stage, api: str) -> None:
    pid = await stage.agent("orders", tools=TOOLS, api_preference=api)
    events = [event async for event in agent.stream(pid, "go")]
    assert kinds(without_starts(events)) == [
        StreamStart,
        StreamToken,
        *CALLS[api],
        StreamUsage,
        StreamFunctionExecutionStart,
        StreamToolResult,
        StreamToken,
        StreamComplete,
    ]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len({event.stream_id for event in events}) == 1


@pytest.mark.parametrize("model", ["orders", "interleaves"])
async def test_each_call_is_started_grown_and_complete_before_any_runs(stage: Stage, api: str, model: str) -> None:
    pid = await stage.agent(model, tools=TOOLS, api_preference=api)
    events = [event async for event in agent.stream(pid, "go")]
    run = [isinstance(event, StreamFunctionExecutionStart) for event in events].index(True)
    for index, text in enumerate(("one", "two")):
        started, *grown, whole = (event for event in events[:run] if index_of(event) == index)
        assert isinstance(started, StreamFunctionCallStarted)
        assert isinstance(whole, StreamFunctionCallComplete)
        assert (started.function_call.name, started.function_call.arguments) == ("shout", "")
        pieces = [event.delta for event in grown if isinstance(event, StreamFunctionArgumentsDelta)]
        assert len(pieces) == len(grown) > 1
        assert "".join(pieces) == whole.function_call.arguments == f'{{"text":"{text}"}}'
    results = [event for event in events[run:] if isinstance(event, StreamToolResult)]
    assert {(event.tool_call.index, event.result.content) for event in results} == {(0, "ONE"), (1, "TWO")}


def index_of(event: Event) -> int | None:
    """Return the index of the event's call."""
    match event:
        case StreamFunctionCallStarted(call) | StreamFunctionCallComplete(call):
            return call.index
        case StreamFunctionArgumentsDelta(index):
            return index
        case _:
            return None


# process_stream_event


MAPPINGS: list[dict[str, Any]] = [
    {"type": "content_delta", "data": "Let me "},
    {"type": "content_delta", "data": "see."},
    {"type": "tool_call_start", "index": 0, "data": {"id": "call_1", "function": {"name": "shout"}}},
    {"type": "tool_call_delta", "index": 0, "data": '{"text": '},
    {"type": "tool_call_delta", "index": 0, "data": '"hey"}'},
    {"type": "tool_call_complete", "index": 0, "data": '{"text": "hey"}'},
    {"type": "stream_done", "data": "tool_calls"},
]

DELTAS = [
    TextDelta("Let me "),
    TextDelta("see."),
    CallStarted(0, "call_1", "shout"),
    CallDelta(0, '{"text": '),
    CallDelta(0, '"hey"}'),
    CallDone(0, '{"text": "hey"}'),
    Finished(FinishReason.TOOL_CALLS, "tool_calls"),
]


def folded(events: list[Any], subscriber: Pid) -> tuple[StreamResult, Accumulator]:
    """Return the last result and its accumulator. All earlier results are Continue."""
    accumulator = init_accumulator("s-1")
    for event in events[:-1]:
        result = process_stream_event(event, accumulator, subscriber)
        assert isinstance(result, Continue)
        accumulator = result.accumulator
    return process_stream_event(events[-1], accumulator, subscriber), accumulator


async def test_documented_mappings_and_deltas_give_the_same_accumulator_and_events(system: AsyncioSystemBase) -> None:
    seen: list[tuple[Accumulator, list[Event]]] = []
    for events in (MAPPINGS, DELTAS):
        async with Mailbox() as box:
            result, _ = folded(events, box.pid)
            assert isinstance(result, Done)
            seen.append((result.accumulator, [await box.receive(60) for _ in range(6)]))
    (one, its_events), (other, other_events) = seen
    assert one == other
    assert [replace(each, at=None) for each in its_events] == [replace(each, at=None) for each in other_events]
    assert all(each.at for each in its_events + other_events)
    assert (one.content, [call.arguments for call in one.tool_calls]) == ("Let me see.", ['{"text": "hey"}'])
    assert [event.seq for event in its_events] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("event", [{"type": "error", "data": "overloaded"}, Failed(ApiError(0, "overloaded"))])
async def test_an_error_of_the_model_is_the_error_result(system: AsyncioSystemBase, event: Any) -> None:
    async with Mailbox() as box:
        result, before = folded([TextDelta("Let"), event], box.pid)
    assert result == Error(ApiError(0, "overloaded"))
    assert before.content == "Let"


NO_EVENTS: list[dict[str, Any]] = [
    {},
    {"type": "content_delta"},
    {"type": "tool_call_start", "index": 0, "data": {}},
    {"type": "tool_call_delta", "index": "0", "data": "{"},
    {"data": "x"},
]


@pytest.mark.parametrize("event", [None, 5, "content", [], ("content_delta", "Hi")])
async def test_a_value_of_another_type_is_refused_as_an_event(system: AsyncioSystemBase, event: Any) -> None:
    async with Mailbox() as box:
        result = process_stream_event(event, init_accumulator(), box.pid)
    assert isinstance(result, Error)
    assert str(result.reason).startswith("parse error: expected a delta or a mapping as a stream event, got")


@pytest.mark.parametrize(("index", "id_", "name"), [([], "a", "f"), (True, "a", "f"), (0, "", "f"), (0, "a", "")])
async def test_the_start_of_a_call_needs_an_index_an_id_and_a_name(
    system: AsyncioSystemBase, index: Any, id_: str, name: str
) -> None:
    event = {"type": "tool_call_start", "index": index, "data": {"id": id_, "function": {"name": name}}}
    async with Mailbox() as box:
        assert isinstance(process_stream_event(event, init_accumulator(), box.pid), Error)


@pytest.mark.parametrize("event", NO_EVENTS)
async def test_an_invalid_mapping_is_refused(system: AsyncioSystemBase, event: dict[str, Any]) -> None:
    async with Mailbox() as box:
        result = process_stream_event(event, init_accumulator(), box.pid)
    assert isinstance(result, Error)
    assert str(result.reason).startswith("parse error: expected a stream event of type content_delta")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "tool_call_start", "index": 0, "data": {"id": "c", "function": {"name": "x"}}}, "to start once"),
        ({"type": "tool_call_delta", "index": 1, "data": "{"}, "a call that is open, got 1"),
        ({"type": "tool_call_complete", "index": 1, "data": "{}"}, "a call that is open, got 1"),
        ({"type": "tool_call_complete", "index": 0, "data": "[]"}, "begin with its deltas"),
        (CallDelta(1, "{"), "a call that is open, got 1"),
        (CallDone(1, "{}"), "a call that is open, got 1"),
    ],
)
async def test_an_event_that_does_not_fit_its_call_is_refused(
    system: AsyncioSystemBase, event: Any, expected: str
) -> None:
    async with Mailbox() as box:
        before, _ = folded(MAPPINGS[2:5], box.pid)
        assert isinstance(before, Continue)
        result = process_stream_event(event, before.accumulator, box.pid)
    assert isinstance(result, Error)
    assert isinstance(result.reason, ParseError)
    assert expected in str(result.reason)


async def test_arguments_that_only_the_end_of_a_call_brings_are_its_arguments(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        result, _ = folded([MAPPINGS[2], MAPPINGS[5]], box.pid)
        assert isinstance(result, Continue)
        events = [await box.receive(60) for _ in range(3)]
    assert [call.arguments for call in result.accumulator.tool_calls] == ['{"text": "hey"}']
    assert kinds(events) == [StreamFunctionCallStarted, StreamFunctionArgumentsDelta, StreamFunctionCallComplete]
    assert events[1].delta == events[2].function_call.arguments


async def test_an_end_of_a_call_without_arguments_keeps_those_that_came(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        result, _ = folded([*MAPPINGS[2:5], {"type": "tool_call_complete", "index": 0}], box.pid)
    assert isinstance(result, Continue)
    assert [call.arguments for call in result.accumulator.tool_calls] == ['{"text": "hey"}']


async def test_an_empty_piece_gives_no_event(system: AsyncioSystemBase) -> None:
    pieces = [{"type": "content_delta", "data": ""}, {"type": "tool_call_delta", "index": 0, "data": ""}]
    async with Mailbox() as box:
        result, before = folded([*MAPPINGS[2:5], *pieces, TextDelta("")], box.pid)
    assert isinstance(result, Continue)
    assert (result.accumulator, before.seq) == (before, 3)


async def test_the_end_of_a_stream_ends_the_calls_that_are_open(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        result, _ = folded([*MAPPINGS[2:5], {"type": "stream_done"}], box.pid)
        assert isinstance(result, Done)
        events = [await box.receive(60) for _ in range(4)]
    assert isinstance(events[-1], StreamFunctionCallComplete)
    assert [call.done for call in result.accumulator.calls] == [True]


async def test_the_calls_of_an_answer_that_was_cut_are_not_run(stage: Stage) -> None:
    state = replace(await state_of(stage, "orders"), conversation=(UserMessage("go"),))
    async with Mailbox() as box:
        done, _ = folded([*MAPPINGS[2:6], {"type": "stream_done", "data": "length"}], box.pid)
        assert isinstance(done, Done)
        result = await finalize_stream(done.accumulator, box.pid, state)
    assert isinstance(result, Error)
    assert isinstance(result.reason, ToolError)


async def test_a_finish_reason_of_the_providers_own_is_kept(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        result, _ = folded([{"type": "stream_done", "data": "eos"}], box.pid)
    assert isinstance(result, Done)
    assert result.accumulator.end == Finished(FinishReason.OTHER, "eos")


async def test_after_its_end_a_stream_takes_nothing_more(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        result, _ = folded([TextDelta("All."), {"type": "stream_done"}], box.pid)
        assert isinstance(result, Done)
        assert process_stream_event(TextDelta("More."), result.accumulator, box.pid) == result


# finalize_stream


async def test_finalizing_runs_the_calls_and_streams_the_answer_to_their_results(stage: Stage, api: str) -> None:
    state = replace(await state_of(stage, "orders", api_preference=api), conversation=(UserMessage("go"),))
    async with Mailbox() as box:
        done, _ = folded(MAPPINGS, box.pid)
        assert isinstance(done, Done)
        result = await finalize_stream(done.accumulator, box.pid, state)
        events = await received(box)
    assert isinstance(result, Ok)
    assert result.response.content == "Let me see.HEY and {result:1}."
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    after = kinds(without_starts(events[6:]))
    assert after == [StreamFunctionExecutionStart, StreamToolResult, StreamToken, StreamComplete]
    said = [type(message) for message in result.state.conversation]
    assert said == [UserMessage, AssistantMessage, ToolMessage, AssistantMessage]


async def test_finalizing_without_calls_asks_no_model(stage: Stage) -> None:
    state = replace(await state_of(stage, "orders"), conversation=(UserMessage("go"),))
    async with Mailbox() as box:
        done, _ = folded([TextDelta("Enough."), {"type": "stream_done"}], box.pid)
        assert isinstance(done, Done)
        result = await finalize_stream(done.accumulator, box.pid, state)
    assert isinstance(result, Ok)
    assert result.response.content == "Enough."
    assert stage.server.requests == []


# The high-level handlers


async def test_a_handler_answers_ok_with_the_response_and_the_next_state(stage: Stage, api: str) -> None:
    state = await state_of(stage, "orders")
    messages = [{"role": "system", "content": "Be loud."}, USER]
    async with Mailbox() as box:
        result = await HANDLERS[api](box.pid, messages, state)
        events = await received(box)
    assert isinstance(result, Ok)
    assert result.response.answer == "ONE and TWO."
    assert result.state.conversation[:2] == (SystemMessage("Be loud."), UserMessage("go"))
    assert isinstance(events[-1], StreamComplete)
    assert events[-1].response == result.response
    assert state.conversation == ()


async def test_a_handler_answers_error_with_the_reason_of_the_stream_error(stage: Stage, api: str) -> None:
    state = await state_of(stage, "fault-drop")
    async with Mailbox() as box:
        result = await HANDLERS[api](box.pid, [USER], state)
        end = (await received(box))[-1]
    assert isinstance(end, StreamError)
    assert result == Error(end.reason)


async def test_a_result_state_is_the_next_turns_state(stage: Stage, api: str) -> None:
    state = await state_of(stage, "echo", api_preference=api)
    async with Mailbox() as box:
        for message in ("first", "second"):
            result = await process_streaming_chat(message, box.pid, state)
            assert isinstance(result, Ok)
            assert result.response.answer == message
            state = result.state
    texts = [message.content for message in state.conversation]
    assert texts == ["first", "first", "second", "second"]
