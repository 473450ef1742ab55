"""A full disk, and files whose bytes were changed."""

import re
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy.event import listen

from agents.sessions import JournalHandle, Recorder, SessionError, Store, WriteFailed, history
from agents.sessions.transactions import FileTransactions
from tests.agents.sessions.keeping import batch, begun, ended, tokens
from tests.agents.sessions.recorded import Callbacks, journal, recorder
from tests.small_disk import enlarge, small_disk

TEXT = "x" * 10_000


@pytest.mark.usefixtures("system")
async def test_a_full_disk_fails_recorders_until_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path):
        async with journal(f"sqlite:///{tmp_path}/sessions.db") as handle:
            writer, callbacks = recorder(handle)
            await writer.durable()
            seq = await _record_until_full(handle, writer, callbacks)
            enlarge(tmp_path)
            await _goes_on(handle, writer, seq)


@pytest.mark.usefixtures("system")
async def test_a_database_at_its_limit_acts_like_a_full_disk(tmp_path: Path) -> None:
    limit = 100

    def limited(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit}")

    async with journal(f"sqlite:///{tmp_path}/sessions.db") as handle:
        transactions = handle.store._transactions
        assert isinstance(transactions, FileTransactions)
        listen(transactions.engine, "checkout", limited)
        await transactions.drop()
        writer, callbacks = recorder(handle)
        await writer.durable()
        seq = await _record_until_full(handle, writer, callbacks)
        limit = 1_000_000
        await _goes_on(handle, writer, seq)


async def _record_until_full(handle: JournalHandle, writer: Recorder, callbacks: Callbacks) -> int:
    """Record until a write fails, and return the number of events."""
    seq = 0
    while not callbacks.failures:
        for event in tokens("t", seq + 1, seq + 20, TEXT):
            writer.event(event)
        seq += 20
        with suppress(WriteFailed):
            await writer.durable()
    assert type(callbacks.failures[0]) is WriteFailed
    assert re.fullmatch(r"the store at [^\n]+ can't be written: [^\n]*full[^\n]*", str(callbacks.failures[0]))
    kept = await handle.store.events("t")  # reads still work
    assert [each.seq for each in kept] == list(range(1, len(kept) + 1))
    assert len(kept) < seq
    return seq


async def _goes_on(handle: JournalHandle, writer: Recorder, seq: int) -> None:
    await writer.durable()
    other, _ = recorder(handle, "u")
    other.event(tokens("u", 1, 1)[0])
    await other.durable()
    assert [each.seq for each in await handle.store.events("t")] == list(range(1, seq + 1))


async def test_a_file_that_was_moved_is_written_again_when_it_is_back(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    await store.write(begun(events=3))
    moved = file.rename(tmp_path / "elsewhere")
    with pytest.raises(WriteFailed, match=r"can't be written: its file was moved or deleted$"):
        await store.write(batch(events=[("t", tokens("t", 4, 4))]))
    moved.rename(file)
    await store.write(batch(events=[("t", tokens("t", 4, 4))]))
    assert await store.events("t") == tokens("t", 1, 4)
    await store.close()


@pytest.mark.parametrize("seed", range(3))
async def test_damaged_files_are_one_line_or_read_as_they_are(tmp_path: Path, seed: int) -> None:
    whole = await _file_with_a_session(tmp_path / "whole.db")
    random = Random(seed)
    for number in range(25):
        file = tmp_path / f"damaged-{number}.db"
        damaged = bytearray(whole)
        for _ in range(random.choice([1, 10, 100])):
            damaged[random.randrange(len(whole))] ^= 1 << random.randrange(8)
        file.write_bytes(damaged if number % 5 else whole[: random.randrange(len(whole))])
        assert "\n" not in await _read_all(f"sqlite:///{file}")


async def _file_with_a_session(file: Path) -> bytes:
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    await store.write(begun(events=50))
    await store.write(batch(ended=[ended("t")]))
    await store.close()
    return file.read_bytes()


async def _read_all(url: str) -> str:
    """Read everything, and return the refusal, if any."""
    try:
        store = await Store.open(url)
    except SessionError as error:
        return str(error)
    try:
        for session in await store.sessions():
            [line async for line in history.export(store, session.id)]
        await store.open_streams()
        await store.events("t")
    except SessionError as error:
        return str(error)
    finally:
        await store.close()
    return ""
