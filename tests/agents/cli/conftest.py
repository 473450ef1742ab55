"""Commands for the tests of the command line, and a daemon's gateway in the test's own process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from agents import application
from agents.gateway import Gateway, serving
from agents.gateway.stored_sessions import StoredSessions
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Durability, GatewaySettings, SessionSettings, Settings, ToolSettings
from tests.agents.cli.forked import Forks
from tests.agents.gateway.site import BUYER_AND_SLOW, TOKEN, Site


@pytest.fixture
def commands() -> Forks:
    return Forks()


@pytest.fixture
async def here(commands: Forks, tmp_path: Path) -> AsyncIterator[Site]:
    """Serve agents that are kept in a store. The variables of the commands name this gateway and its token."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(builtin() | parse(BUYER_AND_SLOW)))
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal-key"),
            tools=ToolSettings(workers=1),
            sessions=SessionSettings(url=f"sqlite:///{tmp_path}/s.db", durability=Durability.BATCHED, park_after=None),
            gateway=GatewaySettings(port=0),
        )
        await stack.enter_async_context(application.running(settings))
        served = await stack.enter_async_context(serving(Gateway(settings, StoredSessions(), TOKEN), settings))
        headers = {"authorization": f"Bearer {TOKEN}"}
        site = Site(served, await stack.enter_async_context(aiohttp.ClientSession(headers=headers)), settings)
        (token := tmp_path / "token").write_text(TOKEN)
        commands.env = {"UNDERSTUDY_URL": site.url, "UNDERSTUDY_TOKEN_FILE": str(token)}
        yield site
