"""Content that a store can't give back affects only its own session, and neither the journal nor a later start."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import SecretStr

from actors import KILL, whereis
from actors import exit as send_exit
from agents import StreamComplete, StreamError, agent, application
from agents.agent_registry import find_agent
from agents.core.charge import Charge, Payer
from agents.core.conversation import AssistantMessage, Function, ToolCall, UserMessage
from agents.core.deltas import Usage
from agents.core.errors import Cancelled, StoreFailed
from agents.core.events import Event, StreamToken, StreamToolProgress, StreamToolResult, ToolResult
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, builtin
from agents.sessions import JOURNAL, RecordsRefused, Store, StreamStatus, open_journal
from agents.sessions.charges import session_totals
from agents.settings import Durability, SessionSettings, Settings
from agents.settings.agent import AgentSettings
from supervisors import agent_supervisor, which_children
from tests.agents.sessions.keeping import SAID, begun, tokens
from tests.agents.sessions.recorded import journal, recorder

CALL = ToolCall("c", Function("look", "{}"))


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BAD: list[Any] = [object(), 1j, float("nan"), b"x", deep(980), deep(100_000), {1: {2: object()}}]


def progress(value: Any) -> Event:
    return StreamToolProgress(CALL, value, stream_id="t", seq=1)


def result(value: Any) -> Event:
    return StreamToolResult(CALL, ToolResult("seen", value), stream_id="t", seq=1)


@pytest.mark.usefixtures("system")
async def test_of_two_sessions_that_begin_one_stream_id_at_once_only_one_gets_it(url: str) -> None:
    async with journal(url) as handle:
        for id_ in ("a", "b"):
            handle.begin_session(id_, "agent")
        first, _ = recorder(handle, "t", "a")
        second, lost = recorder(handle, "t", "b")
        first.event(tokens("t", 1, 1)[0])
        assert isinstance(await lost.until_failed(), RecordsRefused)
        second.event(StreamError(StoreFailed("refused"), stream_id="t", seq=2))
        second.ended(StreamStatus.ERROR, None, None, ())
        await handle.durable()
        first.event(tokens("t", 2, 2)[0])
        first.ended(StreamStatus.COMPLETE, None, None, ())
        await first.durable()
        assert await handle.store.events("t") == tokens("t", 1, 2)


def whole(stream_id: str) -> list[Event]:
    return [*tokens(stream_id, 1, 3), StreamError(Cancelled(), stream_id=stream_id, seq=4)]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("session_id", ["s", "new"])
@pytest.mark.parametrize("place", range(3))
async def test_of_three_streams_of_a_session_in_one_flush_the_store_refuses_only_one(
    url: str, place: int, session_id: str
) -> None:
    async with journal(url) as handle:
        handle.begin_session("other", "agent")
        await recorder(handle, "used", "other")[0].durable()
        if session_id == "new":
            handle.begin_session(session_id, "agent")
        ids = ["a", "b", "c"]
        ids[place] = "used"
        recorders = {id_: recorder(handle, id_, session_id) for id_ in ids}
        for id_, (writer, _) in recorders.items():
            for event in whole(id_):
                writer.event(event)
            writer.ended(StreamStatus.ERROR, None, None, (UserMessage(id_), AssistantMessage(id_)))
        assert isinstance(await recorders.pop("used")[1].until_failed(), RecordsRefused)
        await asyncio.gather(*(writer.durable() for writer, _ in recorders.values()))
        store = handle.store
        for id_, (_, callbacks) in recorders.items():
            assert (callbacks.seqs, callbacks.failures) == ([4], [])
            assert await store.events(id_) == whole(id_)
        kept = [(each.id, each.status) for each in await store.streams(session_id)]
        assert kept == [(id_, StreamStatus.ERROR) for id_ in recorders]
        assert [each.content for each in await store.conversation(session_id)] == [
            id_ for id_ in recorders for _ in ("question", "answer")
        ]
        assert [each.stream_id for each in await store.open_streams()] == ["used"]


@pytest.mark.usefixtures("system")
async def test_a_charge_is_kept_if_the_stream_that_was_flushed_with_it_is_refused(url: str) -> None:
    async with journal(url) as handle:
        writer, callbacks = recorder(handle)
        handle.charge(Charge("small", 10, 1, cost=0.5), Payer("ann", "clerk", "s", "t", "s", "t"))
        writer.event(progress(object()))
        assert isinstance(await callbacks.until_failed(), RecordsRefused)
        total = await session_totals(handle.store, "s", "s")
        assert (total.tokens, total.cost) == (11, 0.5)


@pytest.mark.usefixtures("system")
async def test_no_charge_is_lost_with_a_stream_of_a_new_session(url: str) -> None:
    async with journal(url) as handle:
        await recorder(handle, "t")[0].durable()
        handle.begin_session("new", "agent")
        refused, kept = recorder(handle, "t", "new")[1], recorder(handle, "u", "new")[0]
        for stream_id in ("t", "u"):
            payer = Payer("ann", "clerk", "new", stream_id, "new", stream_id)
            handle.charge(Charge("small", 10, 1, cost=0.5), payer)
        await kept.durable()
        assert isinstance(await refused.until_failed(), RecordsRefused)
        total = await session_totals(handle.store, "new", "new")
        assert (total.tokens, total.cost) == (22, 1.0)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("event_of", [progress, result])
@pytest.mark.parametrize("value", BAD, ids=lambda value: type(value).__name__)
async def test_an_event_that_cannot_be_kept_fails_only_its_session_and_is_not_retried(
    url: str, value: Any, event_of: Callable[[Any], Event]
) -> None:
    async with journal(url) as handle:
        for number in range(5):
            handle.begin_session(f"s{number}", "agent")
        others = [recorder(handle, f"u{number}", f"s{number}")[0] for number in range(5)]
        writer, callbacks = recorder(handle)
        writer.event(event_of(value))
        for number, other in enumerate(others):
            other.event(tokens(f"u{number}", 1, 1)[0])
            other.ended(StreamStatus.COMPLETE, None, None, ())
        await asyncio.gather(*(other.durable() for other in others))
        refused = await callbacks.until_failed()
        assert isinstance(refused, RecordsRefused)
        assert refused.for_client.startswith("expected data that")
        assert handle.behind.events == 0
        assert whereis(JOURNAL) is not None
        for number in range(5):
            assert await handle.store.events(f"u{number}") == tokens(f"u{number}", 1, 1)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize(
    ("usage", "cost", "messages"),
    [
        (None, float("nan"), SAID),
        (None, "dear", SAID),
        (Usage(input_tokens=object()), 0.0, SAID),  # type: ignore[arg-type]
        (None, None, (UserMessage(None),)),  # type: ignore[arg-type]
        (None, None, (AssistantMessage("x", items=({"a": deep(980)},)),)),
        (None, None, (object(),)),
        (None, None, None),
    ],
    ids=range(7),
)
async def test_an_end_that_cannot_be_kept_fails_only_its_session(
    url: str, usage: Any, cost: Any, messages: Any
) -> None:
    async with journal(url) as handle:
        handle.begin_session("other", "agent")
        (writer, callbacks), (other, _) = recorder(handle), recorder(handle, "u", "other")
        writer.ended(StreamStatus.COMPLETE, usage, cost, messages)
        other.ended(StreamStatus.COMPLETE, None, None, SAID)
        await other.durable()
        assert isinstance(await callbacks.until_failed(), RecordsRefused)
        assert await handle.store.conversation("other") == SAID


@pytest.mark.usefixtures("system")
async def test_a_session_that_cannot_be_kept_fails_only_its_own_start(url: str) -> None:
    async with journal(url) as handle:
        handle.begin_session("bad", "agent", {"model": object()})
        handle.begin_session("good", "agent")
        with pytest.raises(RecordsRefused):
            await asyncio.gather(handle.durable("good"), handle.durable("bad"))
        await handle.durable("good")
        assert {each.id for each in await handle.store.sessions()} == {"good", "s"}


@pytest.mark.usefixtures("system")
async def test_a_published_end_is_kept_even_if_earlier_events_were_refused(url: str) -> None:
    async with journal(url) as handle:
        writer, callbacks = recorder(handle)
        for event in tokens("t", 1, 3):
            writer.event(event)
        await writer.durable()
        writer.event(StreamToolProgress(CALL, object(), stream_id="t", seq=4))
        await callbacks.until_failed()
        end = StreamError(StoreFailed("not kept"), "text", stream_id="t", seq=5)
        writer.event(end)
        writer.ended(StreamStatus.ERROR, None, None, (UserMessage(object()),))  # type: ignore[arg-type]
        with suppress(RecordsRefused):
            await handle.durable()
        await handle.durable()  # without the text of the model and the user, which was refused
        kept = await handle.store.events("t")
        assert [each.seq for each in kept] == [1, 2, 3, 5]
        assert kept[-1] == StreamError(StoreFailed("not kept"), stream_id="t", seq=5)
        assert await handle.store.open_streams() == []


@pytest.mark.parametrize("column", ["name", "title", "created_at", "updated_at", "config"])
@pytest.mark.parametrize("value", ["\xff\xfe", "{", 5, "[" * 5000])
async def test_a_damaged_row_is_listed_and_hides_no_other(tmp_path: Path, column: str, value: str | int) -> None:
    file = tmp_path / "sessions.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    await store.write(begun("t", "good"))
    await store.write(begun("u", "bad"))
    with sqlite3.connect(file) as connection:
        connection.execute(f"UPDATE sessions SET {column} = ? WHERE id = 'bad'", (value,))
    connection.close()
    assert {each.id for each in await store.sessions()} == {"good", "bad"}
    assert set(await store.cut_sessions()) == {"good", "bad"}
    session = await store.session("good")
    assert session is not None
    await store.close()


class App(Protocol):
    def __call__(self, *configured: str) -> AbstractAsyncContextManager[None]: ...


@pytest.fixture
async def app(url: str) -> AsyncIterator[App]:
    async with RehearsalServer(builtin()) as server:

        @asynccontextmanager
        async def running(*configured: str) -> AsyncIterator[None]:
            settings = Settings(
                base_url=server.base_url,
                api_key=SecretStr("any"),
                sessions=SessionSettings(url=url, durability=Durability.BATCHED),
                agents=tuple(AgentSettings(id=name, model="echo") for name in configured),
            )
            async with application.running(settings):
                yield

        yield running


async def test_a_program_starts_and_recovers_beside_a_damaged_session(app: App, url: str) -> None:
    async with app():
        for name in ("bad", "good"):
            await agent.chat(await agent_supervisor.start_agent({"id": name, "model": "echo"}), "Hello.")
    store = await Store.open(url)
    async with store.changing() as connection:
        await connection.exec_driver_sql("UPDATE messages SET payload = '{' WHERE session_id = 'bad'")
        await connection.exec_driver_sql("UPDATE streams SET status = 'open'")
    await store.close()
    async with app("bad", "also-good"):
        assert find_agent("bad") is None
        assert find_agent("also-good") is not None
        pid = await wake("good")
        assert pid is not None
        assert (await agent.chat(pid, "Again.")).content == "Again."


async def test_a_stream_whose_end_was_published_as_the_journal_ended_gets_no_other_end(app: App) -> None:
    async with app():
        pid = await agent_supervisor.start_agent({"id": "ada", "model": "rehearsal"})
        events: list[Event] = []
        async for event in agent.stream(pid, "Tell me a long story."):
            events.append(event)
            if isinstance(event, StreamToken) and whereis(JOURNAL) is not None and len(events) < 10:
                fallen = whereis(JOURNAL)
                assert fallen is not None
                send_exit(fallen, KILL)
        assert isinstance(events[-1], StreamError)
        await which_children("understudy")  # it answers once it has restarted the journal
        handle = await open_journal()
        assert handle is not None
        kept = await handle.store.events(events[0].stream_id)
        assert [each for each in kept if isinstance(each, StreamError | StreamComplete)] == kept[-1:]
        assert kept[-1].seq == events[-1].seq
        assert await handle.store.cut_sessions() == []
