from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.daemon.daemons import SCRIPT


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "daemon")) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the daemon's folder."""
    return tmp_path / "state"
