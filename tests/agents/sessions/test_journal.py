"""Laws of the journal: records reach the disk, sessions fail separately, and recorders get the outcome."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from actors import IGNORE, KILL, AsyncioSystemBase, StartFailed, start, stop
from actors import ended as end_of
from actors import exit as send_exit
from agents.core.conversation import Function, ToolCall
from agents.core.errors import Cancelled
from agents.core.events import StreamError, StreamToolResult, ToolResult
from agents.sessions import (
    Checkpoint,
    Fenced,
    Journal,
    OpenStream,
    RecordsRefused,
    Store,
    StoreUnavailable,
    StreamStatus,
    WriteFailed,
    history,
    open_journal,
)
from agents.sessions.records import CheckpointPart
from agents.sessions.waiting import Behind
from agents.settings import Durability, SessionSettings
from tests.agents.sessions.keeping import QUESTION, SAID, USAGE, tokens
from tests.agents.sessions.recorded import Callbacks, journal, recorder, started

NEVER_MS = 3_600_000
RESULT = StreamToolResult(ToolCall("c", Function("look", "{}")), ToolResult("seen"), stream_id="t", seq=4)
END = StreamError(Cancelled(), stream_id="t", seq=4)

pytestmark = pytest.mark.usefixtures("system")


async def test_all_records_are_on_disk_when_durable_returns(url: str) -> None:
    async with journal(url) as handle:
        writer, _ = recorder(handle)
        for event in tokens("t", 1, 200):
            writer.event(event)
        await writer.durable()
        assert await handle.store.events("t") == tokens("t", 1, 200)
        writer.ended(StreamStatus.COMPLETE, USAGE, 0.5, SAID)
        await writer.durable()
        assert await handle.store.conversation("s") == SAID
        info = await handle.store.stream("t")
        assert info is not None
        assert (info.status, info.usage, info.cost) == (StreamStatus.COMPLETE, USAGE, 0.5)
        await writer.durable()  # no record waits, so this returns at once


async def test_the_journal_says_how_far_the_disk_is_behind(url: str) -> None:
    async with journal(url, batch_time=NEVER_MS) as handle:
        await handle.durable()
        assert handle.behind == Behind(0, 0.0)
        writer, _ = recorder(handle)
        for event in tokens("t", 1, 3):
            writer.event(event)
        behind = handle.behind
        assert (behind.events, behind.oldest_s > 0) == (3, True)
        await handle.durable()
        assert handle.behind == Behind(0, 0.0)


async def test_records_that_failed_count_as_behind_until_they_are_written(tmp_path: Path) -> None:
    file, away = tmp_path / "sessions.db", tmp_path / "away.db"
    async with journal(f"sqlite:///{file}", batch_time=NEVER_MS) as handle:
        writer, _ = recorder(handle)
        await handle.durable()
        file.rename(away)
        writer.event(tokens("t", 1, 1)[0])
        with pytest.raises(WriteFailed):
            await handle.durable()
        behind = handle.behind
        assert (behind.events, behind.oldest_s > 0) == (1, True)
        away.rename(file)
        await handle.durable()
        assert handle.behind == Behind(0, 0.0)


async def test_a_single_event_is_written_without_a_request(url: str) -> None:
    async with journal(url) as handle:
        writer, callbacks = recorder(handle)
        writer.event(tokens("t", 1, 1)[0])
        await callbacks.until(1)
        assert await handle.store.events("t") == tokens("t", 1, 1)


@pytest.mark.parametrize("last", [RESULT, END], ids=["a tool's result", "the end"])
async def test_events_that_clients_act_on_are_written_at_once(url: str, last: StreamToolResult | StreamError) -> None:
    async with journal(url, batch_time=NEVER_MS) as handle:
        writer, callbacks = recorder(handle)
        for event in (*tokens("t", 1, 3), last):
            writer.event(event)
        await callbacks.until(4)
        assert await handle.store.events("t") == [*tokens("t", 1, 3), last]


async def test_a_checkpoint_is_written_at_once_with_what_came_before_it(url: str) -> None:
    async with journal(url, batch_time=NEVER_MS) as handle:
        writer, callbacks = recorder(handle)
        for event in tokens("t", 1, 3):
            writer.event(event)
        writer.checkpoint(b"here")
        await callbacks.until(3)
        assert await handle.store.open_streams() == [OpenStream("s", "t", QUESTION, 3, Checkpoint("t", 3, b"here"))]


async def test_checkpoints_that_one_flush_takes_lose_no_part(url: str) -> None:
    async with journal(url, batch_time=NEVER_MS) as handle:
        writer, _ = recorder(handle)
        first, second = CheckpointPart(1, b"one"), CheckpointPart(2, b"two")
        writer.event(tokens("t", 1, 1)[0])
        writer.checkpoint(b"earlier", (first,))
        writer.checkpoint(b"later", (second,))
        await writer.durable()
        (cut,) = await handle.store.open_streams()
        assert cut.checkpoint == Checkpoint("t", 1, b"later", parts=(first, second))


async def test_many_events_are_written_before_their_time(url: str) -> None:
    async with journal(url, batch_time=NEVER_MS, batch_events=8) as handle:
        writer, callbacks = recorder(handle)
        for event in tokens("t", 1, 8):
            writer.event(event)
        await callbacks.until(8)


async def test_events_of_many_streams_wait_for_their_time_together(url: str) -> None:
    async with journal(url, batch_time=NEVER_MS, batch_events=8) as handle:
        beside = [recorder(handle, f"t{number}") for number in range(8)]
        await handle.durable()
        for number, (writer, _) in enumerate(beside):
            for event in tokens(f"t{number}", 1, 7):
                writer.event(event)
        assert handle.behind.events == 7 * 8
        (writer, callbacks), *_ = beside
        writer.event(tokens("t0", 8, 8)[0])
        await callbacks.until(8)
        await handle.durable()
        assert [callbacks.seqs for _, callbacks in beside] == [[8], *[[7]] * 7]


async def test_in_sync_every_event_is_written_at_once(url: str) -> None:
    async with journal(url, Durability.SYNC, batch_time=NEVER_MS) as handle:
        writer, callbacks = recorder(handle)
        for event in tokens("t", 1, 3):
            writer.event(event)
            await callbacks.until(event.seq)
        assert callbacks.seqs == [1, 2, 3]


async def test_streams_at_once_share_writes_and_each_is_whole(url: str) -> None:
    async with journal(url) as handle:

        async def stream(name: str) -> None:
            writer, callbacks = recorder(handle, name)
            for event in tokens(name, 1, 50):
                writer.event(event)
                if event.seq % 7 == 0:
                    await asyncio.sleep(0)
            writer.ended(StreamStatus.COMPLETE, None, None, SAID)
            await writer.durable()
            assert callbacks.seqs == sorted(set(callbacks.seqs))
            assert callbacks.seqs[-1] == 50

        names = [f"t{number}" for number in range(20)]
        await asyncio.gather(*map(stream, names))
        for name in names:
            assert await handle.store.events(name) == tokens(name, 1, 50)
        assert await handle.store.conversation("s") == SAID * 20


async def test_a_cut_stream_continues_in_the_next_journal(url: str) -> None:
    async with journal(url) as handle:
        writer, _ = recorder(handle)
        for event in tokens("t", 1, 3):
            writer.event(event)
        writer.checkpoint(b"here")
        await writer.durable()
    async with journal(url) as handle:
        (cut,) = await handle.store.open_streams()
        callbacks = Callbacks()
        writer = handle.resumed(cut, on_durable=callbacks.durable, on_failure=callbacks.failed)
        writer.event(END)
        writer.ended(StreamStatus.ERROR, None, None, SAID)
        await callbacks.until(4)
        assert await handle.store.open_streams() == []
        assert await handle.store.events("t") == [*tokens("t", 1, 3), END]


async def test_a_deleted_session_fails_only_its_own_streams(url: str) -> None:
    async with journal(url, batch_time=NEVER_MS) as handle:
        handle.begin_session("other", "agent")
        (lost, callbacks), (kept, _) = recorder(handle), recorder(handle, "u", "other")
        await handle.durable()
        beside = await Store.open(url)
        await history.delete(beside, "s")
        await beside.close()
        lost.event(tokens("t", 1, 1)[0])
        kept.event(tokens("u", 1, 1)[0])
        await kept.durable()
        assert await handle.store.events("u") == tokens("u", 1, 1)
        assert isinstance(await callbacks.until_failed(), RecordsRefused)
        lost.event(tokens("t", 2, 2)[0])  # the record is dropped
        with pytest.raises(RecordsRefused):
            await lost.durable()
        await handle.durable()


async def test_an_event_that_was_already_written_fails_only_its_session(url: str) -> None:
    async with journal(url) as handle:
        writer, callbacks = recorder(handle)
        for event in (*tokens("t", 1, 3), *tokens("t", 3, 3)):
            writer.event(event)
            with suppress(RecordsRefused):
                await writer.durable()
        assert [str(failure) for failure in callbacks.failures] == [
            "expected event 4 of stream t or a later one, got 3"
        ]
        assert await handle.store.events("t") == tokens("t", 1, 3)


async def test_a_journal_that_stops_writes_all_waiting_records(url: str) -> None:
    pid, handle = await started(url, batch_time=NEVER_MS)
    handle.begin_session("s", "agent")
    writer, callbacks = recorder(handle)
    writer.event(tokens("t", 1, 1)[0])
    await stop(pid)
    assert callbacks.seqs == [1]
    with pytest.raises(WriteFailed, match="the journal has ended"):
        await writer.durable()
    await _holds(url, 1)


async def test_a_system_that_closes_writes_all_waiting_records(url: str) -> None:
    async with AsyncioSystemBase():
        _, handle = await started(url, batch_time=NEVER_MS)
        handle.begin_session("s", "agent")
        writer, callbacks = recorder(handle)
        writer.event(tokens("t", 1, 1)[0])
    assert callbacks.seqs == [1]
    await _holds(url, 1)


async def test_a_killed_journals_recorders_fail_and_the_next_one_writes(url: str) -> None:
    pid, old = await started(url)
    old.begin_session("s", "agent")
    writer, callbacks = recorder(old)
    writer.event(tokens("t", 1, 1)[0])
    await writer.durable()
    send_exit(pid, KILL)
    await end_of(pid)
    writer.event(tokens("t", 2, 2)[0])
    with pytest.raises(WriteFailed, match="the journal was killed"):
        await writer.durable()
    assert len(callbacks.failures) == 1
    with pytest.raises(WriteFailed):
        await old.durable()
    async with journal(url) as handle:
        (cut,) = await handle.store.open_streams()
        assert cut.last_seq == 1


async def test_a_journal_whose_store_was_claimed_ends_as_fenced(url: str) -> None:
    pid, handle = await started(url)
    handle.begin_session("s", "agent")
    writer, callbacks = recorder(handle)
    await writer.durable()
    other = await Store.open(url)
    await other.claim()
    writer.event(tokens("t", 1, 1)[0])
    with pytest.raises(Fenced):
        await writer.durable()
    assert isinstance(await end_of(pid), Fenced)
    assert isinstance(callbacks.failures[0], Fenced)
    assert await other.events("t") == []
    await other.close()


async def test_a_record_of_a_wrong_type_fails_only_its_session_and_the_journal_lives(url: str) -> None:
    async with journal(url) as handle:
        writer, callbacks = recorder(handle)
        writer.ended("nonsense", None, None, SAID)  # type: ignore[arg-type]
        with pytest.raises(RecordsRefused, match=r"^expected a record of a session, got one that can't be written"):
            await writer.durable()
        assert len(callbacks.failures) == 1
        handle.begin_session("other", "agent")
        beside, _ = recorder(handle, "u", "other")
        await beside.durable()


async def test_without_durability_there_is_no_journal() -> None:
    with pytest.raises(StartFailed) as ignored:
        await start(Journal, SessionSettings(durability=Durability.OFF))
    assert ignored.value.reason is IGNORE
    assert await open_journal() is None


async def test_a_journal_without_a_store_does_not_start() -> None:
    settings = SessionSettings(url="sqlite:////dev/null/x.db", durability=Durability.BATCHED)
    with pytest.raises(StartFailed) as failed:
        await start(Journal, settings)
    assert isinstance(failed.value.reason, StoreUnavailable)


async def _holds(url: str, last_seq: int) -> None:
    store = await Store.open(url)
    assert await store.events("t") == tokens("t", 1, last_seq)
    await store.close()
