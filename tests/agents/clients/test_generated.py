"""Clients that are generated from the document do everything that the gateway offers, and type checkers accept them."""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.tools.tool import tool
from supervisors import agent_supervisor
from tests.agents.gateway.contract import Program, document
from tests.agents.gateway.site import TOKEN, Site
from tests.agents.gateway.users import house

pytestmark = pytest.mark.timeout(300)

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
NODE = BIN.parent / "node"
"""The folder into which `make node-packages` installs what package.json names."""
PYTHON_DOES = ["chats", "reads_and_cancels", "decides", "names_messages", "keeps_sessions", "looks"]
MYPY = """
[mypy]
strict = True

[mypy-understudy_api.client]
# the generator's own file, without content from the document
ignore_errors = True
"""
NODE_DOES = ["chats", "readsAndCancels", "decides", "namesMessages", "keepsSessions", "looks"]


@tool(requires_approval=True, approval_timeout_s=60.0)
async def pays(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[tuple[Site, Program]]:
    program = Program()
    async with house([], tmp_path / "sessions.db", program) as of:
        await agent_supervisor.start_agent({"id": "buyer", "model": "buyer", "tools": [pays]})
        yield of.site, program


async def run(folder: Path, *command: str | Path) -> str:
    """Return the command's output. It has to succeed."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=PIPE, stderr=STDOUT, env={**os.environ, "PATH": path}
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.clients
async def test_a_client_in_python_does_everything(kept: tuple[Site, Program], tmp_path: Path) -> None:
    site, program = kept
    (tmp_path / "openapi.json").write_text(json.dumps(document()))
    (tmp_path / "config.yml").write_text("content_type_overrides: {application/x-ndjson: text/plain}\n")
    wanted = ("--path", "openapi.json", "--config", "config.yml", "--meta", "none", "--output-path", "understudy_api")
    said = await run(tmp_path, BIN / "openapi-python-client", "generate", *wanted)
    assert "Unable" not in said, said
    shutil.copy(HERE / "drive.py", tmp_path)
    (tmp_path / "mypy.ini").write_text(MYPY)
    await run(tmp_path, sys.executable, "-m", "mypy", "drive.py", "understudy_api")
    assert (await run(tmp_path, sys.executable, "drive.py", site.url, TOKEN)).split() == PYTHON_DOES
    assert program.stopped == 1


@pytest.mark.clients
async def test_a_client_in_typescript_does_everything(kept: tuple[Site, Program], tmp_path: Path) -> None:
    site, program = kept
    (tmp_path / "openapi.json").write_text(json.dumps(document()))
    for name in ("drive.ts", "package.json"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    tools = tmp_path / "node_modules" / ".bin"
    await run(tmp_path, tools / "openapi-typescript", "openapi.json", "-o", "api.ts")
    checked = ("--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "drive.ts")
    await run(tmp_path, tools / "tsc", *checked)
    assert (await run(tmp_path, "node", "drive.js", site.url, TOKEN)).split() == NODE_DOES
    assert program.stopped == 1
