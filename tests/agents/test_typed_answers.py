"""A message's own answer type: the value has this type, whatever the agent's type is."""

import asyncio
import dataclasses
import json

import pydantic
import pytest

from actors import InvalidArgument, Mailbox
from agents import InvalidAnswer, StreamComplete, StreamFailed, StreamStart, StreamToken, TypedResponse, agent
from tests.agents.stage import Stage
from tests.waiting import eventually

SCRIPT = """
[models.poet]
[[models.poet.turns]]
match = "corrected"
steps = [{ text = '{"first-line": "Rain", "lines": 3}' }]
[[models.poet.turns]]
match = "fenced"
steps = [{ text = '''```json
{"first-line": "Rain", "lines": 3}
```''' }]
[[models.poet.turns]]
match = "prose"
steps = [{ text = "Rain falls." }]
[[models.poet.turns]]
match = "slow"
steps = [{ text = ["It ", "rains"], fault = { name = "stall", after_tokens = 1 } }]
[[models.poet.turns]]
steps = [{ text = '{"first-line": "Rain", "lines": "three"}' }]
"""


class Poem(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    title: str = pydantic.Field(alias="first-line")
    lines: int


@dataclasses.dataclass
class Shout:
    shout: str


POEM = Poem.model_validate({"first-line": "Rain", "lines": 3})
SCHEMA = {"type": "object", "properties": {"lines": {"type": "integer"}}, "required": ["lines"]}


@pytest.mark.parametrize("message", ["a poem", "fenced"])
async def test_the_value_of_a_typed_answer_is_of_its_type(stage: Stage, api: str, message: str) -> None:
    pid = await stage.agent("poet", api_preference=api)
    response = await agent.chat(pid, message, answer_type=Poem)
    assert (response.value, type(response)) == (POEM, TypedResponse)
    assert response.metrics is not None


async def test_a_schema_gives_json_data(stage: Stage) -> None:
    pid = await stage.agent("poet")
    assert (await agent.chat(pid, "a poem", answer_type=SCHEMA)).value == {"first-line": "Rain", "lines": 3}


async def test_the_type_holds_for_its_message_only(stage: Stage) -> None:
    pid = await stage.agent("poet")
    await agent.chat(pid, "fenced", answer_type=Poem)
    assert (await agent.chat(pid, "prose")).value is None
    assert "response_format" not in stage.server.requests[-1]


async def test_the_type_of_a_message_replaces_that_of_the_agent(stage: Stage) -> None:
    pid = await stage.agent("poet", answer_type=Shout, answer_retries=0)
    assert (await agent.chat(pid, "fenced", answer_type=Poem)).value == POEM
    with pytest.raises(StreamFailed) as failed:
        await agent.chat(pid, "fenced")
    assert isinstance(failed.value.fault, InvalidAnswer)


async def test_an_answer_is_asked_for_again_as_often_as_the_agent_allows(stage: Stage) -> None:
    pid = await stage.agent("poet", answer_retries=2)
    with pytest.raises(StreamFailed) as failed:
        await agent.chat(pid, "prose", answer_type=Shout)
    assert (type(failed.value.fault), len(stage.server.requests)) == (InvalidAnswer, 3)


REFUSAL = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "refusal": "I will not."}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a request with a refusal, in the words that the API has for this."""
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    await reader.readexactly(length)
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in REFUSAL) + "data: [DONE]\n\n"
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + events.encode())
    await writer.drain()
    writer.close()


async def test_a_refusal_has_no_value(stage: Stage) -> None:
    async with await asyncio.start_server(refuse, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        pid = await stage.agent("any", base_url=f"http://127.0.0.1:{port}/v1")
        with pytest.raises(StreamFailed, match="expected Poem, got a refusal: I will not"):
            await agent.chat(pid, "a poem", answer_type=Poem)


async def test_a_message_with_a_type_steers_no_turn(stage: Stage) -> None:
    pid = await stage.agent("poet", when_busy="steer")
    async with Mailbox() as box:
        slow = agent.stream_chat(pid, "slow")
        while not isinstance(await box.receive(10.0), StreamToken):
            pass
        typed = asyncio.create_task(agent.chat(pid, "fenced", answer_type=Poem))
        await eventually(lambda: agent.info(pid), lambda info: len(info.streams) == 2, what="a stream that waits")
        assert await agent.cancel(pid, slow)
        assert (await typed).value == POEM


async def test_the_events_of_a_typed_answer_carry_json_data(stage: Stage) -> None:
    pid = await stage.agent("poet")
    events = [event async for event in agent.stream(pid, "fenced", answer_type=Poem)]
    start, end = events[0], events[-1]
    assert isinstance(start, StreamStart)
    assert isinstance(end, StreamComplete)
    assert end.response.value == {"title": "Rain", "lines": 3}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, "expected a type that pydantic can check as answer_type, got 3"),
        ("Poem", "expected a type that pydantic can check as answer_type, got 'Poem'"),
        (list[int], "expected a type or a JSON schema of an object as answer_type, got {"),
        ({"type": "array"}, "expected a type or a JSON schema of an object as answer_type, got {"),
        ({"type": "objekt"}, r"expected a JSON schema as answer_type, got a fault at \$\.type: 'objekt' is not"),
    ],
)
async def test_an_invalid_type_is_refused_before_anything_is_sent(stage: Stage, given: object, words: str) -> None:
    pid = await stage.agent("poet")
    async with Mailbox():
        for use in (agent.stream, agent.stream_chat):
            with pytest.raises(InvalidArgument, match=words):
                use(pid, "a poem", answer_type=given)
    assert stage.server.requests == []
