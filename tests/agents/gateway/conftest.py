"""A gateway over a running application, on real HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from pydantic import SecretStr

from agents import application
from agents.gateway import Gateway, LiveSessions, serving
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import GatewaySettings, Settings, StreamingSettings, ToolSettings
from tests.agents.gateway.contract import Checked
from tests.agents.gateway.site import TOKEN, Site

LOOPBACK = GatewaySettings(port=0)


@pytest.fixture
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """Serve a gateway. A module can set SCRIPT, GATEWAY and STREAMING; a test's parameter replaces GATEWAY."""
    script = builtin()
    if (own := getattr(request.module, "SCRIPT", None)) is not None:
        script |= parse(own, request.module.__name__)
    of_module: GatewaySettings = getattr(request.module, "GATEWAY", LOOPBACK)
    gateway_settings: GatewaySettings = getattr(request, "param", of_module)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(script))
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal-key"),
            tools=ToolSettings(workers=1),
            streaming=getattr(request.module, "STREAMING", StreamingSettings()),
            gateway=gateway_settings,
        )
        await stack.enter_async_context(application.running(settings))
        app = Gateway(settings, LiveSessions(), TOKEN)
        served = await stack.enter_async_context(serving(app, settings))
        headers = {"authorization": f"Bearer {TOKEN}"}
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(headers=headers, connector=connector, response_class=Checked)
        )
        yield Site(served, http, settings)
