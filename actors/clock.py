"""The clocks of the running loop. On a virtual loop both give the loop's own time, so that a run can be replayed."""

import asyncio
import time
from collections.abc import Callable

from actors.system.virtual_loop import VirtualLoop


def clock() -> Callable[[], float]:
    """Return the running loop's monotonic clock, in seconds.

    It is finer than the loop's own clock: uvloop counts whole milliseconds, and reads them once per turn of the loop.
    """
    loop = asyncio.get_running_loop()
    return loop.time if isinstance(loop, VirtualLoop) else time.monotonic


def now_s() -> float:
    """Return the present time of `clock`."""
    return clock()()


def unix_s() -> float:
    """Return the present time as Unix seconds."""
    loop = asyncio.get_running_loop()
    return loop.time() if isinstance(loop, VirtualLoop) else time.time()
