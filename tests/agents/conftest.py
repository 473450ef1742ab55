"""A running application against a rehearsal server, on real HTTP on loopback."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from actors import AsyncioSystemBase
from agents import application
from agents.rehearsal import RehearsalServer, Script, builtin, parse
from agents.settings import SessionSettings, Settings, ToolSettings
from agents.settings.agent import AgentSettings
from tests.agents.keeping import App
from tests.agents.stage import Stage


@pytest.fixture(params=["chat", "responses"])
def api(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """Run a stage with the built-in models and the module's SCRIPT, if it has one."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(_script(request)))
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal"),
            tools=ToolSettings(workers=2, file_ops_root=tmp_path),
        )
        await stack.enter_async_context(application.running(settings))
        yield Stage(server)


@pytest.fixture
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[App]:
    """Return a function that starts the application, several times, on one store. A module may have a SCRIPT.

    agents: of the settings. The other arguments are of the session settings.
    """
    async with RehearsalServer(_script(request)) as server:

        @asynccontextmanager
        async def running(agents: Sequence[AgentSettings] = (), **sessions: Any) -> AsyncIterator[AsyncioSystemBase]:
            kept = {"url": f"sqlite:///{tmp_path / 'sessions.db'}", "durability": "batched", **sessions}
            settings = Settings(
                base_url=server.base_url,
                api_key=SecretStr("rehearsal"),
                sessions=SessionSettings(**kept),
                tools=ToolSettings(workers=1),
                agents=tuple(agents),
            )
            async with application.running(settings) as system:
                yield system

        yield running


@pytest.fixture
def rehearsal_script(request: pytest.FixtureRequest) -> Script:
    """The script of the testing kit's fixtures: the built-in models and the module's SCRIPT, if it has one."""
    return _script(request)


def _script(request: pytest.FixtureRequest) -> Script:
    own = getattr(request.module, "SCRIPT", None)
    return builtin() if own is None else builtin() | parse(own, request.module.__name__)
