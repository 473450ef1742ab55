"""A disk that is full, and files whose bytes are not what was written."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from agents.core.events import StreamToken
from agents.sessions import JournalHandle, Recorder, SessionError, Store, StoreFailed, history
from tests.agents.sessions.keeping import batch, begun, ended, tokens
from tests.agents.sessions.recorded import Told, journal, recorder

TEXT = "x" * 10_000


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]).returncode:
        pytest.skip("no small disk can be mounted here: that takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def enlarge(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)


async def limit_pages(store: Store, pages: int) -> None:
    assert store._connection is not None
    async with store._connection.begin():
        await store._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


@pytest.mark.usefixtures("system")
async def test_a_full_disk_fails_those_who_record_and_all_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path):
        async with journal(f"sqlite:///{tmp_path}/sessions.db") as handle:
            writer, told = recorder(handle)
            await writer.durable()
            seq = await _record_until_full(handle, writer, told)
            enlarge(tmp_path)
            await _goes_on(handle, writer, seq)


@pytest.mark.usefixtures("system")
async def test_a_database_at_its_limit_is_as_a_full_disk(tmp_path: Path) -> None:
    async with journal(f"sqlite:///{tmp_path}/sessions.db") as handle:
        writer, told = recorder(handle)
        await writer.durable()
        await limit_pages(handle.store, 100)
        seq = await _record_until_full(handle, writer, told)
        await handle.store.clear_log()
        await _goes_on(handle, writer, seq)  # the limit was that connection's, and a write that fails takes a new one


async def _record_until_full(handle: JournalHandle, writer: Recorder, told: Told) -> int:
    """How many events were recorded until a write failed."""
    seq = 0
    while not told.failures:
        seq += 1
        writer.event(StreamToken(TEXT, stream_id="t", seq=seq))
        await asyncio.sleep(0)
    assert type(told.failures[0]) is StoreFailed
    assert re.fullmatch(r"the store at [^\n]+ can't be written: [^\n]*full[^\n]*", str(told.failures[0]))
    kept = await handle.store.events("t")  # reading goes on
    assert [event.seq for event in kept] == list(range(1, len(kept) + 1))
    assert len(kept) < seq
    return seq


async def _goes_on(handle: JournalHandle, writer: Recorder, seq: int) -> None:
    await writer.durable()
    other, _ = recorder(handle, "u")
    other.event(tokens("u", 1, 1)[0])
    await other.durable()
    assert [event.seq for event in await handle.store.events("t")] == list(range(1, seq + 1))


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
    return file.read_bytes()  # noqa: ASYNC240 (small)


async def _read_all(url: str) -> str:
    """What it is refused with, if it is."""
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
