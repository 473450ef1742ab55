"""A journal for tests, and the calls that a recorder makes to its owner."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors import Pid, register, start, stop
from agents.sessions import JOURNAL, Journal, JournalHandle, Recorder, WriteFailed, open_journal
from agents.settings import Durability, SessionSettings
from tests.agents.sessions.keeping import QUESTION


class Callbacks:
    """The arguments of a recorder's callbacks."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.failures: list[WriteFailed] = []
        self._changed = asyncio.Event()

    def durable(self, seq: int) -> None:
        self.seqs.append(seq)
        self._changed.set()

    def failed(self, failure: WriteFailed) -> None:
        self.failures.append(failure)
        self._changed.set()

    async def until(self, seq: int) -> None:
        while not self.seqs or self.seqs[-1] < seq:
            self._changed.clear()
            await self._changed.wait()

    async def until_failed(self) -> WriteFailed:
        while not self.failures:
            self._changed.clear()
            await self._changed.wait()
        return self.failures[-1]


def recorder(handle: JournalHandle, stream_id: str = "t", session_id: str = "s") -> tuple[Recorder, Callbacks]:
    callbacks = Callbacks()
    return (
        handle.recorder(session_id, stream_id, QUESTION, on_durable=callbacks.durable, on_failure=callbacks.failed),
        callbacks,
    )


async def started(
    url: str,
    durability: Durability = Durability.BATCHED,
    batch_time: int = 20,
    batch_events: int = 64,
    store_grace: int | None = None,
) -> tuple[Pid, JournalHandle]:
    settings = SessionSettings(
        url=url, durability=durability, batch_time=batch_time, batch_events=batch_events, store_grace=store_grace
    )
    journal = await start(Journal, settings)
    register(JOURNAL, journal)
    handle = await open_journal()
    assert handle is not None
    return journal, handle


@asynccontextmanager
async def journal(
    url: str,
    durability: Durability = Durability.BATCHED,
    batch_time: int = 20,
    batch_events: int = 64,
    store_grace: int | None = None,
) -> AsyncIterator[JournalHandle]:
    """Run a journal with a session s."""
    pid, handle = await started(url, durability, batch_time, batch_events, store_grace)
    handle.begin_session("s", "agent")
    try:
        yield handle
    finally:
        if pid.alive:
            await stop(pid)
