"""The command mcp, with the official client on the other side, and an agent that uses another program's agents."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import TextContent

from actors import Mailbox
from agents import StreamError, StreamToken, agent
from agents.agent_registry import find_agent
from agents.core.errors import Cancelled
from agents.tools.tool import tool
from tests.agents.gateway.site import BUYER_AND_SLOW, TOKEN, Site

SCRIPT = BUYER_AND_SLOW


@tool
async def pays(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


@asynccontextmanager
async def client(site: Site, folder: Path, *more: str) -> AsyncIterator[ClientSession]:
    (folder / "token").write_text(TOKEN)
    options = ["-m", "agents", "mcp", "--url", site.url, "--token-file", str(folder / "token"), *more]
    server = StdioServerParameters(command=sys.executable, args=options)
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


def text(answer: Any) -> str:
    (block,) = answer.content
    assert isinstance(block, TextContent)
    return block.text


async def test_the_agents_of_a_daemon_are_tools_of_any_client(site: Site, tmp_path: Path) -> None:
    await site.agent("echo", "ada.1", name="Ada")
    await site.agent("buyer", "buyer", tools=[pays])
    async with client(site, tmp_path) as session:
        tools = (await session.list_tools()).tools
        assert {each.name: each.title for each in tools} == {"ada_1": "Ada", "buyer": "agent"}
        assert text(await session.call_tool("ada_1", {"message": "one two"})) == "one two"
        steps: list[Any] = []

        async def report(progress: float, total: float | None, message: str | None) -> None:
            steps.append(message)

        assert text(await session.call_tool("buyer", {"message": "buy"}, progress_callback=report)) == "paid 500"
        assert steps == ["calls pays"]
        for name, given, words in [
            ("nobody", {"message": "x"}, "expected the name of a tool, got 'nobody'"),
            ("ada_1", {}, "expected a message, which is text that is not empty"),
        ]:
            refused = await session.call_tool(name, given)
            assert (refused.is_error, text(refused)) == (True, words)


async def test_a_cancelled_call_cancels_its_turn(site: Site, tmp_path: Path) -> None:
    await site.agent("slow", "slow")
    pid = find_agent("slow")
    assert pid is not None
    async with client(site, tmp_path, "--agent", "slow") as session, Mailbox() as events:
        assert [each.name for each in (await session.list_tools()).tools] == ["slow"]
        agent.subscribe(pid)
        call = asyncio.create_task(session.call_tool("slow", {"message": "go"}))
        while not isinstance(await events.receive(), StreamToken):
            pass
        call.cancel()
        while not isinstance(event := await events.receive(), StreamError):
            pass
        assert isinstance(event.reason, Cancelled)


async def test_without_a_daemon_the_command_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "agents", "mcp", "--url", "http://127.0.0.1:1", "--token-file", f"{tmp_path}/token"],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (out, err.decode().count("\n"), process.returncode) == (b"", 1, 4)
    assert "no daemon listens there" in err.decode()
