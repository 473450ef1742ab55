"""kill -9 of the daemon while it pays: what the ledger and the model say is what the service did."""

from pathlib import Path

import pytest

from tests.agents.effects.matrix import check, run

pytestmark = pytest.mark.timeout(300)
KILLS = 8
SEED = 17


async def test_killed_payments_happen_once_and_are_never_said_to_have_failed(tmp_path: Path) -> None:
    found = await run(tmp_path, f"sqlite:///{tmp_path}/sessions.db", KILLS, SEED)
    check(found)
    assert found.states["done"] > 0
