"""A running system for every test, which must end without leftovers, and the server of most tests."""

import threading
from collections.abc import AsyncIterator

import pytest

from actors import AsyncioSystemBase


@pytest.fixture
async def system() -> AsyncIterator[AsyncioSystemBase]:
    """Run a system on the test's loop. It is the loop's only system, and not current in the test's context."""
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
