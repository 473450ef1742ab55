"""The reference server of MCP, in Node."""

from typing import Any

import pytest

from agents import StreamToolProgress, mcp
from agents.mcp import ServerSpec
from tests.agents.clients.test_generated import NODE
from tests.agents.mcp.conftest import events, models, result
from tests.agents.stage import Stage

PACKAGE = "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
SCRIPT = models(
    "echo", "get-sum", "get-env", "get-structured-content", "get-tiny-image", "trigger-long-running-operation"
)


@pytest.fixture
def everything() -> ServerSpec:
    return mcp.server("everything", command=["node", str(NODE / PACKAGE), "stdio"])


@pytest.mark.clients
async def test_an_agent_has_the_tools_of_the_reference_server(stage: Stage, everything: ServerSpec) -> None:
    async def answer(tool: str, arguments: str = "{}") -> Any:
        return (await result(await stage.agent(f"calls {tool}", tools=[everything]), arguments)).content

    assert await answer("echo", '{"message": "hello"}') == "Echo: hello"
    assert await answer("get-sum", '{"a": 1, "b": 2}') == "The sum of 1 and 2 is 3."
    assert "Invalid arguments" in await answer("get-sum", '{"a": "x", "b": 2}')
    assert '"temperature"' in await answer("get-structured-content", '{"location": "Chicago"}')
    assert "[image 1: image/png]" in await answer("get-tiny-image")
    assert "API_KEY" not in await answer("get-env")
    pid = await stage.agent("calls trigger-long-running-operation", tools=[everything])
    seen = await events(pid, '{"duration": 0.2, "steps": 2}')
    progress = [event.data for event in seen if isinstance(event, StreamToolProgress)]
    assert progress == [{"progress": 1, "total": 2}, {"progress": 2, "total": 2}]
