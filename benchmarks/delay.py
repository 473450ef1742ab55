"""The delay of tokens of many paced streams, the share of a core that they take, and the time that the machine
withheld.
"""

import asyncio
import gc
import time
from pathlib import Path
from typing import Final

from benchmarks.workload import Load, Measured, Stopwatch, Subject, check_whole, warm

WARMING_PART: Final = 5
"""A stream is cut into this number of parts. The first part, in which the other streams start, is not measured."""


async def measured(subject: Subject, base_url: str, load: Load) -> Measured:
    """Milliseconds from a token's writing by the provider to its reader; percents while all streams run."""
    watches = [Stopwatch() for _ in range(load.streams)]
    ramp_s = load.tokens * (load.every_ms or 0) / 1000 / WARMING_PART
    async with subject(base_url) as new_reader:
        await warm(new_reader)
        readers = [await new_reader(load.model) for _ in watches]
        gc.collect()

        async def one(number: int) -> None:
            await asyncio.sleep(number / load.streams * ramp_s)  # a provider's streams are not in step
            await readers[number](watches[number])

        streams = [asyncio.create_task(one(number)) for number in range(load.streams)]
        await asyncio.sleep(ramp_s)
        shares = await _shares(streams)
        await asyncio.gather(*streams)
    for watch in watches:
        check_whole(watch, load.model)
    delays_ns = sorted(ns for watch in watches for ns in watch.delays_ns[load.tokens // WARMING_PART :])
    return {
        "median": delays_ns[len(delays_ns) // 2] / 1e6,
        "p99": delays_ns[len(delays_ns) * 99 // 100] / 1e6,
        **shares,
    }


async def _shares(streams: list[asyncio.Task[None]]) -> Measured:
    """Measure from now, when all have started, until the first stream ends."""
    cpu_s, kept_s, now_s = time.process_time(), _kept_waiting_s(), time.perf_counter()
    await asyncio.wait(streams, return_when=asyncio.FIRST_COMPLETED)
    passed_s = time.perf_counter() - now_s
    return {
        "core": (time.process_time() - cpu_s) / passed_s * 100,
        "kept": (_kept_waiting_s() - kept_s) / passed_s * 100,
    }


def _kept_waiting_s() -> float:
    """Return the time for which this thread was ready and other threads had the cores."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
