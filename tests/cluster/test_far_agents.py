"""An agent of another node, by every function of agents/agent.py. The test's own OS process is a node, too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from actors import Mailbox
from agents import agent, application
from agents.agent_registry import stands_in
from agents.core.events import TERMINAL, Event
from agents.instance.waking import wake
from agents.settings import Settings
from tests.agents.sessions.cluster import OWNER
from tests.cluster.nodes import AGENT, Cluster

pytestmark = pytest.mark.cluster


@asynccontextmanager
async def own_node(cluster: Cluster, name: str = "own") -> AsyncIterator[Settings]:
    """Make this OS process a node of the cluster."""
    settings = Settings.model_validate(
        {
            "base_url": cluster.provider.base_url,
            "api_key": SecretStr("rehearsal"),
            "tools": {"min_workers": 0, "workers": 1},
            "sessions": {"url": cluster.database.url(OWNER), "durability": "batched"},
            "cluster": {"enabled": True, "name": name, "lease_time": 60_000, "secret_file": cluster.folder / "secret"},
            "daemon": {"state_dir": cluster.folder / f"state-{name}"},
        }
    )
    async with application.running(settings):
        yield settings


async def whole(box: Mailbox) -> list[Event]:
    events: list[Event] = [await box.receive(30)]
    while not isinstance(events[-1], TERMINAL):
        events.append(await box.receive(30))
    return events


async def test_an_agent_of_another_node_answers(cluster: Cluster) -> None:
    await cluster.start("far")
    async with own_node(cluster):
        pid = await wake(AGENT)
        assert pid is not None
        assert stands_in(pid)
        response = await agent.chat(AGENT, "hello")
        assert response.content.startswith("hello a0")
        assert (await agent.info(pid)).id == AGENT
