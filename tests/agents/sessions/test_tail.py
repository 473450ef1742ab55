"""Laws of the compact form: events are read back as they were, from the tail and packed, and take little room."""

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import func, select, update

from agents.core.conversation import Function, ToolCall
from agents.core.events import (
    Event,
    StreamFunctionArgumentsDelta,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamToken,
    StreamToolProgress,
)
from agents.sessions import RecordsRefused, Store, StoreDamaged, history
from agents.sessions.packing import LARGEST, packed, read, runs_of, written
from agents.sessions.tables import EVENTS, TAIL
from agents.sessions.tail import FEWEST, SLICE
from tests.agents.sessions.keeping import batch, begun, ended, session, stream, tokens

LIVE_BYTES, FINISHED_BYTES = 60, 15
CALL = ToolCall("c", Function("look", "{}"))
WORDS = ("the", "understudy", "goes", "on", "when", "an", "actor", "falls", "token", "of", "a", "stream")

texts = st.text(st.characters(codec=None), min_size=1, max_size=5)
times = st.none() | st.floats(0, 2e9) | st.integers(2**52, 2**53).map(lambda units: units / 2**22)
kinds = st.one_of(
    st.builds(StreamToken, texts),
    st.builds(StreamToken, texts, joined=st.integers(1, 2)),
    st.builds(StreamReasoning, texts),
    st.builds(StreamFunctionArgumentsDelta, st.integers(0, 1), texts),
    st.builds(StreamToolProgress, st.just(CALL), texts),
    st.just(StreamFunctionExecutionStart()),
)
events = st.lists(st.tuples(kinds, times, st.integers(1, 2), st.sampled_from(["t", "u"])), min_size=1, max_size=20).map(
    lambda each: [
        replace(event, at=at, attempt=attempt, stream_id=stream_id, seq=seq)
        for seq, (event, at, attempt, stream_id) in enumerate(each, 1)
    ]
)


@given(st.lists(events, min_size=1, max_size=4))
def test_events_are_read_back_as_they_were_from_the_tail_and_packed(flushes: list[list[Event]]) -> None:
    said = [event for flush in flushes for event in flush]
    said = [replace(event, seq=seq) for seq, event in enumerate(said, 1)]
    rows, seq = [], 1
    for flush in flushes:
        some = said[seq - 1 : seq - 1 + len(flush)]
        rows.append(written("t", some))
        assert read("t", seq, rows[-1]) == some
        seq += len(flush)
    assert read("t", 1, packed(run for row in rows for run in runs_of(row))) == said


@pytest.mark.parametrize("payload", [b"", b"x", b"[", b"\x91", b"\x91\x93\x00\x01\x00", b"\xc1", None, "x", 5])
def test_a_payload_that_is_not_runs_is_damage(payload: object) -> None:
    with pytest.raises(StoreDamaged, match=r"^the store is damaged: [^\n]+$"):
        read("t", 1, payload)


def test_a_list_of_runs_above_the_limit_is_not_compressed() -> None:
    said: list[Event] = [StreamToken("x" * LARGEST, stream_id="t", seq=1)]
    payload = packed(runs_of(written("t", said)))
    assert len(payload) > LARGEST
    assert read("t", 1, payload) == said


async def in_tail(store: Store) -> int:
    async with store.changing() as connection:
        return int((await connection.execute(select(func.count()).select_from(TAIL))).scalar_one())


async def test_the_tail_stays_short_and_every_seq_can_be_asked_for(store: Store) -> None:
    ids = [f"t{number}" for number in range(20)]
    await store.write(batch([session("s")], [stream(id_) for id_ in ids]))
    flushes = (2 * FEWEST + SLICE) // len(ids)
    for seq in range(1, flushes + 1):
        await store.write(batch(events=[(id_, tokens(id_, seq, seq)) for id_ in ids]))
    assert 0 < await in_tail(store) <= FEWEST
    found = await store.stream("t7")
    assert found is not None
    assert found.last_seq == flushes
    assert await store.events("t7") == tokens("t7", 1, flushes)
    for after in (0, 1, flushes // 2, flushes - 2):
        assert await store.events("t7", after, 2) == tokens("t7", after + 1, after + 2)
    await store.close()
    assert await in_tail(store) == 0


async def test_a_claim_moves_what_a_killed_writer_left_in_the_tail(url: str) -> None:
    killed, beside = await Store.open(url), await Store.open(url)
    await killed.claim()
    await killed.write(begun(events=3))
    assert await in_tail(beside) == 1
    await beside.claim()
    assert await in_tail(beside) == 0
    assert await beside.events("t") == tokens("t", 1, 3)
    for store in (killed, beside):
        await store.close()


async def test_a_damaged_row_of_the_tail_costs_only_its_own_events(store: Store) -> None:
    await store.write(begun(events=3))
    for first in (4, 7):
        await store.write(batch(events=[("t", tokens("t", first, first + 2))]))
    async with store.changing() as connection:
        await connection.execute(update(TAIL).where(TAIL.c.first_seq == 4).values(payload=b"\x91\x00"))
    await store.close()
    assert await in_tail(store) == 0
    assert await store.events("t", 0, 3) == tokens("t", 1, 3)
    assert await store.events("t", 6) == tokens("t", 7, 9)
    with pytest.raises(StoreDamaged):
        await store.events("t", 3, 3)


async def test_events_of_a_deleted_stream_do_not_join_a_later_one(store: Store) -> None:
    await store.write(begun("old", "first"))
    beside = await Store.open(store.url)
    await history.delete(beside, "first")
    await beside.close()
    await store.write(begun("new", "second"))
    with pytest.raises(RecordsRefused):
        await store.write(batch(events=[("old", tokens("old", 4, 6))]))
    assert await store.events("new") == tokens("new", 1, 3)


async def test_a_deleted_session_leaves_nothing_in_the_tail(store: Store) -> None:
    await store.write(begun("t", "s"))
    await store.write(begun("u", "other"))
    beside = await Store.open(store.url)
    await history.delete(beside, "s")
    await beside.close()
    async with store.changing() as connection:
        left = (await connection.execute(select(EVENTS.c.stream_id))).scalars().all()
    assert (left, await in_tail(store)) == (["u"], 0)


async def test_a_token_of_ten_bytes_takes_few_bytes_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    random, ids = Random(1), [f"{number:032x}" for number in range(40)]
    await store.write(batch([session("s")], [stream(id_) for id_ in ids]))
    empty = _bytes(file)
    for seq in range(1, 101):
        await store.write(batch(events=[(id_, [_token(random, id_, seq)]) for id_ in ids]))
    live = _bytes(file)
    await store.write(batch(ended=[ended(id_) for id_ in ids]))
    await store.close()
    said = 100 * len(ids)
    assert (live - empty) / said < LIVE_BYTES
    assert (_bytes(file) - empty) / said < FINISHED_BYTES


def _token(random: Random, stream_id: str, seq: int) -> StreamToken:
    text = f" {random.choice(WORDS)} {random.choice(WORDS)}"[:10]
    return StreamToken(text, stream_id=stream_id, seq=seq, at=1.79e9 + seq * 0.05 + random.gauss(0, 0.001))


def _bytes(file: Path) -> int:
    """Return the bytes of the file's pages that are in use."""
    with closing(sqlite3.connect(file)) as connection:
        size, count, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
        )
    return int(size * (count - free))
