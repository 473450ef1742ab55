"""A conversation that becomes longer than the context window of its model: the agent goes on with less of it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from pydantic import SecretStr
from sqlalchemy import text

from actors import Mailbox, Pid
from agents import (
    ApiError,
    LimitReached,
    StreamCompacted,
    StreamComplete,
    StreamError,
    StreamReset,
    StreamStart,
    StreamToken,
    agent,
    application,
)
from agents.agent_config import InvalidAgentConfig, agent_config
from agents.core.compaction import NOTE
from agents.core.conversation import AssistantMessage, ToolMessage, UserMessage
from agents.core.limits import Price
from agents.core.retry import CONTEXT_LENGTH
from agents.rehearsal import RehearsalServer, parse
from agents.sessions import history
from agents.settings import Durability, ModelPrice, SessionSettings, Settings
from supervisors import agent_supervisor
from tests.agents.keeping import journal
from tests.agents.sample_tools import shout
from tests.agents.stage import Stage
from tests.waiting import eventually

SCRIPT = """
[models.small]
context_tokens = 4000
turns = [{ steps = [{ text = "I have read {user}" }] }]

[models.tiny]
context_tokens = 300
turns = [{ steps = [{ text = "I have read it." }] }]

[models.large]
turns = [{ steps = [{ text = "I have more room." }] }]

[models.notes]
turns = [{ steps = [{ text = "The user's dog is called Rex." }] }]

[models.stalls]
turns = [
    { match = "turn 1 ", steps = [{ text = "The dog is called Rex.", fault = { name = "stall", times = 1 } }] },
    { steps = [{ text = "The dog is still called Rex." }] },
]

[models.broken]
turns = [{ steps = [{ fault = "server_error" }] }]

[models.calls]
context_tokens = 600
[[models.calls.turns]]
steps = [CALL, CALL, CALL, CALL, CALL, CALL, { text = "Done with {user}" }]
"""
CALL = '{ text = "Let me see.", tool_calls = [{ name = "shout", arguments = { text = "TEXT" } }] }'
SCRIPT = SCRIPT.replace("CALL", CALL).replace("TEXT", "word " * 120)
WORDS = " ".join(f"word{number}" for number in range(60))
FACT = "turn 3: my dog is called Rex"
LONG = "word " * 150


def sent(stage: "Stage | Kept", place: int = -1) -> str:
    """Return the conversation of a request, as text."""
    request = stage.server.requests[place]
    return str(request.get("messages") or request.get("input"))


async def turn(pid: Pid, message: str) -> list[Any]:
    return [event async for event in agent.stream(pid, message)]


def only(kind: type[Any], events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def test_300_turns_fit_into_4000_tokens_and_the_summary_keeps_a_fact_of_turn_3(stage: Stage, api: str) -> None:
    context = {"max_tokens": 4000, "reserve": 500, "strategy": "summarise", "model": "notes"}
    pid = await stage.agent("small", api_preference=api, context=context)
    events: list[Any] = []
    for number in range(300):
        events += await turn(pid, FACT if number == 3 else f"turn {number}: {WORDS}")
    assert len(only(StreamComplete, events)) == 300
    assert only(StreamReset, events) == []
    compacted = only(StreamCompacted, events)
    assert all(event.after < event.before < 4000 for event in compacted)
    assert 5 < len(compacted) < 30
    summaries = [request for request in stage.server.requests if request["model"] == "notes"]
    assert FACT in str(summaries[0])
    assert all("dog is called Rex" in str(request) for request in summaries[1:])
    assert "The user's dog is called Rex." in sent(stage)
    assert "turn 298: word0" in sent(stage)
    assert "turn 200: word0" not in sent(stage)
    kept = await agent.conversation(pid)
    assert [type(message) for message in kept] == [UserMessage, AssistantMessage] * 300


async def test_without_a_known_window_a_refused_request_is_made_shorter_and_asked_again(stage: Stage, api: str) -> None:
    pid = await stage.agent("tiny", api_preference=api, system_prompt="Be brief.")
    await turn(pid, f"first {LONG}")
    events = await turn(pid, f"second {LONG}")
    (reset,), (compacted,) = only(StreamReset, events), only(StreamCompacted, events)
    assert reset.reason.kind == CONTEXT_LENGTH
    assert (reset.attempt, compacted.attempt, compacted.messages, compacted.seq) == (2, 2, 2, reset.seq + 1)
    assert isinstance(events[-1], StreamComplete)
    assert "first" not in sent(stage)
    assert NOTE in sent(stage)
    assert "Be brief." in sent(stage)
    await turn(pid, "third")
    assert "first" not in sent(stage)
    assert len(await agent.conversation(pid)) == 7


async def test_a_message_that_is_too_long_by_itself_fails_and_does_not_block_the_next_one(
    stage: Stage, api: str
) -> None:
    pid = await stage.agent("tiny", api_preference=api)
    (*_, end) = await turn(pid, LONG * 3)
    assert isinstance(end, StreamError)
    assert isinstance(end.reason, ApiError)
    assert end.reason.kind == CONTEXT_LENGTH
    assert isinstance((await turn(pid, "short"))[-1], StreamComplete)
    assert "word" not in sent(stage)


async def test_without_a_known_window_another_model_is_asked_before_anything_is_left_out(stage: Stage) -> None:
    pid = await stage.agent("tiny", fallbacks=[{"model": "large"}])
    await turn(pid, LONG)
    events = await turn(pid, f"again {LONG}")
    assert events[-1].response.content == "I have more room."
    assert only(StreamCompacted, events) == []


async def test_the_strategy_fail_ends_the_turn_before_the_provider_is_asked(stage: Stage, api: str) -> None:
    context = {"max_tokens": 300, "reserve": 0, "strategy": "fail"}
    pid = await stage.agent("large", api_preference=api, context=context)
    await turn(pid, LONG)
    asked = len(stage.server.requests)
    (*_, end) = await turn(pid, LONG * 2)
    assert isinstance(end.reason, LimitReached)
    assert (end.reason.limit, end.reason.value) == ("context", 300)
    assert len(stage.server.requests) == asked
    assert len(await agent.conversation(pid)) == 3


async def test_in_a_long_turn_the_results_go_first_and_the_conversation_keeps_them(stage: Stage, api: str) -> None:
    context = {"max_tokens": 900, "reserve": 100}
    pid = await stage.agent("calls", api_preference=api, tools=[shout], context=context)
    events = await turn(pid, "the question")
    assert isinstance(events[-1], StreamComplete), events[-1]
    assert only(StreamReset, events) == []
    compacted = only(StreamCompacted, events)
    assert compacted[0].results > 0
    assert "the question" in sent(stage)
    assert "Let me see." in sent(stage)
    kept = await agent.conversation(pid)
    assert len(only(ToolMessage, list(kept))) == 6
    assert all("WORD" in message.content for message in only(ToolMessage, list(kept)))


async def test_without_its_summary_a_conversation_goes_on_and_the_event_has_the_reason(stage: Stage) -> None:
    context = {"max_tokens": 600, "reserve": 0, "strategy": "summarise", "model": "broken"}
    pid = await stage.agent("large", context=context)
    compacted: list[Any] = []
    while not compacted:
        events = await turn(pid, LONG)
        assert isinstance(events[-1], StreamComplete)
        compacted = only(StreamCompacted, events)
    assert compacted[0].fault.code == 500
    assert compacted[0].summary == ""
    assert NOTE in sent(stage)


class Kept(Struct):
    """Applications on one store, and their provider."""

    server: RehearsalServer
    store: str

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        sessions = SessionSettings(url=f"sqlite:///{self.store}", durability=Durability.SYNC)
        settings = Settings(base_url=self.server.base_url, api_key=SecretStr("any"), sessions=sessions)
        async with application.running(settings):
            yield


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    async with RehearsalServer(parse(SCRIPT)) as server:
        yield Kept(server, str(tmp_path / "sessions.db"))


CONTEXT = {"max_tokens": 600, "reserve": 0, "strategy": "summarise", "model": "notes", "keep_turns": 1}


def test_a_limit_of_cost_needs_a_price_of_the_model_that_writes_summaries() -> None:
    config = {"model": "large", "limits": {"cost": 1.0}, "context": CONTEXT}
    prices = {"large": ModelPrice(input=10.0, output=20.0)}
    with pytest.raises(
        InvalidAgentConfig, match=r"limits\.cost: expected a price of 'notes' in the settings, got none"
    ):
        agent_config(config, Settings(prices=prices))
    checked = agent_config(config, Settings(prices=prices | {"notes": ModelPrice(input=1.0, output=2.0)}))
    assert checked.summary_route.model == "notes"
    assert checked.policy.context.price == Price(1.0, 2.0)


async def test_a_turn_is_cancelled_in_mid_compaction_and_the_next_one_compacts(stage: Stage) -> None:
    def summarises() -> bool:
        return any(request["model"] == "stalls" for request in stage.server.requests)

    async def summarises_or_ended() -> bool:
        return summarises() or (await agent.info(pid)).streams[-1].status != "running"

    pid = await stage.agent("large", context={**CONTEXT, "model": "stalls"})
    number = 0
    async with Mailbox() as box:
        while not summarises():
            number += 1
            stream_id = agent.stream_chat(pid, f"turn {number} {LONG}", box.pid)
            await eventually(summarises_or_ended, what="a summary, or the end of the turn")
        assert await agent.cancel(pid, stream_id)
    events = await turn(pid, "go on")
    assert isinstance(events[-1], StreamComplete)
    assert len(only(StreamCompacted, events)) == 1
    assert "Rex" in sent(stage)


async def test_a_restarted_agent_goes_on_with_less_and_the_store_has_everything(kept: Kept, api: str) -> None:
    config = {"id": "ada", "model": "large", "api_preference": api, "context": CONTEXT}
    turns = 0
    async with kept.running():
        pid = await agent_supervisor.start_agent(config)
        compacted: list[Any] = []
        while not compacted:
            turns += 1
            compacted = only(StreamCompacted, await turn(pid, f"turn {turns} {LONG}"))
    async with kept.running():
        pid = await agent_supervisor.start_agent(config)
        assert only(StreamCompacted, await turn(pid, "after the restart")) == []
        assert compacted[0].summary in sent(kept)
        assert "turn 1 " not in sent(kept)
        assert len(await agent.conversation(pid)) == 2 * turns + 2
        store = (await journal()).store
        exported = b"".join([line async for line in history.export(store, "ada")])
        assert all(f"turn {number} word".encode() in exported for number in range(1, turns + 1))


async def test_a_fork_goes_on_with_less_only_if_that_concerns_its_own_messages(kept: Kept) -> None:
    config = {"id": "ada", "model": "large", "context": CONTEXT}
    async with kept.running():
        pid = await agent_supervisor.start_agent(config)
        streams = [(await turn(pid, f"turn {number} {LONG}"))[0].stream_id for number in range(4)]
        store = (await journal()).store
        await history.fork(store, "ada", "whole")
        await history.fork(store, "ada", "early", (streams[1], None))
        for fork, remembers in (("whole", False), ("early", True)):
            pid = await agent_supervisor.start_agent({**config, "id": fork})
            assert only(StreamCompacted, await turn(pid, "go on")) == []
            assert ("turn 0" in sent(kept)) is remembers
            assert ("Rex" in sent(kept)) is not remembers


async def test_a_program_killed_in_mid_compaction_compacts_again_and_answers(kept: Kept) -> None:
    config = {"id": "ada", "model": "large", "context": {**CONTEXT, "model": "stalls"}}
    command = [sys.executable, "-m", "tests.agents.crash.talker", kept.server.base_url, kept.store]
    program = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(json.dumps(config).encode())
    program.stdin.close()
    models = await eventually(
        lambda: [request["model"] for request in kept.server.requests],
        lambda found: "stalls" in found,
        what="the program's request for a summary",
    )
    turns = models.count("large")
    async with asyncio.timeout(60):
        while int(await program.stdout.readline()) <= turns:
            pass  # its last turn is not on disk yet
    program.kill()
    await program.wait()
    async with kept.running(), Mailbox() as box:
        pid = await agent_supervisor.start_agent(config)
        (cut,) = (await agent.info(pid)).streams
        assert await agent.follow(pid, cut.id, box.pid)
        events: list[Any] = []
        while not isinstance(event := await box.receive(20), StreamComplete | StreamError):
            events.append(event)
        assert isinstance(event, StreamComplete)
        assert [type(each) for each in events if not isinstance(each, StreamToken)] == [
            StreamStart,
            StreamReset,
            StreamCompacted,
        ]
        assert "Rex" in sent(kept)
        conversation = await agent.conversation(pid)
        assert len(conversation) == 2 * (turns + 1)


@pytest.mark.parametrize("damaged", [b"no JSON", b'{"omitted":[[0,99]]}', b'{"omitted":[[-3,2]],"summary":"s"}', b"{}"])
async def test_a_damaged_compaction_does_not_keep_its_agent_from_answering(kept: Kept, damaged: bytes) -> None:
    config = {"id": "ada", "model": "large"}
    async with kept.running():
        pid = await agent_supervisor.start_agent(config)
        await turn(pid, "Hello")
        async with (await journal()).store.changing() as connection:
            rows = text("INSERT INTO compactions (session_id, position, payload) VALUES ('ada', 2, :payload)")
            await connection.execute(rows, {"payload": damaged})
    async with kept.running():
        pid = await agent_supervisor.start_agent(config)
        assert isinstance((await turn(pid, "again"))[-1], StreamComplete)
        assert "Hello" in sent(kept)


async def test_a_stream_without_a_byte_is_asked_whole_and_the_reason_makes_it_shorter() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"
    refusal = b'{"error": {"message": "Requested tokens (690) exceed context window of 512"}}'
    asked: list[tuple[int, bool]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int((await reader.readuntil(b"\r\n\r\n")).lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        body = json.loads(await reader.readexactly(size))
        asked.append((len(body["messages"]), body["stream"]))
        if len(body["messages"]) < 4:
            delta = {"choices": [{"index": 0, "delta": {"content": "Yes"}, "finish_reason": "stop"}]}
            writer.write(head + b"\r\ndata: " + json.dumps(delta).encode() + b"\n\ndata: [DONE]\n\n")
        elif body["stream"]:
            writer.write(head + b"transfer-encoding: chunked\r\n\r\n")  # and nothing follows
        else:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n" + refusal)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, application.running():
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        pid = await agent_supervisor.start_agent({"model": "local", "base_url": address, "api_key": "any"})
        await turn(pid, LONG)
        await turn(pid, LONG)
        events = await turn(pid, "And now?")
    assert isinstance(events[-1], StreamComplete)
    assert asked == [(1, True), (3, True), (5, True), (5, False), (2, True)]
    assert [type(event) for event in events[1:3]] == [StreamReset, StreamCompacted]
