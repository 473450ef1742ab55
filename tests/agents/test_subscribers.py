"""Subscribers that join late or read slowly, and the log event of a stream's end. Over real HTTP."""

import asyncio
import logging
import re

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors import Bound, Mailbox, Overflow, Pid, get_state, send
from actors.sys import replace_state
from agents import agent, application, start_agent
from agents.core.errors import ApiError
from agents.core.events import TERMINAL, Event, StreamComplete, StreamError, StreamStart, StreamToken
from agents.core.stream_metrics import StreamMetrics
from agents.instance.state import AgentState, StreamChat
from agents.instance.subscriptions import followed
from agents.instance.turns import Forget
from agents.settings import Settings
from agents.streams.recent import EVENT_BYTES, KEPT_BYTES, KEPT_S, KEPT_STREAMS, Recent, with_ended, without_old
from agents.streams.stream import Stream
from agents.testing import Stage as KitStage
from supervisors import agent_supervisor
from tests.agents.llm.http.loopback import answered_by
from tests.agents.stage import Stage

SCRIPT = """
[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]

[models.secret]
turns = [{ steps = [{ text = "The word is swordfish." }] }]
"""


async def whole(box: Mailbox) -> list[Event]:
    """Return the events of one stream, to its end."""
    events: list[Event] = [await box.receive(10)]
    while not isinstance(events[-1], TERMINAL):
        events.append(await box.receive(10))
    return events


def text(events: list[Event]) -> str:
    return "".join(event.token for event in events if isinstance(event, StreamToken))


async def stalled(pid: Pid, box: Mailbox) -> str:
    """Return the id of a stream that stops after two tokens until it is cancelled."""
    stream_id = agent.stream_chat(pid, "go", box.pid)
    while not isinstance(event := await box.receive(10), StreamToken) or event.seq < 3:
        pass
    return stream_id


async def test_a_stream_that_runs_is_followed_from_its_beginning_to_its_end(stage: Stage, api: str) -> None:
    pid = await stage.agent("slow", api_preference=api)
    async with Mailbox() as first, Mailbox() as late:
        stream_id = await stalled(pid, first)
        assert await agent.follow(pid, stream_id, late.pid) is True
        assert await agent.cancel(pid) is True
        start, token, end = await whole(late)
    assert isinstance(start, StreamStart)
    assert isinstance(token, StreamToken)
    assert isinstance(end, StreamError)
    assert (token.token, token.seq, token.joined) == ("One two", 3, 2)
    assert (end.content, end.seq) == ("One two", 4)


async def test_a_stream_that_has_ended_is_followed_from_any_place(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box:
        stream_id = agent.stream_chat(pid, "one two three four")
        events = await whole(box)
        for after in range(len(events) + 1):
            assert await agent.follow(pid, stream_id, after=after) is True
            again = await whole(box) if after < len(events) else []
            assert text(again) == text(events[after:])
            assert [event.seq for event in again[-1:]] == [event.seq for event in events[after:][-1:]]


async def test_a_stream_that_waits_for_its_turn_is_followed_from_its_first_event(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as first, Mailbox() as late:
        agent.stream_chat(pid, "one", first.pid)
        stream_id = agent.stream_chat(pid, "two", first.pid)
        assert await agent.follow(pid, stream_id, late.pid) is True
        assert text(await whole(late)) == "two"


async def test_running_followers_of_a_waiting_stream_are_kept_once(stage: Stage) -> None:
    state: AgentState = await get_state(await stage.agent("echo"))
    state = replace(state, queue=(StreamChat("two", stream_id="waits"),))
    async with Mailbox() as stays:
        for _ in range(3):
            async with Mailbox() as leaves:
                for box in (stays, leaves):
                    found, state = followed(state, "waits", box.pid, 0)
                    assert found
        _, state = followed(state, "waits", stays.pid, 0)
        assert [chat.followers for chat in state.queue] == [(stays.pid,)]


async def test_a_follower_that_unsubscribes_before_its_stream_begins_gets_no_event(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as first, Mailbox() as late:
        agent.stream_chat(pid, "one", first.pid)
        stream_id = agent.stream_chat(pid, "two", first.pid)
        assert await agent.follow(pid, stream_id, late.pid) is True
        agent.unsubscribe(pid, late.pid)
        for _ in range(2):
            await whole(first)
        with pytest.raises(TimeoutError):
            await late.receive(0)


async def test_a_stream_that_the_agent_does_not_know_is_not_followed(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox():
        assert await agent.follow(pid, "no such stream") is False


async def test_the_last_streams_are_kept_and_those_before_them_forgotten(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box:
        ids = [agent.stream_chat(pid, "hello") for _ in range(KEPT_STREAMS + 1)]
        for _ in ids:
            await whole(box)
        await agent.conversation(pid)  # the answer comes after the last turn has been kept
        assert [await agent.follow(pid, stream_id) for stream_id in ids] == [False, *[True] * KEPT_STREAMS]


async def test_a_stream_is_forgotten_when_its_time_is_over(stage: Stage) -> None:
    pid = await stage.agent("echo")
    async with Mailbox() as box:
        stream_id = agent.stream_chat(pid, "hello")
        await whole(box)
        await agent.conversation(pid)

        def aged(state: AgentState) -> AgentState:
            recent = tuple(replace(each, ended_s=each.ended_s - KEPT_S) for each in state.recent)
            return replace(state, recent=recent)

        await replace_state(pid, aged)
        send(pid, Forget())
        assert await agent.follow(pid, stream_id) is False
        assert (await get_state(pid)).recent == ()


@pytest.mark.parametrize("simulation_seed", range(3))
async def test_a_follower_that_unsubscribes_gets_nothing_more_of_an_ended_stream(
    simulated_understudy: KitStage,
) -> None:
    pid = await agent_supervisor.start_agent({"model": "echo"})
    async with Mailbox(Bound(1, Overflow.DROP_NEWEST)) as box:
        agent.subscribe(pid, box.pid)
        await agent.chat(pid, "one")
        agent.unsubscribe(pid, box.pid)
        await simulated_understudy.settled()
        assert isinstance(await box.receive(), StreamStart)
        with pytest.raises(TimeoutError):
            await box.receive(60)


@pytest.mark.usefixtures("simulated_understudy")
@pytest.mark.parametrize("simulation_seed", range(3))
async def test_each_stream_is_forgotten_when_its_own_time_is_over() -> None:
    pid = await agent_supervisor.start_agent({"model": "echo"})
    await agent.chat(pid, "one")
    await asyncio.sleep(40)
    await agent.chat(pid, "two")
    known = []
    for _ in range(3):
        known.append(len((await agent.info(pid)).streams))
        await asyncio.sleep(35)
    assert known == [2, 1, 0]


async def test_a_slow_subscriber_gets_joined_events_and_misses_nothing(stage: Stage) -> None:
    pid = await stage.agent("echo")
    size = (await get_state(pid)).buffer_size
    words = " ".join(f"word{number}" for number in range(size + 1000))
    async with Mailbox() as slow:
        agent.subscribe(pid, slow.pid)
        response = await agent.chat(pid, words)
        events = await whole(slow)
    assert len(events) < size + 10
    assert max(event.joined for event in events if isinstance(event, StreamToken)) > 1
    assert text(events) == response.content == words
    assert isinstance(events[-1], StreamComplete)


# What is kept


def ended(size_bytes: int) -> Stream:
    stream = Stream("s")
    stream.publish(StreamToken("x" * (size_bytes - EVENT_BYTES), seq=1))
    return stream


def sizes(recent: Recent) -> list[int]:
    return [each.size_bytes for each in recent]


@pytest.mark.parametrize(
    ("had", "kept"),
    [
        ([], []),
        ([200, 300], [200, 300]),
        ([200, 300, 400, 500], [300, 400, 500]),
        ([200, KEPT_BYTES, 300], [300]),
        ([KEPT_BYTES - 1000, 200, 300], [KEPT_BYTES - 1000, 200, 300]),
    ],
)
def test_earlier_streams_are_kept_within_the_limit_of_bytes(had: list[int], kept: list[int]) -> None:
    recent: Recent = ()
    for size_bytes in had:
        recent = (*recent, *with_ended((), ended(size_bytes), 0.0))
    assert sizes(with_ended(recent, ended(500), 0.0)) == [*kept, 500]


def test_the_last_stream_is_kept_whatever_its_size() -> None:
    assert sizes(with_ended((), ended(2 * KEPT_BYTES), 0.0)) == [2 * KEPT_BYTES]


def test_a_stream_is_kept_for_its_time_and_no_longer() -> None:
    recent = with_ended(with_ended((), ended(200), 0.0), ended(300), 10.0)
    assert sizes(without_old(recent, KEPT_S - 0.1)) == [200, 300]
    assert sizes(without_old(recent, KEPT_S)) == [300]
    assert sizes(without_old(recent, KEPT_S + 10.0)) == []


# The log event


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """Return the logged ends of streams, by field."""
    lines = [record.getMessage() for record in caplog.records if record.name == "understudy.agents"]
    return [dict(re.findall(r"(\w+)=(\[.*?\]|'[^']*'|\S+)", line)) for line in lines]


async def test_the_end_of_an_answer_is_logged_once_with_its_metrics_and_nothing_that_was_said(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "understudy.agents")
    pid = await stage.agent("secret", id="spy")
    async with Mailbox() as box:
        stream_id = agent.stream_chat(pid, "swordfish?")
        end = (await whole(box))[-1]
        await agent.conversation(pid)
    (event,) = logged(caplog)
    assert isinstance(end, StreamComplete)
    metrics = end.response.metrics
    assert metrics is not None
    assert (event["event"], event["agent_id"], event["stream_id"]) == ("'stream_completed'", "'spy'", f"'{stream_id}'")
    assert set(StreamMetrics.__struct_fields__) < set(event)
    assert event["token_count"] == str(metrics.token_count)
    assert "swordfish" not in caplog.text


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_failed_answer_is_logged_once_with_its_codes_and_its_model_and_not_the_words_of_the_fault(
    stage: Stage, caplog: pytest.LogCaptureFixture, cancelled: bool
) -> None:
    caplog.set_level(logging.INFO, "understudy.agents")
    pid = await stage.agent("slow" if cancelled else "nobody")
    async with Mailbox() as box:
        if cancelled:
            await stalled(pid, box)
            await agent.cancel(pid)
        else:
            agent.stream_chat(pid, "go")
            end = (await whole(box))[-1]
            assert isinstance(end, StreamError)
            assert "The model" in str(end.reason)
            await agent.conversation(pid)
    (event,) = logged(caplog)
    assert event["event"] == "'stream_failed'"
    assert event["reason"] == ("'cancelled'" if cancelled else "'api_error'")
    assert event.get("code") == (None if cancelled else "404")
    assert (event["model"], event["provider"]) == (repr("slow" if cancelled else "nobody"), repr(stage.server.base_url))
    assert [record.levelname for record in caplog.records if record.name == "understudy.agents"] == [
        "INFO" if cancelled else "WARNING"
    ]
    assert "The model" not in caplog.text


async def test_the_log_of_an_answer_names_each_model_call_that_failed_and_the_request_by_the_ids_of_both_sides(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "understudy.agents")
    named: list[str] = []

    async def busy(http: web.Request) -> web.Response:
        named.append(http.headers["x-client-request-id"])
        refused = {"error": {"message": "swordfish"}}
        return web.json_response(refused, status=503, headers={"x-request-id": f"req_{len(named)}"})

    async with answered_by(busy) as address, application.running(Settings(api_key="any")):
        pid = await start_agent(model="m", base_url=f"{address}/v1", streaming_config={"max_retries": 1})
        async with Mailbox() as box:
            id_ = agent.stream_chat(pid, "go", box.pid)
            end = (await whole(box))[-1]
        await agent.conversation(pid)
    (event,) = logged(caplog)
    assert named == [f"{id_}-1-1", f"{id_}-2-1"]
    assert isinstance(end, StreamError)
    assert isinstance(end.reason, ApiError)
    assert end.reason.request_id == "req_2"
    assert event["provider_request_id"] == "'req_2'"
    failed = [f"m at {address}/v1: api_error 503 req_{number}" for number in (1, 2)]
    assert event["failed_model_calls"] == repr(failed)
    assert "swordfish" not in caplog.text


async def test_an_agent_that_is_stopped_logs_the_end_of_its_running_stream(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "understudy.agents")
    pid = await stage.agent("slow")
    async with Mailbox() as box:
        stream_id = await stalled(pid, box)
        await agent_supervisor.stop_agent(pid)
    assert [(event["stream_id"], event["reason"]) for event in logged(caplog)] == [(f"'{stream_id}'", "'interrupted'")]
