"""docs/erlang-map.md is complete, and each of its rows is true: the test uses every name, over HTTP on loopback."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace
from pydantic import SecretStr

from actors import AsyncioSystemBase, Mailbox, Pid, get_state
from agents import (
    ApiError,
    ConnectionClosed,
    Event,
    NetworkError,
    ParseError,
    StreamComplete,
    StreamError,
    StreamToolResult,
    Timeout,
    ToolError,
    agent,
    application,
    tool,
)
from agents.agent_config import AgentConfig, InvalidAgentConfig
from agents.core.accumulator import Accumulator, fold
from agents.core.conversation import UserMessage
from agents.core.deltas import CallStarted
from agents.core.stream_event import deltas_of
from agents.core.stream_metrics import StreamMetrics
from agents.instance.state import AgentState
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Settings, StreamingSettings, ToolSettings
from agents.streaming_function_handler import (
    Continue,
    Done,
    Error,
    Ok,
    finalize_stream,
    handle_chat_api_stream,
    init_accumulator,
    process_stream_event,
)
from supervisors import AlreadyStarted, agent_supervisor
from tests.agents.stage import Stage
from tests.erlang_map import Row, headings, rows

SCRIPT = parse("""
[models.helper]
turns = [{ steps = [
    { text = "Two things.", tool_calls = [
        { name = "meet", arguments = { who = "Ada" } }, { name = "meet", arguments = { who = "Joe" } }] },
    { text = "Done: {tool:meet}." },
] }]

[[models.cut-call.turns]]
[[models.cut-call.turns.steps]]
fault = { name = "length", after_tokens = 1 }
split_chars = 2
tool_calls = [{ name = "meet", arguments = { who = "Ada" } }]
""")

DOCUMENTED = {
    "Functions": [
        "streaming_function_handler:init_accumulator/0",
        "streaming_function_handler:process_stream_event/3",
        "streaming_function_handler:finalize_stream/3",
        "streaming_function_handler:handle_responses_api_stream/3",
        "streaming_function_handler:handle_chat_api_stream/3",
        "agent:stream_chat/2",
        "agent:stream_chat/3",
        "agent_instance:process_streaming_chat/3",
        "agent_instance:handle_streaming_response/3",
        "agent_instance:handle_streaming_response_events/3",
        "agent_supervisor:start_agent/1",
        "agent_registry:find_agent/1",
    ],
    "Values": [
        "accumulator.content",
        "accumulator.tool_calls",
        "accumulator.tool_call_map",
        "accumulator.metadata",
        "tool_call.id",
        "tool_call.type",
        "tool_call.function.name",
        "tool_call.function.arguments",
        "stream_event.metadata",
    ],
    "Results": ["continue", "done", "ok", "error"],
    "Events of a model's stream": [
        "content_delta",
        "tool_call_start",
        "tool_call_delta",
        "tool_call_complete",
        "stream_done",
        "error",
    ],
    "Events for subscribers": [
        "stream_start",
        "stream_token",
        "stream_function_call_started",
        "stream_function_arguments_delta",
        "stream_function_call_complete",
        "stream_function_execution_start",
        "stream_tool_result",
        "stream_complete",
        "stream_error",
    ],
    "Errors": ["timeout", "parse_error", "tool_error", "api_error", "network_error", "connection_closed"],
    "Metrics": [
        "stream_id",
        "start_time",
        "end_time",
        "first_token_time",
        "token_count",
        "byte_count",
        "function_count",
        "tool_execution_time",
        "errors",
        "total_time_ms",
        "time_to_first_token_ms",
        "tokens_per_second",
        "bytes_per_second",
        "function_calls",
        "tool_time_ms",
    ],
    "Configuration of an agent": [
        "name",
        "model",
        "tools",
        "streaming_config.chunk_timeout",
        "streaming_config.parallel_tools",
        "streaming_config.max_retries",
    ],
    "Configuration of the application": [
        "timeout",
        "tool_timeout",
        "max_tool_calls",
        "buffer_size",
        "enable_compression",
        "debug_streaming",
    ],
}
"""Every name of the API reference, by the table that it belongs to."""


class Meeting:
    """The number of running calls of `meet`, and the largest number so far."""

    present = peak = 0


@tool
async def meet(who: str) -> str:
    """Meet somebody; those who come at the same time meet each other."""
    Meeting.present += 1
    Meeting.peak = max(Meeting.peak, Meeting.present)
    for _ in range(1000):
        if Meeting.peak > 1:
            break
        await asyncio.sleep(0)
    Meeting.present -= 1
    return f"met {who}"


@tool(name="meet")
async def wait_for_ever(who: str) -> None:
    """Wait without a deadline."""
    await asyncio.Event().wait()


@asynccontextmanager
async def running(**streaming: Any) -> AsyncIterator[Stage]:
    """Run the application with these streaming settings against a rehearsal server."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(builtin() | SCRIPT))
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal"),
            streaming=StreamingSettings(**streaming),
            tools=ToolSettings(workers=1),
        )
        await stack.enter_async_context(application.running(settings))
        yield Stage(server)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    Meeting.present = Meeting.peak = 0
    async with running() as stage:
        yield stage


async def events(pid: Pid, message: str = "hello") -> list[Event]:
    return [event async for event in agent.stream(pid, message)]


async def received(box: Mailbox) -> list[Event]:
    """Return the events of one stream, up to its terminal event."""
    found: list[Event] = []
    while not (found and isinstance(found[-1], StreamComplete | StreamError)):
        found.append(await box.receive(20))
    return found


async def fault_of(pid: Pid) -> Any:
    end = (await events(pid))[-1]
    assert isinstance(end, StreamError), end
    return end.reason


async def state_of(stage: Stage, model: str = "helper", **config: Any) -> AgentState:
    state: AgentState = await get_state(await stage.agent(model, tools=[meet], **config))
    return state


# The document itself


def test_the_document_has_the_documented_tables_and_no_other() -> None:
    assert headings() == list(DOCUMENTED)


@pytest.mark.parametrize("heading", DOCUMENTED)
def test_every_documented_name_has_one_row_and_every_row_is_documented(heading: str) -> None:
    whole = heading in ("Functions", "Values") or heading.startswith("Configuration")
    assert [row.erlang if whole else row.tag for row in rows(heading)] == DOCUMENTED[heading]


# Functions


async def _init_accumulator(_: Stage, function: Any) -> None:
    empty = function()
    assert (empty.content, empty.tool_calls, empty.end) == ("", (), None)


async def _process_stream_event(_: Stage, function: Any) -> None:
    async with Mailbox() as box:
        result = function({"type": "content", "data": "Hello"}, init_accumulator(), box.pid)
        assert isinstance(result, Continue)
        assert result.accumulator.content == (await box.receive(1)).token == "Hello"


async def _finalize_stream(stage: Stage, function: Any) -> None:
    state = replace(await state_of(stage), conversation=(UserMessage("hello"),))
    accumulator = init_accumulator()
    async with Mailbox() as box:
        for event in (
            {"type": "tool_call_start", "index": 0, "data": {"id": "c1", "function": {"name": "meet"}}},
            {"type": "tool_call_complete", "index": 0, "data": ""},
            {"type": "tool_call_start", "index": 1, "data": {"id": "c2", "function": {"name": "nobody"}}},
            {"type": "tool_call_complete", "index": 1, "data": ""},
            {"type": "stream_done"},
        ):
            accumulator = process_stream_event(event, accumulator, box.pid).accumulator  # type: ignore[union-attr]
        result = await function(accumulator, box.pid, state)
        assert isinstance(result, Ok)
        assert (await received(box))[-1].response == result.response  # type: ignore[union-attr]
    assert [call.name for call in result.response.tool_calls] == ["meet", "nobody"]
    assert result.response.answer.startswith("Done: ")


async def _handle_stream(stage: Stage, function: Any, path: str) -> None:
    state = await state_of(stage)
    async with Mailbox() as box:
        result = await function(box.pid, [{"role": "user", "content": "hello"}], state)
        assert (await received(box))[-1].response == result.response  # type: ignore[union-attr]
    assert result.response.answer == "Done: met Joe."
    assert result.state.conversation[-1].content == "Done: met Joe."
    assert ("input" if path == "responses" else "messages") in stage.server.requests[-1]


async def _stream_chat_2(stage: Stage, function: Any) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box:
        stream_id = function(pid, "to me")
        assert {event.stream_id for event in await received(box)} == {stream_id}


async def _stream_chat_3(stage: Stage, function: Any) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box, Mailbox():
        function(pid, "to another", box.pid)
        assert isinstance((await received(box))[-1], StreamComplete)


async def _process_streaming_chat(stage: Stage, function: Any) -> None:
    for api, key in (("chat", "messages"), ("responses", "input")):
        state = await state_of(stage, "echo", api_preference=api)
        async with Mailbox() as box:
            result = await function("hello", box.pid, state)
        assert isinstance(result, Ok)
        assert result.response.answer == "hello"
        assert key in stage.server.requests[-1]


async def _start_agent(stage: Stage, function: Any) -> None:
    pid = await function({"name": "Helper", "model": "echo", "tools": ["calculator"], "id": "one"})
    assert (await agent.chat(pid, "hello")).answer == "hello"
    with pytest.raises(AlreadyStarted):
        await function({"model": "echo", "id": "one"})
    with pytest.raises(InvalidAgentConfig, match="tools"):
        await function({"model": "echo", "tools": ["no such"]})


async def _find_agent(stage: Stage, function: Any) -> None:
    pid = await stage.agent("echo", id="known")
    assert function("known") == pid
    assert function("unknown") is None
    await agent_supervisor.stop_agent(pid)
    assert function("known") is None


async def _chat_api(stage: Stage, function: Any) -> None:
    await _handle_stream(stage, function, "chat")


async def _responses_api(stage: Stage, function: Any) -> None:
    await _handle_stream(stage, function, "responses")


FUNCTIONS: dict[str, Callable[[Stage, Any], Awaitable[None]]] = {
    "streaming_function_handler:init_accumulator/0": _init_accumulator,
    "streaming_function_handler:process_stream_event/3": _process_stream_event,
    "streaming_function_handler:finalize_stream/3": _finalize_stream,
    "streaming_function_handler:handle_responses_api_stream/3": _responses_api,
    "streaming_function_handler:handle_chat_api_stream/3": _chat_api,
    "agent:stream_chat/2": _stream_chat_2,
    "agent:stream_chat/3": _stream_chat_3,
    "agent_instance:process_streaming_chat/3": _process_streaming_chat,
    "agent_instance:handle_streaming_response/3": _chat_api,
    "agent_instance:handle_streaming_response_events/3": _responses_api,
    "agent_supervisor:start_agent/1": _start_agent,
    "agent_registry:find_agent/1": _find_agent,
}


def named(row: Row) -> str:
    return row.erlang


@pytest.mark.parametrize("row", rows("Functions"), ids=named)
async def test_a_documented_function_does_what_is_documented(stage: Stage, row: Row) -> None:
    await FUNCTIONS[row.erlang](stage, row.found())


# Values


CALLED: Any = {"id": "c1", "type": "function", "function": {"name": "meet", "arguments": '{"who": "Ada"}'}}
VALUES: dict[str, Any] = {
    "accumulator.content": "Hello",
    "accumulator.tool_calls": [CALLED],
    "accumulator.tool_call_map": {0: CALLED},
    "accumulator.metadata": {"finish_reason": "tool_calls", "usage": None, "model": None, "id": None},
    "tool_call.id": "c1",
    "tool_call.type": "function",
    "tool_call.function.name": "meet",
    "tool_call.function.arguments": '{"who": "Ada"}',
}


@pytest.mark.parametrize("row", rows("Values")[:-1], ids=named)
def test_a_documented_field_has_its_documented_value(row: Row) -> None:
    accumulator = _accumulated({})
    name = row.python.rpartition(".")[2]
    assert row.found() is not None
    owners = {"Accumulator": accumulator, "ToolCall": accumulator.tool_calls[0]}
    owner = owners.get(row.python.split(".")[-2], accumulator.tool_calls[0].function)
    said = msgspec.to_builtins(getattr(owner, name), str_keys=False)
    assert _without_more(said, VALUES[row.erlang]) == VALUES[row.erlang]


async def test_the_metadata_of_events_is_the_accumulators() -> None:
    (row,) = rows("Values")[-1:]
    first = {"type": "content_delta", "data": "a", "metadata": {"choice": 0, "model": "m"}}
    assert row.found()(first) == first["metadata"]
    accumulator = init_accumulator()
    async with AsyncioSystemBase(), Mailbox() as box:
        for event in (first, {"type": "content_delta", "data": "b", "metadata": {"choice": 1}}):
            result = process_stream_event(event, accumulator, box.pid)
            assert isinstance(result, Continue)
            accumulator = result.accumulator
        assert (accumulator.content, accumulator.metadata) == ("ab", {"choice": 1, "model": "m"})
        wrong = process_stream_event({**first, "metadata": "m"}, accumulator, box.pid)
    assert wrong == Error(ParseError("expected a mapping as metadata of a stream event, got 'm'"))


def _accumulated(more: dict[str, Any]) -> Accumulator:
    """Return the accumulator after the documented events of an answer with one call. more: fields of each event."""
    accumulator = init_accumulator()
    for type_ in ("content_delta", "tool_call_start", "tool_call_complete", "stream_done"):
        data = "tool_calls" if type_ == "stream_done" else MODEL_EVENTS[type_]
        for delta in deltas_of({"type": type_, "index": 0, "data": data, **more}, accumulator):
            accumulator, _ = fold(accumulator, delta)
    return accumulator


def _without_more(said: Any, documented: Any) -> Any:
    """Return the events without undocumented fields."""
    match documented:
        case dict():
            return {key: _without_more(said[key], each) for key, each in documented.items()}
        case list():
            return [_without_more(one, each) for one, each in zip(said, documented, strict=True)]
        case _:
            return said


# Results


async def _continue(_: Stage) -> Any:
    async with Mailbox() as box:
        return process_stream_event({"type": "content_delta", "data": "x"}, init_accumulator(), box.pid)


async def _done(_: Stage) -> Any:
    async with Mailbox() as box:
        return process_stream_event({"type": "stream_done"}, init_accumulator(), box.pid)


async def _ok(stage: Stage) -> Any:
    state = replace(await state_of(stage), conversation=(UserMessage("hello"),))
    async with Mailbox() as box:
        return await finalize_stream(init_accumulator(), box.pid, state)


async def _error(stage: Stage) -> Any:
    state = await state_of(stage, "fault-html")
    async with Mailbox() as box:
        return await handle_chat_api_stream(box.pid, [{"role": "user", "content": "hello"}], state)


RESULTS: dict[str, tuple[Callable[[Stage], Awaitable[Any]], type[Struct]]] = {
    "continue": (_continue, Continue),
    "done": (_done, Done),
    "ok": (_ok, Ok),
    "error": (_error, Error),
}


@pytest.mark.parametrize("row", rows("Results"), ids=named)
async def test_a_documented_result_is_a_class_with_its_values_in_order(stage: Stage, row: Row) -> None:
    provoke, kind = RESULTS[row.tag]
    result = await provoke(stage)
    assert type(result) is row.found() is kind
    assert list(result.__struct_fields__) == row.fields


# Events


MODEL_EVENTS: dict[str, Any] = {
    "content_delta": "Hello",
    "tool_call_start": {"id": "c1", "function": {"name": "meet"}},
    "tool_call_delta": '{"who',
    "tool_call_complete": '{"who": "Ada"}',
    "stream_done": "stop",
    "error": "overloaded",
}


@pytest.mark.parametrize("row", rows("Events of a model's stream"), ids=named)
def test_a_documented_event_of_a_model_is_read(row: Row) -> None:
    accumulator = init_accumulator()
    if row.tag in {"tool_call_delta", "tool_call_complete"}:
        accumulator, _ = fold(accumulator, CallStarted(0, "c1", "meet"))
    deltas = deltas_of({"type": row.tag, "index": 0, "data": MODEL_EVENTS[row.tag]}, accumulator)
    assert type(deltas[-1]) is row.found()


@pytest.mark.parametrize("row", rows("Events for subscribers"), ids=named)
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_documented_event_comes_with_its_documented_payload(stage: Stage, row: Row, api: str) -> None:
    model = "fault-drop" if row.tag == "stream_error" else "helper"
    seen = await events(await stage.agent(model, tools=[meet], api_preference=api))
    (kind,) = {type(event) for event in seen if event.__struct_config__.tag == row.tag}
    assert kind is row.found()
    assert list(kind.__struct_fields__[: len(row.fields)]) == row.fields
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))


# Errors


ERRORS: dict[str, tuple[type[Struct], str, dict[str, Any]]] = {
    "timeout": (Timeout, "fault-stall", {"streaming_config": {"chunk_timeout": 200, "max_retries": 0}}),
    "parse_error": (ParseError, "fault-bad_json", {}),
    "tool_error": (ToolError, "cut-call", {}),
    "api_error": (ApiError, "fault-server_error", {"streaming_config": {"max_retries": 0}}),
    "network_error": (
        NetworkError,
        "echo",
        {"base_url": "http://127.0.0.1:1/v1", "streaming_config": {"max_retries": 0}},
    ),
    "connection_closed": (ConnectionClosed, "fault-close", {}),
}


@pytest.mark.parametrize("row", rows("Errors"), ids=named)
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_documented_error_ends_a_stream_with_its_documented_terms(stage: Stage, row: Row, api: str) -> None:
    kind, model, config = ERRORS[row.tag]
    fault = await fault_of(await stage.agent(model, tools=[meet], api_preference=api, **config))
    assert type(fault) is row.found() is kind
    assert fault.__struct_config__.tag == row.tag
    assert list(fault.__struct_fields__[: len(row.fields)]) == row.fields
    assert str(fault).splitlines() == [str(fault)]


# Metrics


BEFORE_MS = time.time() * 1000
METRICS: dict[str, Callable[[StreamMetrics], bool]] = {
    "start_time": lambda metrics: BEFORE_MS <= metrics.start_time <= time.time() * 1000,
    "end_time": lambda metrics: abs(metrics.end_time - metrics.start_time - metrics.total_time_ms) <= 1,
    "first_token_time": lambda metrics: metrics.start_time <= (metrics.first_token_time or 0) <= metrics.end_time,
    "token_count": lambda metrics: metrics.token_count == len(["Two", " things.", "Done:", " met", " Joe."]),
    "byte_count": lambda metrics: metrics.byte_count == len(b"Two things.Done: met Joe."),
    "function_count": lambda metrics: metrics.function_calls == 2,
    "tool_execution_time": lambda metrics: 0 < metrics.tool_time_ms <= metrics.total_time_ms,
    "errors": lambda metrics: metrics.errors == (),
    "total_time_ms": lambda metrics: metrics.total_time_ms > 0,
    "time_to_first_token_ms": lambda metrics: 0 < (metrics.time_to_first_token_ms or 0) <= metrics.total_time_ms,
    "tokens_per_second": lambda metrics: metrics.tokens_per_second > 0,
    "bytes_per_second": lambda metrics: metrics.bytes_per_second > metrics.tokens_per_second,
    "function_calls": lambda metrics: metrics.function_calls == 2,
    "tool_time_ms": lambda metrics: 0 < metrics.tool_time_ms <= metrics.total_time_ms,
}


@pytest.mark.parametrize("row", rows("Metrics"), ids=named)
async def test_a_documented_metric_is_reported_for_a_turn(stage: Stage, row: Row) -> None:
    pid = await stage.agent("helper", tools=[meet])
    async with Mailbox() as box:
        stream_id = agent.stream_chat(pid, "hello")
        end = (await received(box))[-1]
    assert isinstance(end, StreamComplete)
    metrics = end.response.metrics
    assert metrics is not None
    if row.erlang == "stream_id":
        assert getattr(end, row.found()) == stream_id
    else:
        assert row.found() in metrics.__struct_fields__
        assert METRICS[row.erlang](metrics)


# Configuration


async def _name(stage: Stage) -> None:
    assert (await get_state(await stage.agent("echo", name="Ada"))).config.name == "Ada"


async def _model(stage: Stage) -> None:
    await agent.chat(await stage.agent("echo"), "hello")
    assert stage.server.requests[-1]["model"] == "echo"


async def _tools(stage: Stage) -> None:
    await agent.chat(await stage.agent("echo", tools=["web_search", meet]), "hello")
    names = [each["function"]["name"] for each in stage.server.requests[-1]["tools"]]
    assert names == ["web_search", "meet"]


async def _chunk_timeout(stage: Stage) -> None:
    pid = await stage.agent("fault-stall", streaming_config={"chunk_timeout": 200})
    assert (await fault_of(pid)).timeout_s == 0.2


async def _parallel_tools(stage: Stage) -> None:
    await agent.chat(await stage.agent("helper", tools=[meet], streaming_config={"parallel_tools": False}), "hello")
    assert Meeting.peak == 1
    await agent.chat(await stage.agent("helper", tools=[meet], streaming_config={"parallel_tools": True}), "hello")
    assert Meeting.peak == 2


async def _max_retries(stage: Stage) -> None:
    fault = await fault_of(await stage.agent("recovers", streaming_config={"max_retries": 0}))
    assert fault.code == 429
    end = (await events(await stage.agent("recovers", streaming_config={"max_retries": 2})))[-1]
    assert isinstance(end, StreamComplete)


AGENT_KEYS: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "name": _name,
    "model": _model,
    "tools": _tools,
    "streaming_config.chunk_timeout": _chunk_timeout,
    "streaming_config.parallel_tools": _parallel_tools,
    "streaming_config.max_retries": _max_retries,
}


@pytest.mark.parametrize("row", rows("Configuration of an agent"), ids=named)
async def test_a_documented_key_of_an_agent_has_its_effect(stage: Stage, row: Row) -> None:
    assert row.found() in AgentConfig.__struct_fields__
    await AGENT_KEYS[row.erlang](stage)


async def _timeout() -> None:
    async with running(timeout=200) as stage:
        assert (await fault_of(await stage.agent("fault-stall"))).timeout_s == 0.2


async def _tool_timeout() -> None:
    async with running(tool_timeout=200) as stage:
        seen = await events(await stage.agent("helper", tools=[wait_for_ever]))
    assert {event.result.error for event in seen if isinstance(event, StreamToolResult)} == {"timeout"}


async def _max_tool_calls() -> None:
    Meeting.present = Meeting.peak = 0
    async with running(max_tool_calls=1) as stage:
        await agent.chat(await stage.agent("helper", tools=[meet]), "hello")
    assert Meeting.peak == 1


async def _buffer_size() -> None:
    async with running(buffer_size=1) as stage, Mailbox() as slow:
        pid = await stage.agent("echo")
        agent.subscribe(pid, slow.pid)
        await agent.chat(pid, "one two three")
        _, token = await slow.receive(), await slow.receive()
    assert (token.token, token.joined) == ("one two three", 3)


async def _debug_streaming() -> None:
    with _records("understudy.streams", logging.INFO) as records:
        async with running(debug_streaming=True) as stage:
            seen = await events(await stage.agent("echo"), "a secret")
        async with running(debug_streaming=False) as stage:
            await agent.chat(await stage.agent("echo"), "a secret")
    assert [each.fields["kind"] for each in records] == [event.__struct_config__.tag for event in seen]
    assert not any("secret" in each.getMessage() for each in records)


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def _records(name: str, level: int) -> Iterator[list[Any]]:
    """Return the records that are logged in the block."""
    handler, logger = _Kept(), logging.getLogger(name)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield handler.records
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


APPLICATION_KEYS: dict[str, Callable[[], Awaitable[None]]] = {
    "buffer_size": _buffer_size,
    "timeout": _timeout,
    "tool_timeout": _tool_timeout,
    "max_tool_calls": _max_tool_calls,
    "debug_streaming": _debug_streaming,
}
OF_THE_GATEWAY = {"enable_compression"}
"""Their effect is on HTTP, and tested there."""


@pytest.mark.parametrize("row", rows("Configuration of the application"), ids=named)
async def test_a_documented_key_of_the_application_has_its_effect(row: Row) -> None:
    assert row.found() == row.erlang
    if row.erlang not in OF_THE_GATEWAY:
        await APPLICATION_KEYS[row.erlang]()
