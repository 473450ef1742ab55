"""The cost of importing the application: a worker process pays it for every script with tools."""

import asyncio
import sys
from asyncio.subprocess import PIPE

HEAVY = "openai aiohttp httpx2 sqlalchemy alembic"


async def test_the_application_is_imported_without_a_client() -> None:
    code = f"import sys, agents.application; print(*sorted(set('{HEAVY}'.split()) & sys.modules.keys()))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    out, _ = await process.communicate()
    assert (process.returncode, out.split()) == (0, [])


async def test_commands_that_show_no_answer_are_imported_without_markdown() -> None:
    modules = "agents.cli.remote.ps, agents.cli.remote.tree, agents.cli.serve"
    code = f"import sys, {modules}; print(*{{'markdown_it', 'rich.live'}} & sys.modules.keys())"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    out, _ = await process.communicate()
    assert (process.returncode, out.split()) == (0, [])
