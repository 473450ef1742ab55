"""A failing provider: the next model, the events for subscribers, and the limits of a turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from actors import Pid
from actors.testing import simulated
from agents import (
    ApiError,
    LimitReached,
    NetworkError,
    ParseError,
    StreamComplete,
    StreamError,
    StreamReset,
    StreamToken,
    StreamToolResult,
    StreamUsage,
    StreamWarning,
    Timeout,
    agent,
    application,
)
from agents.agent_config import InvalidAgentConfig
from agents.llm.breaker import Closed
from agents.llm.providers import breakers
from agents.settings import ModelPrice, Settings
from supervisors import agent_supervisor
from tests.agents.llm.scripted import SAID, ScriptedClient, application_with
from tests.agents.sample_tools import raises, shout, waits_long
from tests.agents.stage import Stage

SCRIPT = """
[models.halves]
[[models.halves.turns]]
steps = [{ text = ["All ", "is ", "well."], fault = { name = "drop", after_tokens = 2, times = 1 } }]

[models.cuts]
[[models.cuts.turns]]
steps = [
    { text = "Let me see. ", tool_calls = [{ name = "shout", arguments = { text = "a" } }] },
    { text = ["Done", "."], fault = { name = "drop", after_tokens = 1, times = 1 } },
]

[models.priced]
[[models.priced.turns]]
[[models.priced.turns.steps]]
tool_calls = [{ name = "shout", arguments = { text = "a" } }]
usage = { input_tokens = 90, output_tokens = 10 }
[[models.priced.turns.steps]]
text = "Done."
usage = { input_tokens = 90, output_tokens = 10 }

[models.fails]
[[models.fails.turns]]
steps = [{ tool_calls = [{ name = "raises", arguments = { text = "x" } }] }, { text = "It failed: {result:0}" }]

[models.digs]
[[models.digs.turns]]
steps = [{ text = "Wait. ", tool_calls = [{ name = "waits_long", arguments = { mark = "{user}" } }] }, { text = "?" }]
"""

NOWHERE = "http://127.0.0.1:1/v1"


@asynccontextmanager
async def priced(stage: Stage, api: str, limits: Any) -> AsyncIterator[Pid]:
    """Start an agent of a model with a price: 10 for a million tokens of input, 20 for output."""
    prices = {"priced": ModelPrice(input=10.0, output=20.0)}
    settings = Settings(base_url=stage.server.base_url, api_key=SecretStr("any"), prices=prices)
    async with application.running(settings):
        config = {"model": "priced", "api_preference": api, "tools": [shout], "limits": limits}
        yield await agent_supervisor.start_agent(config)


def resets(events: list[Any]) -> list[StreamReset]:
    return [event for event in events if isinstance(event, StreamReset)]


async def test_a_broken_answer_begins_again_by_policy_after_a_reset(stage: Stage, api: str) -> None:
    pid = await stage.agent("halves", api_preference=api, streaming_config={"retry_after_output": True})
    events = [event async for event in agent.stream(pid, "?")]
    (reset,) = resets(events)
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert (end.response.content, end.attempt, reset.attempt) == ("All is well.", 2, 2)
    place = events.index(reset)
    assert "".join(event.token for event in events[:place] if isinstance(event, StreamToken)) == "All is "
    assert "".join(event.token for event in events[place:] if isinstance(event, StreamToken)) == "All is well."


async def test_without_the_policy_a_broken_answer_is_an_error_with_the_text_so_far(stage: Stage, api: str) -> None:
    pid = await stage.agent("halves", api_preference=api)
    events = [event async for event in agent.stream(pid, "?")]
    end = events[-1]
    assert isinstance(end, StreamError)
    assert end.content == "All is "
    assert not resets(events)


async def test_no_tool_runs_twice_because_the_answer_to_its_result_broke(stage: Stage, api: str) -> None:
    policy = {"retry_after_output": True}
    pid = await stage.agent("cuts", tools=[shout], api_preference=api, streaming_config=policy)
    events = [event async for event in agent.stream(pid, "?")]
    (reset,) = resets(events)
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert (reset.content, end.response.content) == ("Let me see. ", "Let me see. Done.")
    assert len([event for event in events if isinstance(event, StreamToolResult)]) == 1


@pytest.mark.parametrize(
    ("first", "fault"),
    [
        ({"model": "no-such-model"}, ApiError),
        ({"base_url": NOWHERE}, NetworkError),
        ({"model": "fault-server_error"}, ApiError),
        ({"model": "fault-html"}, ParseError),
    ],
    ids=["unknown model", "refused", "500", "no stream"],
)
async def test_the_next_model_answers_when_one_can_not(stage: Stage, api: str, first: Any, fault: type) -> None:
    fallback = {"model": "echo", "base_url": stage.server.base_url}
    config = {"model": "echo", **first, "api_preference": api, "streaming_config": {"max_retries": 0}}
    pid = await agent_supervisor.start_agent({**config, "fallbacks": [fallback]})
    events = [event async for event in agent.stream(pid, "hello")]
    (reset,) = resets(events)
    assert isinstance(reset.reason, fault)
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.content == "hello"


async def test_a_fallback_may_speak_the_other_api(stage: Stage) -> None:
    pid = await stage.agent("no-such-model", fallbacks=[{"model": "echo", "api_preference": "responses"}])
    assert (await agent.chat(pid, "hello")).content == "hello"
    assert "input" in stage.server.requests[-1]


async def test_the_last_models_fault_ends_the_turn(stage: Stage) -> None:
    pid = await stage.agent("no-such-model", fallbacks=[{"model": "no-other-model"}])
    with pytest.raises(agent.StreamFailed) as failed:
        await agent.chat(pid, "hello")
    assert "no-other-model" in str(failed.value.fault)


async def test_a_turn_that_takes_too_long_ends_with_all_it_started(stage: Stage, tmp_path: Any) -> None:
    mark = tmp_path / "mark"
    pid = await stage.agent("digs", tools=[waits_long], limits={"time": 400})
    events = [event async for event in agent.stream(pid, str(mark))]
    end = events[-1]
    assert isinstance(end, StreamError)
    assert (end.reason, end.content) == (Timeout("end of the turn", 0.4), "Wait. ")
    assert mark.read_text() == "cancelled"
    with pytest.raises(agent.StreamFailed):  # the next turn begins normally, and ends in the same way
        await agent.chat(pid, str(mark))


# The five rows of the error-handling flow


async def test_a_network_fault_is_retried_and_then_reported(stage: Stage) -> None:
    pid = await stage.agent("echo", base_url=NOWHERE, streaming_config={"max_retries": 1})
    events = [event async for event in agent.stream(pid, "?")]
    assert [type(event.reason) for event in events if isinstance(event, StreamReset | StreamError)] == [
        NetworkError,
        NetworkError,
    ]


async def test_a_timeout_keeps_the_partial_answer(stage: Stage, api: str) -> None:
    pid = await stage.agent("fault-stall", api_preference=api, streaming_config={"chunk_timeout": 200})
    end = [event async for event in agent.stream(pid, "?")][-1]
    assert isinstance(end, StreamError)
    assert isinstance(end.reason, Timeout)
    assert end.content


@simulated(seeds=3)
async def test_a_retry_waits_as_long_as_the_provider_asks_and_the_next_route_is_asked_at_once() -> None:
    client = ScriptedClient([ApiError(429, "slow down", None, 20.0)], [ApiError(404, "gone")], [SAID])
    async with application_with(client):
        pid = await agent_supervisor.start_agent({"fallbacks": [{"model": "other"}]})
        response = await agent.chat(pid, "hello")
    assert [body["model"] for body in client.bodies] == ["any", "any", "other"]
    assert response.metrics is not None
    assert 20_000 <= response.metrics.total_time_ms <= 20_500


async def test_unreadable_data_is_reported_with_its_beginning(stage: Stage, api: str) -> None:
    pid = await stage.agent("fault-bad_json", api_preference=api)
    end = [event async for event in agent.stream(pid, "?")][-1]
    assert isinstance(end, StreamError)
    assert isinstance(end.reason, ParseError)


async def test_an_unreadable_event_is_skipped_and_a_loss_of_text_gives_a_warning(stage: Stage, api: str) -> None:
    pid = await stage.agent("fault-bad_event", api_preference=api)
    events = [event async for event in agent.stream(pid, "?")]
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.metrics is not None
    assert len([line for line in end.response.metrics.errors if "skipped an event" in line]) == 1
    warnings = [event for event in events if isinstance(event, StreamWarning)]
    if api == "chat":
        assert end.response.content == "This answer loses word."
        assert [type(warning.reason) for warning in warnings] == [ParseError]
    else:  # the final output has the whole text
        assert (end.response.content, warnings) == ("This answer loses a word.", [])
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_a_deadline_that_an_agent_shortened_opens_no_circuit(stage: Stage, api: str) -> None:
    hasty = {"chunk_timeout": 20, "max_retries": 8}
    pid = await stage.agent("fault-stall", api_preference=api, streaming_config=hasty)
    for _ in range(6):
        assert isinstance([event async for event in agent.stream(pid, "?")][-1], StreamError)
    assert [type(breaker) for _, breaker in await breakers()] == [Closed]
    other = await stage.agent("echo", api_preference=api)
    assert (await agent.chat(other, "hello")).content == "hello"


async def test_a_tools_fault_goes_to_the_model(stage: Stage, api: str) -> None:
    pid = await stage.agent("fails", tools=[raises], api_preference=api)
    assert "no such thing as x" in (await agent.chat(pid, "?")).answer


async def test_an_api_error_has_the_providers_message(stage: Stage, api: str) -> None:
    pid = await stage.agent("fault-error_event", api_preference=api, streaming_config={"max_retries": 0})
    end = [event async for event in agent.stream(pid, "?")][-1]
    assert isinstance(end, StreamError)
    assert isinstance(end.reason, ApiError)
    assert end.reason.message


@pytest.mark.parametrize(
    ("model", "said"),
    [("fault-stall", True), ("fault-bad_json", True), ("fault-error_event", True), ("fault-server_error", False)],
)
async def test_a_turn_that_fails_has_a_final_response_with_all_that_had_arrived(
    stage: Stage, api: str, model: str, said: bool
) -> None:
    streaming = {"chunk_timeout": 200, "max_retries": 0}
    end = [
        e async for e in agent.stream(await stage.agent(model, api_preference=api, streaming_config=streaming), "?")
    ][-1]
    assert isinstance(end, StreamError)
    assert end.response is not None
    assert (end.response.content, end.response.metrics) == (end.content, end.metrics)
    assert bool(end.response.content) is said


# Limits


@pytest.mark.parametrize(
    ("limits", "reached"),
    [
        ({"tokens": 100}, LimitReached("tokens", 100, 100)),
        ({"cost": 0.001}, LimitReached("cost", 0.001, 0.0011)),
        ({"model_calls": 1}, LimitReached("model_calls", 1, 1)),
    ],
)
async def test_a_limit_ends_the_turn_before_its_tools(stage: Stage, api: str, limits: Any, reached: Any) -> None:
    async with priced(stage, api, limits) as pid:
        events = [event async for event in agent.stream(pid, "?")]
    end = events[-1]
    assert isinstance(end, StreamError)
    assert end.reason == reached
    assert not any(isinstance(event, StreamToolResult) for event in events)


async def test_the_usage_of_a_turn_is_reported_before_its_tools_and_at_its_end(stage: Stage, api: str) -> None:
    async with priced(stage, api, {}) as pid:
        events = [event async for event in agent.stream(pid, "?")]
    (used,) = [event for event in events if isinstance(event, StreamUsage)]
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert (used.usage.total_tokens, used.cost) == (100, 0.0011)
    assert (end.response.usage.total_tokens, end.response.cost) == (200, 0.0022)


async def test_a_cost_limit_without_a_price_is_refused(stage: Stage) -> None:
    with pytest.raises(InvalidAgentConfig, match=r"limits.cost: expected a price of 'echo' in the settings, got none"):
        await stage.agent("echo", limits={"cost": 1.0})
