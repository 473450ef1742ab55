"""client.js in node: everything it offers, over a connection that breaks, and its types under tsc."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents import application
from agents.gateway import Gateway, serving
from agents.gateway.page_files import FOLDER
from agents.gateway.stored_sessions import StoredSessions
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Durability, GatewaySettings, SessionSettings, Settings, ToolSettings
from supervisors import agent_supervisor
from tests.agents.clients.test_generated import HERE, NODE, pays, run
from tests.agents.daemon.proxy import Proxy
from tests.agents.gateway.site import BUYER_AND_SLOW, TOKEN

pytestmark = pytest.mark.timeout(300)

COUNTS = f"""
[models.counts]
token_delay_s = 0.02
turns = [{{ steps = [{{ text = "{" ".join(f"w{number}" for number in range(60))}" }}] }}]
"""


@pytest.fixture
async def addresses(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Serve a gateway, and a proxy that cuts its first connections."""
    async with (
        RehearsalServer(builtin() | parse(BUYER_AND_SLOW + COUNTS, "client")) as server,
        Proxy(1500, 900, 1100) as proxy,
    ):
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal-key"),
            tools=ToolSettings(workers=1),
            sessions=SessionSettings(url=f"sqlite:///{tmp_path / 'sessions.db'}", durability=Durability.SYNC),
            gateway=GatewaySettings(port=0, allowed_hosts=(f"127.0.0.1:{proxy.port}",)),
        )
        async with application.running(settings):
            await agent_supervisor.start_agent({"id": "buyer", "model": "buyer", "tools": [pays]})
            async with serving(Gateway(settings, StoredSessions(), TOKEN), settings) as served:
                proxy.target = served.port
                urls = {"GATEWAY": served.port, "BROKEN": proxy.port}
                yield {"TOKEN": TOKEN, **{name: f"http://127.0.0.1:{port}" for name, port in urls.items()}}


@pytest.mark.clients
async def test_the_module_does_everything_in_node(addresses: dict[str, str]) -> None:
    given = [f"{name}={value}" for name, value in addresses.items()]
    await run(HERE, "env", *given, "node", "--test", "client.test.js")


@pytest.mark.clients
async def test_the_declared_types_fit_a_front_end(tmp_path: Path) -> None:
    for name in ("client.js", "client.d.ts"):
        shutil.copy(FOLDER / name, tmp_path)
    shutil.copy(HERE / "client_types.ts", tmp_path)
    shutil.copy(HERE / "package.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    tsc = tmp_path / "node_modules" / ".bin" / "tsc"
    options = ("--strict", "--target", "es2022", "--lib", "es2022,dom", "--module", "nodenext")
    await run(tmp_path, tsc, "--noEmit", *options, "client_types.ts")
