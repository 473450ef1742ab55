"""A journal that is killed leaves no connection open, no waiter without an answer, and no published end unwritten."""

import asyncio
import threading
from pathlib import Path

import pytest

from actors import KILL, AsyncioSystemBase, Mailbox, Pid, ended
from actors import exit as send_exit
from agents.core.conversation import Function, ToolCall
from agents.core.errors import StoreFailed
from agents.core.events import StreamError, StreamToolProgress
from agents.sessions import JournalEnded, RecordsRefused, StreamStatus
from agents.streams.kept import KeptStream
from tests.agents.sessions.keeping import tokens
from tests.agents.sessions.recorded import journal, recorder, started

NEVER_MS = 3_600_000
END = StreamError(StoreFailed("not kept"), stream_id="t", seq=2)
NOT_DATA = StreamToolProgress(ToolCall("c", Function("look", "{}")), object(), stream_id="t", seq=1)


async def kill(journal: Pid) -> None:
    send_exit(journal, KILL)
    await ended(journal)


async def test_a_killed_journal_that_no_recorder_uses_leaves_no_connection_open(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    async with AsyncioSystemBase():
        pid, handle = await started(f"sqlite:///{tmp_path}/sessions.db")
        await handle.durable()
        await handle.check_writable()
        await kill(pid)
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(30)  # a connection's thread reports its end slightly early
    assert not [thread for thread in left if thread.is_alive()]


@pytest.mark.usefixtures("system")
async def test_a_caller_that_waits_for_a_journal_that_is_killed_gets_an_error(tmp_path: Path) -> None:
    pid, handle = await started(f"sqlite:///{tmp_path}/sessions.db", batch_time=NEVER_MS)
    handle.begin_session("s", "agent")
    await handle.durable()
    writer, callbacks = recorder(handle)
    writer.event(tokens("t", 1, 1)[0])
    of_stream, of_all = asyncio.create_task(writer.durable()), asyncio.create_task(handle.durable())
    await asyncio.sleep(0)  # both begin to wait
    await kill(pid)
    for waits in (of_stream, of_all):
        with pytest.raises(JournalEnded, match="the journal was killed"):
            await waits
    assert [type(failure) for failure in callbacks.failures] == [JournalEnded]


@pytest.mark.usefixtures("system")
async def test_a_published_end_is_written_by_the_next_journal_if_the_journal_was_killed_first(url: str) -> None:
    pid, handle = await started(url, batch_time=NEVER_MS)
    handle.begin_session("s", "agent")
    writer, callbacks = recorder(handle)
    await writer.durable()
    writer.event(NOT_DATA)
    writer.checkpoint(b"")
    assert isinstance(await callbacks.until_failed(), RecordsRefused)
    writer.event(END)
    writer.ended(StreamStatus.ERROR, None, None, ())
    await kill(pid)
    async with journal(url) as next_:
        assert await next_.store.events("t") == [END]
        assert await next_.store.open_streams() == []


@pytest.mark.usefixtures("system")
async def test_an_end_that_subscribers_get_because_the_journal_was_killed_is_written_by_the_next_one(url: str) -> None:
    pid, handle = await started(url, batch_time=NEVER_MS)
    handle.begin_session("s", "agent")
    writer, _ = recorder(handle)
    await writer.durable()
    async with Mailbox() as box:
        stream = KeptStream("t", box.pid, (box.pid,), writer, buffer_size=None, before=(), ahead=0, cut=None)
        stream.publish(END)  # held until it is on disk
        await kill(pid)
        while (event := await box.receive(60)) != END:
            assert not isinstance(event, StreamError)
    async with journal(url) as next_:
        assert await next_.store.events("t") == [END]
        assert await next_.store.open_streams() == []
