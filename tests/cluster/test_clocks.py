"""Fault 6: the wall clock of a node, and of the engine, jumps by an hour."""

import asyncio
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from agents.rehearsal import RehearsalServer
from tests.agents.crash.preloaded import built
from tests.cluster import laws
from tests.cluster.audit import DEATHS
from tests.cluster.engine import Database, Engine
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Crowd

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]
HOUR_S = 3600
LOOKS_S = 1.5
"""In this time the nodes look at each other, and beat, several times."""

CLOCK = Path(__file__).parents[1] / "agents" / "daemon" / "clock.c"


class Clock:
    """The wall clock of an OS process that has `env`."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.env = {"LD_PRELOAD": str(library), "CLOCK_JUMP": str(file)}
        file.touch(mode=0o644)
        file.write_bytes(struct.pack("l", 0))

    def jump(self, by_s: int) -> None:
        with self._file.open("r+b") as file:
            file.write(struct.pack("l", by_s))


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.running() as engine:
        yield engine


async def test_a_clock_that_jumps_ends_no_node_and_no_turn(
    engine: Engine, provider: RehearsalServer, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The engine runs as another user, so its files are in its own folder."""
    library = Path(shutil.copy(built(CLOCK, tmp_path), engine.folder))
    library.chmod(0o755)
    of_engine, of_node = Clock(library, engine.folder / "jump"), Clock(library, tmp_path / "jump")
    await engine.stop()
    await engine.start(**of_engine.env)
    async with Cluster.of(tmp_path, await Database.made(engine), provider, {}) as cluster:
        await cluster.start("a", env=of_node.env)
        await cluster.start("b")
        messages = [f"long{number}" for number in range(10)]
        async with Crowd(http, cluster.token, lambda: cluster.living, messages) as crowd:
            await crowd.all_begun()
            for clock in (of_node, of_engine):
                for by_s in (HOUR_S, -HOUR_S, 0):
                    clock.jump(by_s)
                    await asyncio.sleep(LOOKS_S)
                    await crowd.all_further()
        await laws.check_all(cluster, crowd.recordings)
        assert await cluster.database.rows(DEATHS) == []
        assert len(cluster.living) == 2
        assert {event.attempt for each in crowd.recordings for event in each.events} == {1}
