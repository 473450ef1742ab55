"""A running application against a rehearsal server, on real HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents import application
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Settings, ToolSettings
from tests.agents.stage import Stage


@pytest.fixture(params=["chat", "responses"])
def api(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """A module's SCRIPT, if it has one, on top of the built-in models."""
    script = builtin()
    if (own := getattr(request.module, "SCRIPT", None)) is not None:
        script |= parse(own, request.module.__name__)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(RehearsalServer(script))
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("rehearsal"),
            tools=ToolSettings(workers=2, file_ops_root=tmp_path),
        )
        await stack.enter_async_context(application.running(settings))
        yield Stage(server)
