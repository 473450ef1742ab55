"""The cost of a tool call: of many calls at once, with a supervisor each and without."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from statistics import median
from time import process_time
from typing import Final

from msgspec import Struct

from actors import Mailbox
from agents import application
from agents.core.conversation import Function, ToolCall
from agents.core.round import ToolFinished
from agents.tools.executor import TurnCalls
from agents.tools.run import run_call
from agents.tools.tool import tool
from benchmarks.workload import Measured

ARGUMENTS: Final = '{"number": 1}'


class Sizes(Struct, frozen=True):
    """The number of calls at once, and of rounds."""

    calls: int = 500
    rounds: int = 20


@tool
async def nothing(number: int) -> int:
    """Give the number back."""
    return number


async def measured(sizes: Sizes) -> Measured:
    """Return the medians of CPU microseconds per call."""
    async with application.running(), Mailbox():
        supervised = [await _cpu_us(_supervised, sizes.calls) for _ in range(sizes.rounds)]
        bare = [await _cpu_us(_bare, sizes.calls) for _ in range(sizes.rounds)]
    return {"call": median(supervised), "supervision": median(supervised) - median(bare)}


async def _cpu_us(run: Callable[[int], Awaitable[None]], calls: int) -> float:
    gc.collect()
    before_s = process_time()
    await run(calls)
    return (process_time() - before_s) / calls * 1e6


async def _supervised(count: int) -> None:
    calls = TurnCalls({nothing.name: nothing})
    for number in range(count):
        await calls.start(ToolCall(str(number), Function(nothing.name, ARGUMENTS), number))
    finished = 0
    while finished < count:
        finished += isinstance(await calls.next(), ToolFinished)
    await calls.stop()


async def _bare(count: int) -> None:
    await asyncio.gather(*(run_call(nothing, ARGUMENTS, None) for _ in range(count)))
