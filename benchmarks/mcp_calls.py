"""The cost of a call of an MCP server's tool, beside the bare client of the official library."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from msgspec import Struct

from actors import Mailbox
from agents import application, mcp
from agents.core.conversation import Function, ToolCall
from agents.core.round import ToolFinished
from agents.mcp.keeper import connect
from agents.mcp.tools import BoundTools
from agents.mcp.view import view_of
from agents.tools.executor import TurnCalls
from benchmarks.workload import Measured

SERVER: Final = (sys.executable, str(Path(__file__).with_name("mcp_server.py")))


class Sizes(Struct, frozen=True):
    """The number of calls one after another, of calls at once, and of rounds."""

    calls: int = 50
    at_once: int = 100
    rounds: int = 10


async def measured(sizes: Sizes) -> Measured:
    """Return the medians of CPU milliseconds per call, without those of the server.

    The two clients take turns, each with a server of its own.
    """
    spec = mcp.server("nothing", command=list(SERVER))
    bare = stdio_client(StdioServerParameters(command=SERVER[0], args=[SERVER[1]]))
    async with application.running(), Mailbox(), bare as streams, ClientSession(*streams) as session:
        await session.initialize()
        await session.list_tools()
        await connect([spec])
        tools = BoundTools({}, [view_of(spec)], default_s=30)

        async def ours(count: int) -> None:
            await _supervised(tools, count)

        async def theirs(count: int) -> None:
            await asyncio.gather(*(session.call_tool("nothing", {"number": 1}) for _ in range(count)))

        found: dict[str, list[float]] = {"bare": [], "call": [], "bare_at_once": [], "at_once": []}
        for _ in range(sizes.rounds):
            for name, run in (("bare", theirs), ("call", ours)):
                found[name].append(await _ms(partial(_one_by_one, run, sizes.calls), sizes.calls))
            for name, run in (("bare_at_once", theirs), ("at_once", ours)):
                found[name].append(await _ms(partial(run, sizes.at_once), sizes.at_once))
    return {name: median(times) for name, times in found.items()}


async def _ms(run: Callable[[], Awaitable[None]], calls: int) -> float:
    before_s = process_time()
    await run()
    return (process_time() - before_s) / calls * 1e3


async def _one_by_one(run: Callable[[int], Awaitable[None]], calls: int) -> None:
    for _ in range(calls):
        await run(1)


async def _supervised(tools: Any, count: int) -> None:
    calls = TurnCalls(tools)
    for number in range(count):
        await calls.start(ToolCall(str(number), Function("nothing", '{"number": 1}'), number))
    finished = 0
    while finished < count:
        finished += isinstance(await calls.next(), ToolFinished)
    await calls.stop()
