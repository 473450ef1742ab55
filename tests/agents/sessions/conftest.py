"""Fixtures. A test with a `url` runs on SQLite, and in `make test-postgres` on PostgreSQL."""

import threading
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from actors import AsyncioSystemBase
from agents.sessions import Store
from tests.agents.sessions.cluster import OWNER, cluster

NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    with cluster() as folder:
        yield folder


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/sessions.db"
    import asyncpg  # type: ignore[import-untyped]

    folder: Path = request.getfixturevalue("postgres")
    name = f"test_{next(NUMBERS)}"
    connection = await asyncpg.connect(host=str(folder), user=OWNER, database="postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"postgresql://{OWNER}@/{name}?host={folder}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A claimed store, which may be written."""
    store = await Store.open(url)
    await store.claim()
    yield store
    await store.close()


@pytest.fixture
async def system() -> AsyncIterator[AsyncioSystemBase]:
    async with AsyncioSystemBase() as system:
        yield system


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> object:
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(30)  # a connection's thread reports its end slightly early
    assert not {thread for thread in left if thread.is_alive()}
