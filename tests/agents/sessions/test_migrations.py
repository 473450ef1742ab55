"""Laws of the migrations: the steps end in the tables that the code defines."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.sessions import Store, StoreUnavailable, history, store_url
from agents.sessions.engine import new_engine
from agents.sessions.migrations import HEAD
from agents.sessions.payload import encoded
from agents.sessions.schema import METADATA
from agents.sessions.tables import EVENTS
from tests.agents.sessions.keeping import batch, begun, ended, tokens

T = TypeVar("T")


def differences(connection: Connection) -> object:
    return compare_metadata(MigrationContext.configure(connection), METADATA)


def steps(connection: Connection, last: str = "head") -> None:
    """Run the steps as far as this one."""
    config = Config()
    config.set_main_option("script_location", "agents.sessions:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, last)


def schema(connection: Connection) -> dict[str, object]:
    """Return all that the database knows of each table, without the order of columns, and the first rows."""
    found = inspect(connection)
    rows = connection.execute(text("SELECT id, epoch, owner, version_num FROM writer, alembic_version")).all()
    return {"": rows} | {
        table: (
            {each["name"]: (str(each["type"]), each["nullable"], each["default"]) for each in found.get_columns(table)},
            found.get_pk_constraint(table),
            found.get_foreign_keys(table),
            sorted(map(_described, found.get_indexes(table))),
        )
        for table in sorted(found.get_table_names())
    }


def _described(index: Any) -> str:
    """Return an index as text. The condition of one is an object, of which only the text counts."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return repr({**index, "dialect_options": options})


async def changed(url: str, change: Callable[[Connection], T]) -> T:
    """Change the database in one transaction, which makes it if it is missing."""
    engine = new_engine(store_url(url), create=True, deadline_s=5.0)
    async with engine.begin() as connection:
        done = await connection.run_sync(change)
    await engine.dispose()
    return done


async def test_a_new_store_is_as_the_steps_leave_an_old_one(url: str) -> None:
    await changed(url, lambda connection: steps(connection, "0001"))
    await (await Store.open(url)).close()
    migrated = await changed(url, schema)
    await changed(url, METADATA.drop_all)
    await changed(url, lambda connection: connection.execute(text("DROP TABLE alembic_version")))
    await (await Store.open(url)).close()
    assert await changed(url, schema) == migrated
    assert len(migrated) == len(METADATA.tables) + 2


async def test_the_migrated_schema_is_that_of_the_tables(store: Store) -> None:
    async with store.changing() as connection:
        assert await connection.run_sync(differences) == []


def test_the_head_is_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", "agents.sessions:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_many_may_open_an_empty_store_at_once(url: str) -> None:
    stores = await asyncio.gather(*(Store.open(url) for _ in range(4)))
    await stores[0].claim()
    await stores[0].write(begun(events=3))
    assert [await store.events("t") for store in stores] == [tokens("t", 1, 3)] * 4
    for store in stores:
        await store.close()


async def test_a_store_of_a_newer_version_is_refused_and_left_unchanged(url: str) -> None:
    store = await Store.open(url)
    async with store.changing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=rf"^expected a store of schema {HEAD} or older, got 9999: [^\n]+$"):
            await Store.open(url)
    await store.close()


async def test_sessions_older_than_owners_have_no_owner(url: str) -> None:
    store = await Store.open(url)
    await store.claim()
    await store.write(begun(events=3))
    await store.close()
    store = await Store.open(url)
    async with store.changing() as connection:  # as the previous step left it
        await connection.execute(text("DROP INDEX ix_sessions_owner_updated_at_id"))
        await connection.execute(text("ALTER TABLE sessions DROP COLUMN owner"))
        await connection.execute(text("ALTER TABLE streams DROP COLUMN recoveries"))
        await connection.execute(text("ALTER TABLE messages DROP COLUMN sent_at"))
        await connection.execute(text("DROP TABLE checkpoint_parts"))
        await _without_waiting(connection)
        await _without_parts(connection)
        await _without_sub_agents(connection)
        await _without_nodes(connection)
        await _without_tail(connection)
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    await store.close()
    store = await Store.open(url)
    (kept,) = await store.sessions()
    assert (kept.id, kept.owner) == ("s", None)
    assert await store.events("t") == tokens("t", 1, 3)
    await store.close()


async def test_events_of_an_older_store_are_read_and_continued(url: str) -> None:
    store = await Store.open(url)
    await store.claim()
    await store.write(begun(events=6))
    await store.close()
    store = await Store.open(url)
    async with store.changing() as connection:  # as the previous step left it
        await connection.execute(delete(EVENTS))
        for first in (1, 4):
            payload = encoded(tokens("t", first, first + 2))
            row = {"stream_id": "t", "first_seq": first, "last_seq": first + 2, "payload": payload}
            await connection.execute(insert(EVENTS), row)
        await _without_waiting(connection)
        await _without_parts(connection)
        await _without_sub_agents(connection)
        await _without_nodes(connection)
        await connection.execute(text("ALTER TABLE writer ADD COLUMN batch BIGINT NOT NULL DEFAULT 0"))
        await _without_tail(connection)
        await connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    await store.close()
    store = await Store.open(url)
    await store.claim()
    assert [each.last_seq for each in await store.open_streams()] == [6]
    await store.write(batch(events=[("t", tokens("t", 7, 9))]))
    assert await store.events("t") == tokens("t", 1, 9)
    assert await store.events("t", 4, 4) == tokens("t", 5, 8)
    await store.write(batch(ended=[ended("t")]))
    await store.close()
    store = await Store.open(url)
    assert len([line async for line in history.export(store, "s")]) == 1 + 2 + 1 + 9
    await store.close()


async def _without_nodes(connection: AsyncConnection) -> None:
    for table in ("fences", "nodes"):
        await connection.execute(text(f"DROP TABLE {table}"))
    await connection.execute(text("ALTER TABLE sessions DROP COLUMN node"))
    await connection.execute(text("ALTER TABLE streams DROP COLUMN takeovers"))


async def _without_sub_agents(connection: AsyncConnection) -> None:
    await connection.execute(text("DROP INDEX ix_sessions_parent_id"))
    for column in ("parent_id", "parent_call"):
        await connection.execute(text(f"ALTER TABLE sessions DROP COLUMN {column}"))


async def _without_parts(connection: AsyncConnection) -> None:
    for table in (
        "effects",
        "deliveries",
        "allowances",
        "charges",
        "schedule_runs",
        "schedules",
        "compactions",
        "part_uses",
        "parts",
    ):
        await connection.execute(text(f"DROP TABLE {table}"))


async def _without_waiting(connection: AsyncConnection) -> None:
    for table in ("waiting", "grants"):
        await connection.execute(text(f"DROP TABLE {table}"))
    await connection.execute(text("ALTER TABLE streams DROP COLUMN parked_at"))


async def _without_tail(connection: AsyncConnection) -> None:
    for step in ("DROP TABLE tail", "DROP INDEX ix_streams_number", "ALTER TABLE streams DROP COLUMN number"):
        await connection.execute(text(step))


async def test_a_step_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    """A table that is in the way: the second one of the step."""
    import sqlite3

    file = tmp_path / "sessions.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE sessions (id)")
    connection.close()
    with pytest.raises(StoreUnavailable, match="table sessions already exists"):
        await Store.open(f"sqlite:///{file}")
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("sessions",)]
    connection.close()
