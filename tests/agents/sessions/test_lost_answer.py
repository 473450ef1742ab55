"""A write that was committed although its answer was lost is in the store once, and fails nothing else."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect

from actors import stop
from agents.core.errors import StoreFailed
from agents.core.events import StreamComplete, StreamError
from agents.core.response import Response
from agents.sessions import RecordsRefused, Store, StreamStatus, WriteFailed
from agents.sessions.waiting import Behind
from tests.agents.sessions.keeping import SAID, tokens
from tests.agents.sessions.recorded import journal, recorder, started

NEVER_MS = 3_600_000
GRACE_MS = 30_000
FAILED = StreamError(StoreFailed("not kept"), stream_id="t", seq=4)
COMPLETE = StreamComplete(Response("a b c", "a b c"), stream_id="t", seq=4)

pytestmark = pytest.mark.usefixtures("system")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def lose_next(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that makes SQLite fail after the next commit."""
    commit, faults = DefaultDialect.do_commit, [False]

    def commit_and_fail(dialect: DefaultDialect, connection: Any) -> None:
        commit(dialect, connection)  # type: ignore[no-untyped-call]
        if faults.pop():
            faults.append(False)
            raise sqlite3.OperationalError("disk I/O error")
        faults.append(False)

    monkeypatch.setattr(DefaultDialect, "do_commit", commit_and_fail)
    return lambda: faults.__setitem__(0, True)


@pytest.mark.parametrize("store_grace", [0, GRACE_MS])
async def test_a_committed_part_of_a_flush_is_not_refused_after_its_answer_was_lost(
    file: Path, lose_next: Callable[[], None], store_grace: int
) -> None:
    async with journal(f"sqlite:///{file}", batch_time=NEVER_MS, store_grace=store_grace) as handle:
        await handle.durable()
        handle.begin_session("a", "agent")
        handle.begin_session("bad", "agent", {"model": object()})
        handle.begin_session("c", "agent")
        (first, of_first), (last, of_last) = recorder(handle, "ta", "a"), recorder(handle, "tc", "c")
        lose_next()
        await asyncio.gather(first.durable(), last.durable(), return_exceptions=True)
        await asyncio.gather(handle.durable("a"), handle.durable("c"))
        assert not [each for each in of_first.failures + of_last.failures if isinstance(each, RecordsRefused)]
        assert {each.stream_id for each in await handle.store.open_streams()} == {"ta", "tc"}


async def test_a_committed_write_is_not_refused_after_the_grace(file: Path, lose_next: Callable[[], None]) -> None:
    async with journal(f"sqlite:///{file}", batch_time=NEVER_MS) as handle:
        writer, callbacks = recorder(handle)
        for event in tokens("t", 1, 3):
            writer.event(event)
        lose_next()
        with pytest.raises(WriteFailed):
            await writer.durable()
        writer.event(FAILED)
        writer.ended(StreamStatus.ERROR, None, None, SAID)
        await writer.durable()
        assert not [each for each in callbacks.failures if isinstance(each, RecordsRefused)]
        assert await handle.store.events("t") == [*tokens("t", 1, 3), FAILED]
        assert await handle.store.open_streams() == []
        assert handle.behind == Behind(0, 0.0)


async def test_an_end_that_was_committed_stays_and_is_not_written_twice(
    file: Path, lose_next: Callable[[], None]
) -> None:
    async with journal(f"sqlite:///{file}", batch_time=NEVER_MS) as handle:
        writer, callbacks = recorder(handle)
        for event in (*tokens("t", 1, 3), COMPLETE):
            writer.event(event)
        writer.ended(StreamStatus.COMPLETE, None, None, SAID)
        lose_next()
        await callbacks.until_failed()
        writer.end_as(FAILED)
        await handle.durable()
        assert await handle.store.events("t") == [*tokens("t", 1, 3), COMPLETE]
        assert await handle.store.conversation("s") == SAID
        assert await handle.store.open_streams() == []


async def test_an_end_that_was_not_written_is_replaced_in_the_next_try(file: Path, tmp_path: Path) -> None:
    async with journal(f"sqlite:///{file}", batch_time=NEVER_MS) as handle:
        writer, callbacks = recorder(handle)
        await handle.durable()
        file.rename(tmp_path / "away.db")
        for event in (*tokens("t", 1, 3), COMPLETE):
            writer.event(event)
        writer.ended(StreamStatus.COMPLETE, None, None, SAID)
        await callbacks.until_failed()
        writer.end_as(FAILED)
        (tmp_path / "away.db").rename(file)
        await handle.durable()
        assert await handle.store.events("t") == [*tokens("t", 1, 3), FAILED]
        info = await handle.store.stream("t")
        assert info is not None
        assert info.status is StreamStatus.ERROR


async def test_records_behind_an_unsure_write_fail_with_it_and_are_written_after_it(file: Path, tmp_path: Path) -> None:
    async with journal(f"sqlite:///{file}", batch_time=NEVER_MS) as handle:
        writer, _ = recorder(handle)
        await handle.durable()
        file.rename(tmp_path / "away.db")
        writer.event(tokens("t", 1, 1)[0])
        with pytest.raises(WriteFailed):
            await writer.durable()
        beside, callbacks = recorder(handle, "u")
        for event in (*tokens("t", 2, 2), *tokens("u", 1, 1)):
            (writer if event.stream_id == "t" else beside).event(event)
        assert handle.behind.events == 3
        with pytest.raises(WriteFailed):
            await beside.durable()
        with pytest.raises(WriteFailed):
            await handle.durable()
        assert callbacks.failures
        assert handle.behind.events == 3
        (tmp_path / "away.db").rename(file)
        await handle.durable()
        assert await handle.store.events("t") == tokens("t", 1, 2)
        assert await handle.store.events("u") == tokens("u", 1, 1)
        assert handle.behind == Behind(0, 0.0)


async def test_a_journal_that_stops_writes_the_unsure_records_and_those_that_wait(
    file: Path, lose_next: Callable[[], None]
) -> None:
    pid, handle = await started(f"sqlite:///{file}", batch_time=NEVER_MS)
    handle.begin_session("s", "agent")
    writer, callbacks = recorder(handle)
    writer.event(tokens("t", 1, 1)[0])
    lose_next()
    with pytest.raises(WriteFailed):
        await writer.durable()
    writer.event(tokens("t", 2, 2)[0])
    await stop(pid)
    assert callbacks.seqs == [1, 2]
    store = await Store.open(f"sqlite:///{file}")
    assert await store.events("t") == tokens("t", 1, 2)
    await store.close()
