"""Snapshots: what two runs of one behaviour have in common, on either clock."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import Event, StreamComplete, StreamToken, start_agent, tool
from agents.core.backlog import backlog
from agents.core.conversation import Function, ToolCall
from agents.core.errors import ApiError, CircuitOpen, NetworkError
from agents.core.events import (
    StreamError,
    StreamFunctionCallStarted,
    StreamStart,
    StreamToolResult,
    ToolResult,
)
from agents.core.response import Response
from agents.rehearsal import RehearsalServer, Script, builtin, parse
from agents.settings import ProviderSettings, Settings, ToolSettings
from agents.settings.agent_options import StreamingOptions
from agents.testing import Stage, real_stage, record, simulated_stage, snapshot

SETTINGS = Settings(
    tools=ToolSettings(workers=1),
    providers=ProviderSettings(max_failures=1000),  # all models are of one provider
)
STALLING = {"fault-stall", "silent"}
"""The models that fall silent. The others keep the default timeout: a machine under load falls silent, too."""
RUNS = [
    (model, api, stream)
    for model in builtin().models
    for api in ("chat", "responses")
    for stream in (True, False)
    if stream or model != "fault-truncate"  # its fault quotes the answer, which has an id
]

FIRST_ENDS_LAST = parse("""
[[models.racing.turns]]
[[models.racing.turns.steps]]
tool_calls = [{ name = "wait", arguments = { s = 0.2 } }, { name = "wait", arguments = { s = 0.0 } }]
[[models.racing.turns.steps]]
text = "{result:0} and {result:1}"
""")


INTERRUPTED = parse("""
[[models.cut.turns]]
steps = [{ text = "one two three four", fault = { name = "drop", after_tokens = 2, times = 1 } }]
[[models.silent.turns]]
steps = [{ text = "one two three four", fault = { name = "stall", after_tokens = 2, times = 1 } }]
""")


@tool
async def wait(s: float) -> float:
    """Return after a time."""
    await asyncio.sleep(s)
    return s


async def snapshot_of(model: str, **config: Any) -> list[dict[str, Any]]:
    streaming: StreamingOptions = {"max_retries": 1}
    if model in STALLING:
        streaming["chunk_timeout"] = 1000
    pid = await start_agent(model=model, **{"tools": ["calculator"], "streaming_config": streaming, **config})
    return snapshot(await record(pid, "How much is 6 * 7?"))


@pytest.fixture(scope="module")
def stages() -> Iterator[tuple[Stage, Stage]]:
    with (
        RehearsalServer(builtin()) as server,
        real_stage(server, SETTINGS) as real,
        simulated_stage(builtin(), SETTINGS) as simulated,
    ):
        yield real, simulated


@pytest.mark.parametrize(("model", "api", "stream"), RUNS)
def test_a_model_and_its_fault_behave_alike_over_http_and_in_memory(
    stages: tuple[Stage, Stage], model: str, api: str, stream: bool
) -> None:
    real, simulated = (stage.run(snapshot_of(model, api_preference=api, stream=stream)) for stage in stages)
    assert real == simulated


@pytest.mark.parametrize("model", INTERRUPTED.models)
def test_a_background_response_is_resumed_alike_over_http_and_in_memory(model: str) -> None:
    background = {"api_preference": "responses", "model_options": {"background": True, "store": True}}
    with (
        RehearsalServer(INTERRUPTED) as server,
        real_stage(server, SETTINGS) as real,
        simulated_stage(INTERRUPTED, SETTINGS) as simulated,
    ):
        assert real.run(snapshot_of(model, **background)) == simulated.run(snapshot_of(model, **background))
        assert len(real.requests) == len(simulated.requests) == 1


@pytest.mark.parametrize("seed", range(5))
def test_the_results_of_parallel_calls_are_in_the_order_of_the_calls(seed: int) -> None:
    with simulated_stage(FIRST_ENDS_LAST, Settings(), seed) as stage:
        events = stage.run(snapshot_of("racing", tools=[wait]))
    results = [event for event in events if event["type"] == "stream_tool_result"]
    assert [(each["tool_call"]["id"], each["result"]["content"]) for each in results] == [
        ("call_1", "0.2"),
        ("call_2", "0.0"),
    ]


EVENTS: list[Event] = [
    StreamStart("agent-1", stream_id="s", seq=1),
    StreamFunctionCallStarted(ToolCall("abc", Function("add", "")), stream_id="s", seq=2),
    StreamToolResult(ToolCall("abc", Function("add", "{}")), ToolResult("3", 3, elapsed_s=0.5), stream_id="s", seq=3),
    StreamToken("Three", stream_id="s", seq=4),
    StreamToken(" it is", stream_id="s", seq=5),
    StreamComplete(Response("Three it is", "Three it is"), stream_id="s", seq=6),
]


def test_ids_times_and_defaults_are_left_out() -> None:
    assert snapshot(EVENTS) == [
        {"type": "stream_start"},
        {"type": "stream_function_call_started", "function_call": {"id": "call_1", "name": "add", "arguments": ""}},
        {
            "type": "stream_tool_result",
            "tool_call": {"id": "call_1", "name": "add", "arguments": "{}"},
            "result": {"content": "3", "value": 3},
        },
        {"type": "stream_token", "token": "Three it is"},
        {"type": "stream_complete", "response": {"content": "Three it is", "answer": "Three it is"}},
    ]


def test_a_subscriber_that_came_late_has_the_same_snapshot() -> None:
    assert snapshot(backlog(EVENTS)) == snapshot(EVENTS)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_every_split_of_a_text_has_the_same_snapshot(pieces: list[str]) -> None:
    tokens = [StreamToken(piece, stream_id="s", seq=number) for number, piece in enumerate(pieces, 1)]
    assert snapshot(tokens) == snapshot([StreamToken("".join(pieces), stream_id="t", seq=1)])


@pytest.mark.parametrize(
    ("fault", "plain"),
    [
        (
            NetworkError("econnrefused", "127.0.0.1:18081"),
            {"type": "network_error", "posix": "econnrefused", "message": "127.0.0.1:PORT"},
        ),
        (
            CircuitOpen("http://localhost:9/v1", 12.5),
            {"type": "circuit_open", "provider": "http://localhost:PORT/v1"},
        ),
        (ApiError(429, "slower", retry_after_s=1.5), {"type": "api_error", "code": 429, "message": "slower"}),
    ],
)
def test_a_fault_has_neither_ports_nor_times(fault: Any, plain: dict[str, Any]) -> None:
    assert snapshot([StreamError(fault)]) == [{"type": "stream_error", "reason": plain}]


def test_data_of_a_tool_is_never_changed() -> None:
    data = {"seq": 1, "elapsed_s": 2, "url": "http://127.0.0.1:80/"}
    event = StreamToolResult(ToolCall("abc", Function("get", "{}")), ToolResult("text", data))
    assert snapshot([event])[0]["result"]["value"] == data


def test_a_script_of_one_model_needs_no_name_of_it() -> None:
    script = Script(models={"only": FIRST_ENDS_LAST.models["racing"]})
    with simulated_stage(script, Settings()) as stage:
        stage.run(record_default())
        assert stage.requests[0]["model"] == "only"


async def record_default() -> list[Event]:
    return await record(await start_agent(), "Hello")
