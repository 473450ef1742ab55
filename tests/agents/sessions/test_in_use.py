"""A store that two OS processes use: one of them writes, and errors name the process that blocks."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents.sessions import Store, StoreInUse, StoreUnavailable, WriteFailed, engine, history
from tests.agents.sessions.keeping import batch, begun, tokens
from tests.waiting import eventually

CLAIM = """
import asyncio, sys
from agents.sessions import Store

async def main():
    store = await Store.open(sys.argv[1])
    await store.claim()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(main())
"""

WRITE = """
import asyncio, sys
from agents.sessions import SessionError, Store
from tests.agents.sessions.keeping import begun

async def main():
    store = await Store.open(sys.argv[1])
    await store.claim()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        await store.write(begun())
    except SessionError as failed:
        print(type(failed).__name__, flush=True)

asyncio.run(main())
"""

ELSEWHERE = """
import socket

socket.gethostname = lambda: "elsewhere"
from agents.sessions import lease

lease.LEASE_S, lease.BEAT_S = 1.5, 0.2
"""
"""A prefix of a program, which then runs as if on another host, with a shorter lease."""

LOCK = """
import sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def other(program: str, argument: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, argument, stdin=PIPE, stdout=PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate(b"")


async def test_nothing_is_deleted_in_a_store_whose_writer_lives(url: str) -> None:
    store = await Store.open(url)
    await store.claim()
    await store.write(begun())
    await store.close()
    async with other(CLAIM, url) as process:
        store = await Store.open(url)
        with pytest.raises(StoreInUse, match=f"^the store is in use by pid {process.pid}$"):
            await history.delete(store, "s")
        await history.rename(store, "s", "Title")
        assert [each.title for each in await store.sessions()] == ["Title"]
    await history.delete(store, "s")
    assert await store.count() == 0
    await store.close()


async def test_a_store_whose_writer_lives_cannot_be_claimed(url: str) -> None:
    async with other(CLAIM, url) as process:
        store = await Store.open(url)
        for taking in (store.claim, store.check_free):
            with pytest.raises(StoreUnavailable, match=f"^the store is in use by pid {process.pid}$"):
                await taking()
        assert await store.sessions() == []  # a reader does not disturb the writer
        await store.close()


@pytest.mark.parametrize("end", ["kill", "close"])
async def test_a_store_whose_writer_is_gone_can_be_claimed(url: str, end: str) -> None:
    async with other(CLAIM, url) as process:
        if end == "kill":
            process.kill()
        await process.communicate(b"")
    store = await Store.open(url)
    await store.claim()
    await store.write(begun())
    await store.close()


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_writer_on_another_host_keeps_its_store_until_it_is_killed(url: str) -> None:
    async with other(ELSEWHERE + CLAIM, url) as process:
        store = await Store.open(url)
        for taking in (store.claim, store.check_free):
            with pytest.raises(StoreInUse, match=f"^the store is in use by pid {process.pid} of host elsewhere$"):
                await taking()
        process.kill()
        await process.wait()
        await _claimed_soon(store)
        await store.write(begun())
        await store.close()


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_writer_on_another_host_that_is_stopped_loses_its_store_and_is_fenced(url: str) -> None:
    async with other(ELSEWHERE + WRITE, url) as process:
        process.send_signal(signal.SIGSTOP)
        store = await Store.open(url)
        await _claimed_soon(store)
        process.send_signal(signal.SIGCONT)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        assert process.stdout is not None
        assert await process.stdout.readline() == b"Fenced\n"
        assert await store.count() == 0
        await store.close()


async def _claimed_soon(store: Store) -> None:
    """Claim the store as soon as the other writer has no lease."""

    async def claimed() -> bool:
        try:
            await store.claim()
        except StoreInUse:
            return False
        return True

    await eventually(claimed, what="the end of the other writer's lease", pause_s=0.1)


async def test_the_process_that_locks_the_store_is_named_and_a_retry_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_S", 0.05)
    file = tmp_path / "sessions.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    await store.write(begun(events=3))
    async with other(LOCK, str(file)) as process:
        with pytest.raises(WriteFailed, match=f"it is in use by pid {process.pid}$"):
            await store.write(batch(events=[("t", tokens("t", 4, 4))]))
        assert await store.events("t") == tokens("t", 1, 3)
    await store.write(batch(events=[("t", tokens("t", 4, 4))]))
    await store.close()
