"""An agent, end to end: real HTTP, real worker processes, through the public surface."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from thespian.actors import Actor, ActorAddress

from actors import KILL, CallFailed, GenServer, Mailbox, NoCaller, NoReply, Pid, get_state, send, start
from actors import exit as send_exit
from actors import sys as otp_sys
from actors.system.current import current_system
from actors.thespian.creating import create_actor
from agents import agent
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.agent_registry import find_agent
from agents.core.conversation import AssistantMessage, ToolMessage, UserMessage, well_formed
from agents.core.errors import (
    ApiError,
    Cancelled,
    Interrupted,
    NetworkError,
)
from agents.core.events import (
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionExecutionStart,
    StreamStart,
    StreamToken,
    StreamToolResult,
)
from agents.settings import Settings, StreamingSettings
from supervisors import AlreadyStarted, agent_supervisor, which_children
from tests.agents.stage import FAULTS, Stage
from tests.waiting import eventually

SCRIPT = """
[models.two-tools]
turns = [{ steps = [
    { text = "Looking.", tool_calls = [
        { name = "shout", arguments = { text = "{user}" } }, { name = "whoami", arguments = {} }] },
    { text = "It says {tool:shout}." },
] }]

[models.bad-calls]
turns = [{ steps = [
    { tool_calls = [
        { name = "nonsense", arguments = {} },
        { name = "shout", arguments = '{"text": ' },
        { name = "shout", arguments = { loudness = 11 } },
        { name = "shout", arguments = { text = "fine" } }] },
    { text = "Done: {result:3}" },
] }]

[models.wild-tools]
turns = [{ steps = [
    { tool_calls = [
        { name = "raises", arguments = { text = "x" } }, { name = "hangs", arguments = {} },
        { name = "waits", arguments = {} }, { name = "leaves", arguments = {} },
        { name = "segfaults", arguments = {} }, { name = "shout", arguments = { text = "still here" } }] },
    { text = "Survived." },
] }]

[models.dies_once]
turns = [{ steps = [{ tool_calls = [{ name = "dies_once", arguments = { mark = "{user}" } }] },
                    { text = "{tool:dies_once}" }] }]

[models.dies_always]
turns = [{ steps = [{ tool_calls = [{ name = "dies_always", arguments = { mark = "{user}" } }] },
                    { text = "{tool:dies_always}" }] }]

[models.long]
turns = [{ steps = [{ text = "Wait.", tool_calls = [
    { name = "waits_long", arguments = { mark = "{user}.async" } },
    { name = "works_long", arguments = { mark = "{user}.sync" } }] }] }]

[models.forever]
turns = [{ steps = [{ tool_calls = [{ name = "shout", arguments = { text = "again" } }] }] }]

[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]
"""

TOOLS = "tests.agents.sample_tools"


def tools(*names: str) -> list[str]:
    return [f"{TOOLS}:{name}" for name in names]


async def events_of(pid: Pid, message: str = "hello") -> list[Event]:
    events = [event async for event in agent.stream(pid, message)]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sum(isinstance(event, StreamComplete | StreamError) for event in events) == 1
    return events


def results(events: list[Event]) -> list[StreamToolResult]:
    found = [event for event in events if isinstance(event, StreamToolResult)]
    return sorted(found, key=lambda event: event.tool_call.index)


def tokens(events: list[Event]) -> str:
    return "".join(event.token for event in events if isinstance(event, StreamToken))


async def test_an_answer_with_tools_streams_and_ends_in_the_conversation(stage: Stage, api: str) -> None:
    pid = await stage.agent("two-tools", tools=tools("shout", "whoami"), api_preference=api)
    events = await events_of(pid, "hear me")
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "It says HEAR ME."
    assert end.response.content == tokens(events) == "Looking.It says HEAR ME."
    assert [result.result.error for result in results(events)] == [None, None]
    said = await agent.conversation(pid)
    kinds = [type(message) for message in said]
    assert kinds == [UserMessage, AssistantMessage, ToolMessage, ToolMessage, AssistantMessage]
    assert well_formed(said) == said


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "shout"}}, "auto"])
async def test_a_tool_choice_that_forces_a_call_ends_with_the_first_result(stage: Stage, api: str, choice: Any) -> None:
    options = {"tool_choice": choice}
    pid = await stage.agent("two-tools", tools=tools("shout", "whoami"), api_preference=api, model_options=options)
    await agent.chat(pid, "hello")
    first, *later = [request.get("tool_choice") for request in stage.server.requests]
    assert first == choice
    assert later
    assert set(later) == {"auto" if choice == "auto" else None}


async def test_the_next_message_continues_the_conversation(stage: Stage, api: str) -> None:
    pid = await stage.agent("echo", api_preference=api, system_prompt="Repeat.")
    await agent.chat(pid, "first")
    await agent.chat(pid, "second")
    sent = stage.server.requests[-1]
    texts = str(sent.get("messages") or sent.get("input")) + str(sent.get("instructions"))
    assert all(word in texts for word in ("Repeat.", "first", "second"))


async def test_the_model_gets_a_result_for_a_call_that_can_not_run_and_the_others_run(stage: Stage, api: str) -> None:
    pid = await stage.agent("bad-calls", tools=tools("shout"), api_preference=api)
    events = await events_of(pid)
    errors = [result.result.error for result in results(events)]
    assert errors == ["unknown_tool", "invalid_arguments", "invalid_arguments", None]
    assert "nonsense" in results(events)[0].result.content
    end = events[-1]
    assert isinstance(end, StreamComplete)
    assert end.response.answer == "Done: FINE"


async def test_a_tool_that_fails_in_any_way_costs_only_its_own_result(stage: Stage, api: str) -> None:
    names = ("raises", "hangs", "waits", "leaves", "segfaults", "shout")
    pid = await stage.agent("wild-tools", tools=tools(*names), api_preference=api)
    events = await events_of(pid)
    by_name = {event.tool_call.name: event.result for event in results(events)}
    assert {name: result.error for name, result in by_name.items()} == {
        "raises": "raised",
        "hangs": "timeout",
        "waits": "timeout",
        "leaves": "crashed",
        "segfaults": "crashed",
        "shout": None,
    }
    assert "SIGSEGV" in by_name["segfaults"].content
    assert "LookupError" in by_name["raises"].content
    assert isinstance(events[-1], StreamComplete)


async def test_a_crashed_worker_is_restarted_by_its_tools_policy(stage: Stage, tmp_path: Path) -> None:
    pid = await stage.agent("dies_once", tools=tools("dies_once"))
    (result,) = results(await events_of(pid, str(tmp_path / "mark")))
    assert (result.result.content, result.result.error, result.result.attempts) == ("alive again", None, 2)


async def test_a_worker_that_always_crashes_is_not_restarted_beyond_its_intensity(stage: Stage, tmp_path: Path) -> None:
    pid = await stage.agent("dies_always", tools=tools("dies_always"))
    events = await events_of(pid, str(tmp_path / "mark"))
    (result,) = results(events)
    assert (result.result.error, result.result.attempts) == ("crashed", 3)
    assert (tmp_path / "mark").read_text() == "xxx"
    assert isinstance(events[-1], StreamComplete)


# Faults of the provider


@pytest.mark.parametrize("model", FAULTS)
async def test_a_fault_of_the_provider_is_one_stream_error_with_the_text_so_far(
    stage: Stage, model: str, api: str
) -> None:
    quick = {"chunk_timeout": 500 if model == "fault-stall" else 30_000, "max_retries": 0}
    pid = await stage.agent(model, api_preference=api, streaming_config=quick)
    events = await events_of(pid)
    end = events[-1]
    assert isinstance(end, StreamError), end
    assert isinstance(end.reason, FAULTS[model]), end.reason
    assert end.content == tokens(events)
    kept = [message for message in await agent.conversation(pid) if isinstance(message, AssistantMessage)]
    assert [message.content for message in kept] == ([end.content] if end.content else [])
    assert all(message.partial for message in kept)


async def test_a_connection_that_breaks_after_the_answers_end_has_no_effect(stage: Stage) -> None:
    chunk = '{"choices":[{"index":0,"delta":{"content":"All said."},"finish_reason":"stop"}]}'
    body = f"data: {chunk}\n\ndata: [DONE]\n\n".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"%x\r\n%b\r\n" % (len(body), body))
        await writer.drain()
        writer.close()  # without the last chunk

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        pid = await stage.agent("any", base_url=f"http://127.0.0.1:{port}/v1", streaming_config={"max_retries": 0})
        assert (await agent.chat(pid, "hello")).answer == "All said."


async def test_a_refused_connection_is_a_network_error(stage: Stage) -> None:
    pid = await stage.agent("echo", base_url="http://127.0.0.1:1/v1", streaming_config={"max_retries": 0})
    with pytest.raises(agent.StreamFailed) as failed:
        await agent.chat(pid, "hello")
    assert failed.value.fault == NetworkError("econnrefused", "127.0.0.1:1")


async def test_an_unknown_model_is_the_providers_error(stage: Stage, api: str) -> None:
    pid = await stage.agent("no-such-model", api_preference=api)
    with pytest.raises(agent.StreamFailed) as failed:
        await agent.chat(pid, "hello")
    assert isinstance(failed.value.fault, ApiError)
    assert (failed.value.fault.code, failed.value.fault.kind) == (404, "model_not_found")


async def test_a_provider_that_recovers_is_tried_again_before_the_first_token(stage: Stage) -> None:
    pid = await stage.agent("recovers", streaming_config={"max_retries": 3})
    assert (await agent.chat(pid, "hello")).answer == "Third time lucky."


async def test_a_model_that_calls_for_ever_meets_its_limit(stage: Stage) -> None:
    pid = await stage.agent("forever", tools=tools("shout"), limits={"model_calls": 3})
    events = await events_of(pid)
    end = events[-1]
    assert isinstance(end, StreamError)
    assert str(end.reason) == "limit reached: model_calls is 3, used 3"
    assert [event.result.content for event in events if isinstance(event, StreamToolResult)] == ["AGAIN"] * 2


# Cancelling, queueing, dying


async def until(events: Any, kind: type[Event]) -> Event:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"the stream ended without {kind.__name__}")


async def test_cancel_ends_a_stream_and_keeps_its_partial_text(stage: Stage, api: str) -> None:
    pid = await stage.agent("slow", api_preference=api)
    events = agent.stream(pid, "go")
    await until(events, StreamToken)
    await until(events, StreamToken)
    assert await agent.cancel(pid) is True
    end = await until(events, StreamError)
    assert isinstance(end, StreamError)
    assert (end.reason, end.content) == (Cancelled(), "One two")
    assert (await agent.conversation(pid))[-1] == AssistantMessage("One two", partial=True)
    assert await agent.cancel(pid) is False


async def test_after_cancel_no_tool_runs(stage: Stage, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    pid = await stage.agent("long", tools=tools("waits_long", "works_long"))
    events = agent.stream(pid, str(mark))
    await until(events, StreamFunctionExecutionStart)
    worker = int(await written(Path(f"{mark}.sync")))
    assert await written(Path(f"{mark}.async")) == "running"
    assert await agent.cancel(pid) is True
    assert Path(f"{mark}.async").read_text() == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert isinstance(await until(events, StreamError), StreamError)
    said = well_formed(await agent.conversation(pid))
    assert [type(message) for message in said] == [UserMessage, AssistantMessage, ToolMessage, ToolMessage]


async def written(path: Path) -> str:
    """Return the file's text when another OS process has written it."""
    return await eventually(lambda: path.read_text() if path.exists() else "", what=f"a text in {path}")


async def test_messages_that_come_while_a_turn_runs_are_answered_in_order(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box:
        ids = [agent.stream_chat(pid, text) for text in ("one", "two", "three")]
        ended_streams: list[tuple[str, str]] = []
        while len(ended_streams) < 3:
            event = await box.receive(60)
            if isinstance(event, StreamComplete):
                ended_streams.append((event.stream_id, event.response.answer))
    assert ended_streams == list(zip(ids, ["one", "two", "three"], strict=True))


async def test_a_stream_whose_handler_is_killed_gets_its_terminal_event(stage: Stage) -> None:
    pid = await stage.agent("slow")
    events = agent.stream(pid, "go")
    await until(events, StreamToken)
    handlers = await which_children("stream_supervisor")
    (handler,) = [child.pid for child in handlers]
    assert isinstance(handler, Pid)
    send_exit(handler, KILL)
    end = await until(events, StreamError)
    assert "handler" in str(end.reason)  # type: ignore[union-attr]
    assert (await agent.conversation(pid))[0] == UserMessage("go")


async def test_a_stream_whose_agent_is_killed_gets_its_terminal_event(stage: Stage) -> None:
    pid = await stage.agent("slow", id="fragile")
    events = agent.stream(pid, "go")
    await until(events, StreamToken)
    send_exit(pid, KILL)
    assert isinstance(await until(events, StreamError), StreamError)


async def test_an_agent_that_is_stopped_ends_its_streams_running_and_waiting(stage: Stage) -> None:
    pid = await stage.agent("slow")
    async with Mailbox() as box:
        first, second = agent.stream_chat(pid, "one"), agent.stream_chat(pid, "two")
        while not isinstance(await box.receive(60), StreamToken):
            pass
        await agent_supervisor.stop_agent(pid)
        ends: list[str] = []
        while len(ends) < 2:
            event = await box.receive(60)
            ends += [event.stream_id] if isinstance(event, StreamError) else []
    assert ends == [first, second]
    with pytest.raises(CallFailed):
        agent.stream_chat(pid, "three", box.pid)


async def test_an_agent_that_is_stopped_ends_the_streams_of_messages_that_it_has_not_come_to(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box:
        await agent.chat(pid, "hello")
        (known,) = (await agent.info(pid)).streams
        await otp_sys.suspend(pid)
        stream_id = agent.stream_chat(pid, "one")
        agent.stream_chat(pid, "hello", stream_id=known.id)
        await agent_supervisor.stop_agent(pid)
        end = await box.receive(60)
        assert end == StreamError(Interrupted(), stream_id=stream_id, seq=1, at=end.at)
        with pytest.raises(TimeoutError):
            await box.receive(0)


async def test_a_killed_agent_is_restarted_and_found_by_its_id(stage: Stage) -> None:
    pid = await stage.agent("echo", id="phoenix")
    async with Mailbox() as box:
        box.monitor(pid)
        send_exit(pid, KILL)
        await box.receive(60)
    await which_children("agent_supervisor")  # the answer comes after the restart
    risen = find_agent("phoenix")
    assert risen is not None
    assert risen != pid
    assert (await agent.chat(risen, "hello")).answer == "hello"


# Subscribers


class Watcher(GenServer[list[Event]]):
    def init(self, *_: Any) -> list[Event]:
        return []

    def handle_info(self, message: Event, state: list[Event]) -> NoReply[list[Event]]:
        return NoReply([*state, message])


class Listener(Actor):
    """A plain Thespian actor that passes on its messages."""

    def receiveMessage(self, message: Any, sender: ActorAddress) -> None:
        if isinstance(message, Pid):
            self.to = message
        else:
            self.send(self.to, message)


async def test_a_gen_server_and_a_thespian_actor_get_the_same_events(stage: Stage) -> None:
    pid = await stage.agent("echo")
    watcher = await start(Watcher)
    async with Mailbox() as box:
        listener = create_actor(current_system(), current_system().root, Listener)
        send(listener, box.pid)
        agent.subscribe(pid, watcher)
        agent.stream_chat(pid, "to all of you", listener)
        heard: list[Event] = []
        while not heard or not isinstance(heard[-1], StreamComplete):
            heard.append(await box.receive(60))
    assert isinstance(heard[0], StreamStart)
    assert await get_state(watcher) == heard
    agent.unsubscribe(pid, watcher)
    await agent.chat(pid, "quietly")
    assert await get_state(watcher) == heard


async def test_a_subscriber_that_has_died_costs_the_others_nothing(stage: Stage) -> None:
    pid = await stage.agent("echo")
    watcher = await start(Watcher)
    agent.subscribe(pid, watcher)
    send_exit(watcher, KILL)
    assert (await agent.chat(pid, "still here")).answer == "still here"


async def test_stream_chat_needs_a_subscriber_outside_processes(stage: Stage) -> None:
    pid = await stage.agent("echo")
    with pytest.raises(NoCaller):
        agent.stream_chat(pid, "to whom?")


# Configuration


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"model": "m", "colour": "red"}, "colour: expected one of"),
        ({"model": "m", "tools": ["calculatr"]}, "did you mean 'calculator'?"),
        ({"model": "m", "streaming_config": {"chunk_timeout": -1}}, "streaming_config.chunk_timeout: "),
        ({"model": "m", "api_preference": "soap"}, "api_preference: "),
        ({"model": "m", "base_url": "nonsense"}, "base_url: "),
        ({"model": "m", "base_url": "http://[::1"}, "base_url: "),
        ({"model": "m", "base_url": "http://host:port"}, "base_url: "),
        ({"model": "m", "base_url": "http://host:99999"}, "base_url: "),
        ({"model": "m", "model_options": {"user": object()}}, "model_options: expected JSON data"),
        (
            {"model": "m", "fallbacks": [{"model_options": {"top_k": {1, 2}}}]},
            "fallbacks[0].model_options: expected JSON",
        ),
    ],
)
async def test_an_invalid_configuration_is_refused_with_one_line_per_fault(
    stage: Stage, config: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InvalidAgentConfig) as refused:
        await agent_supervisor.start_agent(config)
    (line,) = str(refused.value).splitlines()
    assert fault in line
    assert await agent_supervisor.which_agents() == []


async def test_an_agent_without_a_model_has_the_documented_one(stage: Stage) -> None:
    pid = await agent_supervisor.start_agent({"name": "Stream Handler Agent", "tools": ["web_search", "calculator"]})
    with pytest.raises(agent.StreamFailed):
        await agent.chat(pid, "hello")
    assert stage.server.requests[-1]["model"] == "gpt-4o"


async def test_an_id_belongs_to_one_agent(stage: Stage) -> None:
    pid = await stage.agent("echo", id="only")
    with pytest.raises(AlreadyStarted):
        await stage.agent("echo", id="only")
    assert find_agent("only") == pid


async def test_a_key_is_never_in_printable_text(stage: Stage) -> None:
    pid = await stage.agent("echo", api_key="sk-secret-of-mine")
    state = await get_state(pid)
    assert "sk-secret-of-mine" not in repr(state)
    for config in ({"api_key": ["sk-secret-of-mine"]}, {"fallbacks": {"model": "m", "api_key": "sk-secret-of-mine"}}):
        with pytest.raises(InvalidAgentConfig) as refused:
            await stage.agent("echo", **config)
        assert "sk-secret-of-mine" not in str(refused.value)


def test_a_tool_without_a_deadline_has_the_applications() -> None:
    settings = Settings(streaming=StreamingSettings(tool_timeout=1500))
    config = agent_config({"model": "m", "tools": tools("shout", "hangs")}, settings)
    assert [tool.timeout_s for tool in config.tools.values()] == [1.5, 0.2]
