"""A process system, and a mailbox that is the calling process of the test: it starts, links and monitors."""

from collections.abc import AsyncIterator

import pytest

from actors import AsyncioSystemBase, Mailbox


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with AsyncioSystemBase(), Mailbox() as box:
        yield box
