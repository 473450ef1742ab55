"""Official clients in node: OpenAI's, the AI SDK's, AG-UI's and that of MCP."""

import shutil
from pathlib import Path

import pytest

from tests.agents.clients.test_generated import HERE, NODE, run
from tests.agents.gateway.models import openai_site
from tests.agents.gateway.site import TOKEN

pytestmark = pytest.mark.timeout(300)


@pytest.mark.clients
async def test_the_official_clients_do_everything_in_node(tmp_path: Path) -> None:
    for name in ("openai.test.js", "front_ends.test.js", "mcp.test.js", "package.json"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    async with openai_site(tmp_path / "sessions.db") as served:
        given = (f"GATEWAY={served.site.url}", f"TOKEN={TOKEN}")
        await run(tmp_path, "env", *given, "node", "--test", "openai.test.js", "front_ends.test.js", "mcp.test.js")
