"""A client that disconnects at any moment of any request leaves nothing in the daemon."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

import aiohttp
import pytest

from actors.observer import process_info, processes
from supervisors import agent_supervisor
from tests.agents.gateway.site import BUYER_AND_SLOW, Site

SCRIPT = BUYER_AND_SLOW
CLIENTS = 150
LONGEST_S = 0.02
"""The longest time between a request and the moment at which its client leaves."""

Way: TypeAlias = Callable[[Site, str, float], Awaitable[None]]


async def ask_and_close(site: Site, agent_id: str, pause_s: float) -> None:
    socket = await site.socket()
    await socket.send_json({"action": "stream_chat", "agent_id": agent_id, "message": "x"})
    await asyncio.sleep(pause_s)
    await socket.close()


async def ask_twice_and_abort(site: Site, agent_id: str, pause_s: float) -> None:
    socket = await site.socket()
    for _ in range(2):
        await socket.send_json({"action": "stream_chat", "agent_id": agent_id, "message": "x"})
    await asyncio.sleep(pause_s)
    abort(socket)


async def subscribe_and_abort(site: Site, agent_id: str, pause_s: float) -> None:
    stream_id = f"{agent_id}-{pause_s}"
    asked = await site.http.post(f"{site.url}/agents/{agent_id}/stream", json={"message": "x", "stream_id": stream_id})
    asked.close()
    socket = await site.socket()
    await socket.send_json({"action": "subscribe", "stream_id": stream_id})
    await asyncio.sleep(pause_s)
    abort(socket)


async def read_events_and_abort(site: Site, agent_id: str, pause_s: float) -> None:
    await cut_off(site.http.post(f"{site.url}/agents/{agent_id}/stream", json={"message": "x"}), pause_s)


async def chat_and_abort(site: Site, agent_id: str, pause_s: float) -> None:
    await cut_off(site.http.post(f"{site.url}/agents/{agent_id}/chat", json={"message": "x"}), pause_s)


async def cut_off(request: Any, pause_s: float) -> None:
    """Send a request, and cut the connection after a while, answered or not."""
    with suppress(TimeoutError):
        async with asyncio.timeout(pause_s), request as response:
            await response.read()


def abort(socket: Any) -> None:
    socket._response.connection.transport.abort()


def mailboxes() -> list[Any]:
    return [pid for pid in processes() if (info := process_info(pid)) is not None and info.label == "mailbox"]


async def all_gone(site: Site) -> None:
    """Wait until the server has finished every earlier connection."""
    async with site.http.get(f"{site.url}/healthz"):
        pass
    while site.server.server_state.tasks:
        await asyncio.wait(list(site.server.server_state.tasks))


@pytest.mark.parametrize("model", ["echo", "slow"])
@pytest.mark.parametrize(
    "way", [ask_and_close, ask_twice_and_abort, subscribe_and_abort, read_events_and_abort, chat_and_abort]
)
async def test_a_client_that_leaves_at_any_moment_leaves_no_mailbox(site: Site, way: Way, model: str) -> None:
    await site.stream(await site.agent("echo", "first"), "the first turn starts the provider, which stays")
    before = len(processes()) - 1
    for number in range(10):
        await site.agent(model, f"a{number}", max_queue=2 * CLIENTS)
    moments = random.Random(7)
    pauses = [moments.random() * LONGEST_S * (place % 3) for place in range(CLIENTS)]
    clients = (way(site, f"a{place % 10}", pause_s) for place, pause_s in enumerate(pauses))
    for failed in await asyncio.gather(*clients, return_exceptions=True):
        assert failed is None or isinstance(failed, aiohttp.ClientError | OSError)
    await all_gone(site)
    for pid in await agent_supervisor.which_agents():  # a running turn has its own mailbox
        await agent_supervisor.stop_agent(pid)
    assert (mailboxes(), len(processes())) == ([], before)
