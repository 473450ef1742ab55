"""The memory that an open WebSocket holds."""

import gc
import tracemalloc
from contextlib import AsyncExitStack

from agents.settings import GatewaySettings
from tests.agents.gateway.raw import connected, upgraded
from tests.agents.gateway.site import Site

GATEWAY = GatewaySettings(port=0, max_connections=200)
WARM, MANY = 20, 100
OWN_KIB = 4
"""The memory of a test's client."""


async def test_an_idle_socket_holds_less_than_25_kib(site: Site) -> None:
    async with AsyncExitStack() as stack:
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        for number in range(WARM + MANY):
            if number == WARM:
                gc.collect()
                before, _ = tracemalloc.get_traced_memory()
            await upgraded(site, await stack.enter_async_context(connected(site)))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    assert (after - before) / MANY / 1024 < 25 + OWN_KIB
