"""A store whose rows somebody changed by hand: SQLite keeps a value of any type in any column."""

import asyncio
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from agents.core.checkpoint import TurnCheckpoint
from agents.core.conversation import UserMessage
from agents.sessions import Checkpoint, Store, StoreDamaged, history
from agents.sessions.checkpoints import CheckpointWriter, read_checkpoint
from agents.sessions.payload import keepable
from tests.agents.sessions.keeping import batch, begun, ended

VALUES = (
    "5",
    "-1",
    "9223372036854775807",
    "1.5",
    "9e999",
    "'abc'",
    "''",
    "'a' || char(0)",
    "x'00ff80'",
    "CAST(x'ffc0' AS TEXT)",
    "CAST('{}' AS BLOB)",
    "CAST('null' AS BLOB)",
    "x'22eda08022'",
)
COLUMNS = (
    *(f"sessions.{name}" for name in ("id", "owner", "name", "title", "config", "created_at", "updated_at")),
    *("sessions.message_count", "streams.id", "streams.session_id", "streams.message", "streams.status"),
    *("streams.begun_at", "streams.messages_from", "streams.usage", "streams.cost", "streams.checkpoint"),
    *("streams.checkpoint_seq", "streams.recoveries", "events.first_seq", "events.last_seq", "events.payload"),
    *("tail.number", "tail.first_seq", "tail.last_seq", "tail.payload"),
    *("messages.position", "messages.payload", "checkpoint_parts.number", "checkpoint_parts.payload"),
)


async def _written(file: Path, *sessions: str) -> None:
    """Write a store whose events are packed, and beside it the file tail.db: a copy from before they were."""
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    for session in (*sessions, "good"):
        await store.write(begun(session, session, events=3))
        state = TurnCheckpoint((UserMessage("?"),))
        head, parts = CheckpointWriter(None).written(state)
        await store.write(batch(checkpoints=[Checkpoint(session, 3, head, parts=parts)]))
    await store.write(batch(ended=[ended("good", "good")]))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"VACUUM INTO '{file.with_name('tail.db')}'")
    await store.close()


def _tamper(file: Path, statement: str) -> None:
    """Nothing changes for a value that the table does not take."""
    with closing(sqlite3.connect(file)) as connection, connection, suppress(sqlite3.IntegrityError):
        connection.execute(statement)


async def _read_all(store: Store, session_id: str) -> None:
    """Each read gives a value, or says in one line that the store is damaged."""
    for read in (store.session, store.streams, store.open_streams, store.events):
        with suppress(StoreDamaged):
            await read(session_id)
    with suppress(StoreDamaged):
        for cut in await store.open_streams(session_id):
            assert cut.checkpoint is None or read_checkpoint(cut.checkpoint).messages
    with suppress(StoreDamaged):
        _ = [line async for line in history.export(store, session_id)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store that no test changes. It has a session for each value."""
    folder = tmp_path_factory.mktemp("whole")
    asyncio.run(_written(folder / "sessions.db", *map(str, range(len(VALUES)))))
    assert {each.name for each in folder.iterdir()} == {"sessions.db", "tail.db"}
    return folder


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_value_of_any_kind_concerns_its_own_session(whole: Path, tmp_path: Path, column: str) -> None:
    table, _, name = column.partition(".")
    file = Path(shutil.copy(whole / ("tail.db" if table == "tail" else "sessions.db"), tmp_path))
    of = {
        "sessions": "id",
        "tail": "(SELECT id FROM streams WHERE streams.number = tail.number)",
        "events": "stream_id",
        "checkpoint_parts": "stream_id",
    }.get(table, "session_id")
    for number, value in enumerate(VALUES):
        _tamper(file, f"UPDATE {table} SET {name} = {value} WHERE {of} = '{number}'")
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    listed = [each.id for each in await store.sessions()]
    assert "good" in listed
    assert all(map(keepable, (*listed, *await store.cut_sessions())))
    for session in listed:
        await _read_all(store, session)
    assert len([line async for line in history.export(store, "good")]) == 7
    await store.write(begun("new", "new", events=1))
    await store.close()


async def test_a_list_goes_on_after_sessions_whose_ids_no_caller_can_name(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    for number in range(6):
        await store.write(begun(f"t{number}", f"s{number}"))
    for number in (2, 3, 4):
        _tamper(file, f"UPDATE sessions SET id = x'ff' || {number} WHERE id = 's{number}'")
    first = await store.sessions(limit=2)
    second = await store.sessions(first[-1].id, limit=2)
    assert [each.id for each in (*first, *second)] == ["s5", "s1", "s0"]
    assert await store.sessions(second[-1].id) == []
    await store.close()


async def test_a_list_goes_on_after_a_session_that_can_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    await _written(file, "bad")
    _tamper(file, "UPDATE sessions SET message_count = 'many' WHERE id = 'good'")
    store = await Store.open(f"sqlite:///{file}")
    with pytest.raises(StoreDamaged, match="expected an integer, got str"):
        await store.session("good")
    assert await store.has_session("good")
    assert [each.id for each in await store.sessions("good")] == ["bad"]
    await store.close()


async def test_seqs_that_are_not_those_of_the_events_are_damage(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    await _written(file)
    _tamper(file, f"UPDATE events SET last_seq = {2**62} WHERE stream_id = 'good'")
    store = await Store.open(f"sqlite:///{file}")
    with pytest.raises(StoreDamaged, match="seqs"):
        await store.events("good", 0, 512)
    with pytest.raises(StoreDamaged):
        [line async for line in history.export(store, "good")]
    await store.close()


async def test_a_conversation_that_is_shorter_than_its_count_is_damage(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    await _written(file)
    _tamper(file, f"UPDATE sessions SET message_count = {2**62} WHERE id = 'good'")
    store = await Store.open(f"sqlite:///{file}")
    with pytest.raises(StoreDamaged, match="messages"):
        [line async for line in history.export(store, "good")]
    await store.close()


@pytest.mark.parametrize("owner", ["'garbage'", "''", "'a b c d'", "'vm boot -1 5'", "CAST(x'ff' AS TEXT)", "5"])
async def test_a_writer_that_is_no_process_does_not_keep_the_store(tmp_path: Path, owner: str) -> None:
    file = tmp_path / "sessions.db"
    await _written(file)
    _tamper(file, f"UPDATE writer SET owner = {owner}")
    store = await Store.open(f"sqlite:///{file}")
    await store.claim()
    await store.write(begun("new", "new"))
    await store.close()


async def test_an_epoch_without_a_next_one_is_damage(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    await _written(file)
    _tamper(file, f"UPDATE writer SET epoch = {2**31 - 1}")
    store = await Store.open(f"sqlite:///{file}")
    with pytest.raises(StoreDamaged, match="epoch"):
        await store.claim()
    await store.close()
