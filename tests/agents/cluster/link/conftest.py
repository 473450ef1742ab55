"""A process system for each test of links."""

from collections.abc import AsyncIterator

import pytest

from actors import AsyncioSystemBase


@pytest.fixture(autouse=True)
async def system() -> AsyncIterator[AsyncioSystemBase]:
    async with AsyncioSystemBase() as base:
        yield base
