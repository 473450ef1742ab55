"""Fixtures: a pool of two workers, and a FIFO, new for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.tools.pool import WorkerPool
from tests.agents.tools.observed import Fifo


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    async with WorkerPool(size=2) as pool:
        yield pool


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    fifo = Fifo(tmp_path / "fifo")
    yield fifo
    fifo.close()


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Fifo]:
    fifo = Fifo(tmp_path / "second")
    yield fifo
    fifo.close()
