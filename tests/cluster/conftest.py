"""Fixtures: one PostgreSQL for all tests that do not stop it, a database for each test, and a provider."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from agents.rehearsal import RehearsalServer, parse
from tests.cluster.engine import Database, Engine
from tests.cluster.nodes import Cluster
from tests.cluster.recording import session
from tests.cluster.script import SCRIPT


@pytest.fixture(scope="session")
def shared_engine() -> Iterator[Engine]:
    with Engine.running() as engine:
        yield engine


@pytest.fixture
async def provider() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(parse(SCRIPT, "cluster")) as server:
        yield server


@pytest.fixture
async def cluster(
    request: pytest.FixtureRequest, shared_engine: Engine, provider: RehearsalServer, tmp_path: Path
) -> AsyncIterator[Cluster]:
    """Yield a cluster without nodes. A module may have SETTINGS for them."""
    database, settings = await Database.made(shared_engine), getattr(request.module, "SETTINGS", {})
    async with Cluster.of(tmp_path, database, provider, settings) as cluster:
        yield cluster


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with session() as http:
        yield http
