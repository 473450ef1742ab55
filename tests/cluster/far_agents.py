"""Nodes for the tests of far agents: the test's own OS process, and one without a gateway."""

from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from agents import application
from agents.settings import Settings
from tests.agents.cluster.sqlite_nodes import living_node
from tests.agents.sessions.cluster import OWNER
from tests.cluster.nodes import Cluster

LEASE_MS: Final = 60_000  # nobody is stopped in these tests
FAR: Final = "far"
SCRIPT: Final = """
[models.worker]
turns = [{ steps = [{ text = "Hello." }] }]

[models.slow]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2 } }] }]

[models.buyer]
turns = [
    { steps = [{ tool_calls = [{ name = "buys", arguments = { euros = 500 } }] }, { text = "{result:0}" }] },
]
"""


def settings_of(cluster: Cluster, name: str, lease_time: int, failover_wait: int = 15_000) -> dict[str, Any]:
    """Return the settings of a node as data."""
    return {
        "base_url": cluster.provider.base_url,
        "api_key": "rehearsal",
        "tools": {"min_workers": 0, "workers": 1},
        "sessions": {"url": cluster.database.url(OWNER), "durability": "batched"},
        "daemon": {"state_dir": str(cluster.folder / f"state-{name}")},
        "cluster": {
            "enabled": True,
            "name": name,
            "lease_time": lease_time,
            "failover_wait": failover_wait,
            "secret_file": str(cluster.folder / "secret"),
        },
    }


@asynccontextmanager
async def own_node(
    cluster: Cluster, lease_time: int = LEASE_MS, failover_wait: int = 15_000
) -> AsyncIterator[Settings]:
    """Make this OS process a node of the cluster."""
    settings = Settings.model_validate(settings_of(cluster, "own", lease_time, failover_wait))
    async with application.running(settings):
        yield settings


@asynccontextmanager
async def far_node(
    cluster: Cluster, name: str = FAR, agents: str = "agents", lease_time: int = LEASE_MS
) -> AsyncIterator[Process]:
    """Run far_program.py, and kill it at the end of the block."""
    async with living_node(settings_of(cluster, name, lease_time), agents) as process:
        yield process
