"""The functions of the benchmarks' tools: they wait on the loop, block, compute, or do nothing."""

import asyncio
import time
from typing import Final

NAP_S: Final = 0.1
BLOCK_S: Final = 0.2
BURN_S: Final = 0.3


async def nap(number: int) -> int:
    """Wait on the event loop."""
    await asyncio.sleep(NAP_S)
    return number


def block(number: int) -> int:
    """Wait as a blocking call does."""
    time.sleep(BLOCK_S)
    return number


def burn(number: int) -> int:
    """Compute, for that much time of a core."""
    until_s, found = time.thread_time() + BURN_S, 0
    while time.thread_time() < until_s:
        for each in range(5000):
            found += each * each % 7
    return number


def echo(number: int) -> int:
    """Give the number back."""
    return number
