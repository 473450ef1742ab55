"""The cost of keeping a stream: the journal's share of a token, and the time to read a stream again."""

import time
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct

from actors import AsyncioSystemBase, call, start
from actors import stop as stop_process
from agents.core.events import StreamToken
from agents.sessions import JournalHandle, Store, StreamStatus
from agents.sessions.journal import Journal, OpenJournal
from agents.settings import Durability, SessionSettings
from benchmarks.ours import to_process, to_process_kept
from benchmarks.workload import QUESTION, Load, Measured, cpu_us_a_token

SESSION: Final = "bench"
RESUMES: Final = 9
PAGE: Final = 20  # events per row, with a flush every 20 ms and a token every millisecond


class Sizes(Struct, frozen=True):
    """The sizes of the runs. events: of the stream that is read again."""

    events: int = 2000


async def journal_us(base_url: str, load: Load, name: str) -> Measured:
    """Return CPU microseconds per token of an agent, and the addition for kept sessions."""
    plain = await cpu_us_a_token(to_process, base_url, load)
    kept = await cpu_us_a_token(to_process_kept, base_url, load)
    return {f"{name}_agent": plain, f"{name}_journal": kept - plain}


async def resume_ms(sizes: Sizes) -> Measured:
    """Read a whole stream from the store, as a client that reconnects with nothing: the first time, and the median."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/sessions.db"
        async with AsyncioSystemBase():
            journal = await start(Journal, SessionSettings(url=url, durability=Durability.BATCHED))
            await _record(await call(journal, OpenJournal()), sizes.events)
            await stop_process(journal)
        store = await Store.open(url)
        took_s = [await _read_s(store, sizes.events) for _ in range(RESUMES)]
        await store.close()
    return {"resume_first_ms": took_s[0] * 1000, "resume_ms": median(took_s) * 1000}


async def _record(handle: JournalHandle, events: int) -> None:
    handle.begin_session(SESSION, "agent")
    recorder = handle.recorder(SESSION, "stream", QUESTION, on_durable=_nothing, on_failure=_fail)
    for seq in range(1, events + 1):
        recorder.event(StreamToken(f" w{seq}", stream_id="stream", seq=seq))
        if seq % PAGE == 0:
            await recorder.durable()
    recorder.ended(StreamStatus.COMPLETE, None, None, ())
    await recorder.durable()


async def _read_s(store: Store, events: int) -> float:
    began_s = time.perf_counter()
    found = await store.events("stream")
    took_s = time.perf_counter() - began_s
    assert len(found) == events, len(found)
    return took_s


def _nothing(_seq: int) -> None:
    """Ignore on_durable, as nobody waits."""


def _fail(failure: Exception) -> None:
    raise failure
