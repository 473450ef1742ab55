"""MCP servers as child processes, and models that call the tool that their name says."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from actors import Pid
from agents import Event, StreamComplete, StreamToolResult, agent, mcp
from agents.core.events import ToolResult
from agents.mcp import ServerSpec

OFFICIAL: Final = Path(__file__).with_name("server.py")
RUDE: Final = Path(__file__).with_name("rude.py")


def models(*tools: str) -> str:
    """Return a script: the model `calls NAME` calls this tool, with the user's message as arguments."""
    return "".join(
        f"""
[models."calls {tool}"]
[[models."calls {tool}".turns]]
steps = [{{ tool_calls = [{{ name = "{tool}", arguments = "{{user}}" }}] }}, {{ text = "{{result:0}}" }}]
"""
        for tool in tools
    )


def official(*arguments: str, name: str = "files", **settings: Any) -> ServerSpec:
    return mcp.server(name, command=[sys.executable, str(OFFICIAL), *arguments], **settings)


def rude(*tools: str, name: str = "rude", **settings: Any) -> ServerSpec:
    return mcp.server(name, command=[sys.executable, "-S", str(RUDE), *tools], **settings)


async def events(pid: Pid, arguments: str = "{}") -> list[Event]:
    return [event async for event in agent.stream(pid, arguments)]


async def result(pid: Pid, arguments: str = "{}") -> ToolResult:
    """Return the result of the turn's only call."""
    seen = await events(pid, arguments)
    assert isinstance(seen[-1], StreamComplete), seen[-1]
    (only,) = [event.result for event in seen if isinstance(event, StreamToolResult)]
    return only


class Logged(logging.Handler):
    """The log's events. A test may wait for one."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._events: list[dict[str, Any]] = []
        self._came = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self._events.append(getattr(record, "fields", {}))
        self._came.set()

    def __call__(self, event: str) -> list[dict[str, Any]]:
        """Return the fields of the events with this name."""
        return [each for each in self._events if each.get("event") == event]

    async def until(self, event: str, count: int) -> None:
        while len(self(event)) < count:
            self._came.clear()
            await self._came.wait()


@pytest.fixture
def logged() -> Iterator[Logged]:
    handler, logger = Logged(), logging.getLogger("understudy.mcp")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
