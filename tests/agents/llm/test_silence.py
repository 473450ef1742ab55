"""The deadlines of an answer, exact to the second in virtual time."""

import asyncio
from collections.abc import Awaitable

import pytest

from actors.testing import simulated
from agents.core.conversation import UserMessage
from agents.core.deltas import Delta, Failed, Finished, FinishReason, TextDelta
from agents.core.errors import Timeout
from agents.llm.call import ModelCallDeadlines, Route, model_call
from agents.llm.endpoint import Endpoint
from tests.agents.llm.scripted import Piece, ScriptedClient, providers

DEADLINES = ModelCallDeadlines(connect_s=10.0, first_byte_s=60.0, idle_s=20.0)
ROUTE = Route(Endpoint("http://127.0.0.1:1/v1", "any"), "any")
NO_FIRST = Failed(Timeout("first data from the provider", 60.0))
NO_NEXT = Failed(Timeout("data from the provider", 20.0))

KEEP_ALIVE: list[Piece] = [5.0, b": keep-alive\n\n"] * 100
NEVER: list[Piece] = [1e6]
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
HELLO = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


async def asked(client: ScriptedClient, busy_s: float = 0.0) -> tuple[list[Delta], float]:
    """Return the deltas and the time of the last one. busy_s: the sink's time per chunk."""
    deltas: list[Delta] = []
    ended_s = 0.0
    loop = asyncio.get_running_loop()

    def sink(more: list[Delta]) -> Awaitable[None] | None:
        nonlocal ended_s
        deltas.extend(more)
        ended_s = loop.time()
        return asyncio.sleep(busy_s) if busy_s else None

    async with providers(lambda _: client):
        began_s = loop.time()
        await model_call(ROUTE, (UserMessage("?"),), sink, deadlines=DEADLINES)
    assert client.closed == client.opened == 1
    return deltas, ended_s - began_s


@pytest.mark.parametrize(
    ("script", "expected", "after_s"),
    [
        (NEVER, NO_FIRST, 60.0),
        (KEEP_ALIVE, NO_FIRST, 60.0),
        ([59.0, HELLO, *NEVER], NO_NEXT, 79.0),
        ([1.0, HELLO, *NEVER], NO_NEXT, 21.0),
        ([1.0, HELLO, *KEEP_ALIVE], NO_NEXT, 21.0),
        ([1.0, ROLE, 19.0, ROLE, 19.0, ROLE, *KEEP_ALIVE], NO_NEXT, 59.0),
        ([1.0, HELLO[:20], *NEVER], NO_FIRST, 60.0),
    ],
    ids=[
        "nothing",
        "keep-alives",
        "late",
        "one event",
        "one event, keep-alives",
        "data without deltas",
        "half an event",
    ],
)
def test_a13_a_silent_answer_ends_at_its_deadline(script: list[Piece], expected: Delta, after_s: float) -> None:
    @simulated(seeds=3)
    async def play() -> None:
        deltas, ended_s = await asked(ScriptedClient(script))
        assert deltas[-1] == expected
        assert ended_s == pytest.approx(after_s)

    play()


@simulated(seeds=3)
async def test_an_answer_of_any_length_is_read_while_it_goes_on() -> None:
    words: list[Piece] = [19.0, HELLO] * 100
    deltas, ended_s = await asked(ScriptedClient([*words, STOP, DONE]))
    assert deltas == [*[TextDelta("Hello")] * 100, Finished(FinishReason.STOP, "stop")]
    assert ended_s == pytest.approx(1900.0)


@simulated(seeds=3)
async def test_the_time_that_the_sink_takes_is_not_the_providers() -> None:
    deltas, _ = await asked(ScriptedClient([19.0, HELLO, 19.0, HELLO, STOP, DONE]), busy_s=500.0)
    assert isinstance(deltas[-1], Finished)


@simulated(seeds=3)
async def test_a14_after_a_finish_reason_the_wait_for_usage_is_one_second() -> None:
    deltas, ended_s = await asked(ScriptedClient([HELLO, STOP, *NEVER]))
    assert deltas == [TextDelta("Hello"), Finished(FinishReason.STOP, "stop")]
    assert ended_s == pytest.approx(1.0)


@simulated(seeds=3)
async def test_a_sink_that_waits_for_the_trailer_is_not_hurried() -> None:
    text_behind_the_end = b'data: {"choices":[{"index":0,"delta":{"content":"!"}}]}\n\n'
    deltas, _ = await asked(ScriptedClient([STOP, text_behind_the_end, DONE]), busy_s=30.0)
    assert deltas == [TextDelta("!"), Finished(FinishReason.STOP, "stop")]


@pytest.mark.parametrize("last", [[DONE], []])
def test_b8_text_after_a_finish_reason_in_every_chunk_is_read_to_its_end(last: list[Piece]) -> None:
    @simulated(seeds=3)
    async def play() -> None:
        ended = HELLO.replace(b"}}]}", b'},"finish_reason":"stop"}]}')
        deltas, _ = await asked(ScriptedClient([ended, 0.9, ended, 19.0, ended, 19.0, ended, *last]))
        assert deltas == [*[TextDelta("Hello")] * 4, Finished(FinishReason.STOP, "stop")]

    play()


@simulated(seeds=3)
async def test_b8_silence_after_such_text_completes_the_answer() -> None:
    deltas, ended_s = await asked(ScriptedClient([STOP, HELLO, *NEVER]))
    assert deltas == [TextDelta("Hello"), Finished(FinishReason.STOP, "stop")]
    assert ended_s == pytest.approx(DEADLINES.idle_s)
