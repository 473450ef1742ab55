"""OpenAI's client and the AI SDK in node use configured agents as models."""

import shutil
from pathlib import Path

import pytest

from tests.agents.clients.test_generated import HERE, NODE, needs_node, run
from tests.agents.gateway.models import openai_site
from tests.agents.gateway.site import TOKEN

pytestmark = pytest.mark.timeout(300)


@needs_node
async def test_the_official_clients_do_everything_in_node(tmp_path: Path) -> None:
    shutil.copy(HERE / "openai.test.js", tmp_path)
    shutil.copy(HERE / "package.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    async with openai_site(tmp_path / "sessions.db") as served:
        given = (f"GATEWAY={served.site.url}", f"TOKEN={TOKEN}")
        await run(tmp_path, "env", *given, "node", "--test", "openai.test.js")
