"""A running system for every test, which must leave nothing behind; and the server that most tests talk to."""

import threading
from collections.abc import AsyncIterator

import pytest

from actors import AsyncioSystemBase


@pytest.fixture
async def system() -> AsyncIterator[AsyncioSystemBase]:
    """A system on the test's own loop, not current in the test's context: it is the loop's only one."""
    base = AsyncioSystemBase()
    base.open()
    yield base
    await base.close()
    assert base.processes == {}
    assert base.names == {}


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> object:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
