from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer, parse
from tests.agents.budgets.spenders import SCRIPT, Kept


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    async with RehearsalServer(parse(SCRIPT)) as server:
        yield Kept(server, str(tmp_path / "sessions.db"))
