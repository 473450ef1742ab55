"""The cost of a turn with tools, and its effect on another stream."""

import asyncio
import time
from itertools import pairwise
from statistics import median
from typing import Final

from benchmarks.chores import NAP_S
from benchmarks.workload import Listener, Measured, NewReader, Read, Stopwatch, Subject, check_whole

NEIGHBOUR: Final = "tokens-{tokens}-every-20ms"
LEAD_S: Final = 0.3  # the neighbour's stream is well under way when the tools start


async def fan_out_ms(subject: Subject, base_url: str, calls: int, turns: int) -> float:
    """Return the median time of a turn with parallel calls of `nap`, beyond the wait of one nap."""
    async with subject(base_url) as new_reader:
        model = f"calls-{calls}-of-nap"
        await (await new_reader(model))(Listener())
        took_s = [await _turn_s(await new_reader(model), model) for _ in range(turns)]
    return (median(took_s) - NAP_S) * 1000


async def beside_stream(subject: Subject, base_url: str, model: str, turns: int, neighbour_tokens: int) -> Measured:
    """Return medians: milliseconds of the turn, and the worst gap between two tokens of another stream meanwhile."""
    took_ms, gaps_ms = [], []
    async with subject(base_url) as new_reader:
        await (await new_reader(model))(Listener())  # every worker has loaded the tool's module
        for _ in range(turns):
            took, gap = await _beside(new_reader, model, NEIGHBOUR.format(tokens=neighbour_tokens))
            took_ms.append(took)
            gaps_ms.append(gap)
    return {"turn": median(took_ms), "gap": median(gaps_ms)}


async def _beside(new_reader: NewReader, model: str, neighbour: str) -> tuple[float, float]:
    turn, watch = await new_reader(model), Stopwatch()
    stream = asyncio.ensure_future((await new_reader(neighbour))(watch))
    await asyncio.sleep(LEAD_S)
    began_ns = time.monotonic_ns()
    took_s = await _turn_s(turn, model)
    ended_ns = time.monotonic_ns()
    await stream
    check_whole(watch, neighbour)
    gaps_ns = [later - ns for ns, later in pairwise(watch.arrivals_ns) if later > began_ns and ns < ended_ns]
    return took_s * 1000, max(gaps_ns) / 1e6


async def _turn_s(read: Read, model: str) -> float:
    listener = Listener()
    began_s = time.perf_counter()
    await read(listener)
    took_s = time.perf_counter() - began_s
    check_whole(listener, model)
    return took_s
