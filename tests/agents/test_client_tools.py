"""Tools that the client runs itself: their calls end the turn, and the next message has their results."""

from typing import Any

import pytest

from actors import InvalidArgument, Mailbox, Pid, call, ended
from agents import Event, StreamComplete, StreamError, StreamToolResult, StreamToolStart, agent, start_agent
from agents.agent_config.request import TurnRequest
from agents.core.conversation import AssistantMessage, Conversation, ToolMessage, UserMessage
from agents.core.deltas import FinishReason
from agents.core.errors import Interrupted
from agents.core.events import TERMINAL
from agents.core.parts import text_of
from agents.core.response import Response
from agents.instance.requests import HandOver
from agents.instance.waking import Origin
from agents.llm.endpoint import Api
from supervisors import agent_supervisor
from tests.agents.keeping import App, journal
from tests.agents.sample_tools import Gate, pass_gate
from tests.agents.stage import Stage
from tests.agents.weather import script

SCRIPT = script(
    """
[[models.weather.turns]]
match = "gate"
steps = [{ tool_calls = [{ name = "forecast", arguments = {} }, { name = "pass_gate", arguments = {} }] }]
"""
)
FORECAST = ({"name": "forecast", "description": "The weather.", "parameters": {"type": "object"}},)


async def turn(pid: Pid | str, *messages: Any, **more: Any) -> list[Event]:
    """Return the events of a turn that begins with these messages, and may call the client's tool."""
    found: list[Event] = []
    async with Mailbox() as box:
        agent.stream_chat(pid, "A message.", request=TurnRequest(messages, FORECAST, **more))
        async for event in box:
            found.append(event)
            if isinstance(event, TERMINAL):
                break
    return found


def response(events: list[Event]) -> Response:
    end = events[-1]
    assert isinstance(end, StreamComplete), end
    return end.response


def results_of(conversation: Conversation) -> list[str]:
    return [text_of(message.content) for message in conversation if isinstance(message, ToolMessage)]


async def test_a_call_of_a_clients_tool_ends_the_turn_and_its_result_begins_the_next(stage: Stage, api: str) -> None:
    pid = await stage.agent("weather", api_preference=api)
    asked = await turn(pid, UserMessage("Oslo?"))
    (call,) = response(asked).tool_calls
    assert (call.name, call.arguments) == ("forecast", '{"city":"Oslo"}')
    assert response(asked).finish_reason in (FinishReason.TOOL_CALLS, FinishReason.STOP)
    assert not [event for event in asked if isinstance(event, StreamToolResult)]
    assert response(await turn(pid, ToolMessage(call.id, call.name, "Rain."))).content == "Rain."
    user, calls, result, answer = await agent.conversation(pid)
    assert (user, result) == (UserMessage("Oslo?"), ToolMessage(call.id, "forecast", "Rain."))
    assert isinstance(calls, AssistantMessage)
    assert isinstance(answer, AssistantMessage)
    assert (calls.tool_calls, answer.content) == ((call,), "Rain.")


async def test_the_agents_own_calls_of_the_same_model_call_run_before_the_turn_ends(stage: Stage) -> None:
    pid = await stage.agent("weather", tools=["calculator"])
    asked = await turn(pid, UserMessage("Ask both."))
    ours = [event.tool_call.name for event in asked if isinstance(event, StreamToolResult)]
    forecast, calculation = response(asked).tool_calls
    assert (ours, calculation.name) == (["calculator"], "calculator")
    assert response(await turn(pid, ToolMessage(forecast.id, forecast.name, "Rain"))).answer == "Rain, 42"


async def test_a_message_added_to_a_turn_that_hands_calls_back_is_kept_before_the_calls(stage: Stage) -> None:
    pid = await stage.agent("weather", tools=[pass_gate])
    Gate.close()
    async with Mailbox() as box:
        agent.stream_chat(pid, "Gate.", request=TurnRequest((UserMessage("Gate."),), FORECAST))
        async for event in box:
            if isinstance(event, StreamToolStart):
                assert await agent.steer(pid, "And Bergen?")
                Gate.open()
            if isinstance(event, TERMINAL):
                break
    kinds = [type(message) for message in await agent.conversation(pid)]
    assert kinds == [UserMessage, UserMessage, AssistantMessage, ToolMessage]


async def test_a_request_has_its_options_and_instructions_for_one_turn_only(stage: Stage) -> None:
    pid = await stage.agent("echo", system_prompt="Be brief.", model_options={"temperature": 1.0, "seed": 1})
    options = {Api.CHAT: {"temperature": 0.5}, Api.RESPONSES: {"top_p": 1}}
    await turn(pid, UserMessage("One."), instructions="Be kind.", options=options)
    await agent.chat(pid, "Two.")
    first, second = stage.server.requests[-2:]
    assert [each["content"] for each in first["messages"]] == ["Be brief.", "Be kind.", "One."]
    assert [each["content"] for each in second["messages"]] == ["Be brief.", "One.", "One.", "Two."]
    assert (first["temperature"], first["seed"], "top_p" in first) == (0.5, 1, False)
    assert (second["temperature"], "tools" in second) == (1.0, False)


async def test_an_invalid_request_is_refused_before_anything_changes(stage: Stage) -> None:
    pid = await stage.agent("echo")
    refused: list[tuple[Any, str]] = [
        ({"tools": ()}, "a TurnRequest, or None, got dict"),
        (TurnRequest((UserMessage("\ud800"),)), "half of a surrogate pair"),
        (TurnRequest(tools=({"parameters": {}},)), "tools with a name"),
    ]
    async with Mailbox():
        for request, words in refused:
            with pytest.raises(InvalidArgument, match=words):
                agent.stream_chat(pid, "Hi.", request=request)
    assert await agent.conversation(pid) == ()


async def test_only_a_turn_that_nobody_follows_is_cancelled_as_unfollowed(stage: Stage) -> None:
    pid = await stage.agent("slow")
    first, second = Mailbox(), Mailbox()
    stream_id = agent.stream_chat(pid, "Go.", first.pid)
    await first.receive()
    assert await agent.follow(pid, stream_id, second.pid)
    first.close()
    assert not await agent.cancel(pid, stream_id, unfollowed=True)
    assert not await agent.cancel(pid, unfollowed=True)
    second.close()
    assert await agent.cancel(pid, stream_id, unfollowed=True)


async def test_an_agent_of_one_turn_is_not_kept(app: App) -> None:
    async with app():
        pid = await agent_supervisor.start_agent({"id": "once", "model": "echo"}, Origin.ONCE)
        assert response(await turn(pid, UserMessage("Hello"))).content == "Hello"
        assert await agent.retire(pid)
        await ended(pid)
        assert await (await journal()).store.session("once") is None


async def test_an_agent_of_one_turn_ends_its_turn_when_its_node_drains(app: App) -> None:
    async with app():
        pid, box = await agent_supervisor.start_agent({"id": "once", "model": "slow"}, Origin.ONCE), Mailbox()
        agent.stream_chat(pid, "Hello", box.pid)
        event = await box.receive(30)
        assert not await call(pid, HandOver(at_once=False))
        assert await call(pid, HandOver(at_once=True))
        while not isinstance(event, TERMINAL):
            event = await box.receive(30)
        assert isinstance(event, StreamError)
        assert isinstance(event.reason, Interrupted)


async def test_a_kept_session_has_the_results_of_a_clients_tools(app: App) -> None:
    async with app():
        await start_agent(id="kept", model="weather")
        (call,) = response(await turn("kept", UserMessage("Oslo?"))).tool_calls
    async with app():
        assert response(await turn("kept", ToolMessage(call.id, call.name, "Rain."))).content == "Rain."
    async with app():
        await start_agent(id="kept", model="weather")
        assert results_of(await agent.conversation("kept")) == ["Rain."]
