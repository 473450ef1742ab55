"""The crash matrix of effects with hundreds of kills, on both databases: make test-effects."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.sessions import Store
from tests.agents.effects.matrix import check, figures, run
from tests.agents.sessions.cluster import OWNER, cluster

pytestmark = [pytest.mark.effects, pytest.mark.timeout(3600)]
KILLS = 200


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty store."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/sessions.db"
        return
    with cluster() as server:
        url = f"postgresql://{OWNER}@/postgres?host={server}"
        await (await Store.open(url)).close()
        yield url


async def test_hundreds_of_killed_daemons_pay_once_and_say_what_they_did(tmp_path: Path, url: str) -> None:
    found = await run(tmp_path, url, KILLS, seed=KILLS)
    sys.stdout.write(f"\n{url.partition(':')[0]}: {figures(found)}\n")
    check(found)
