"""The delay of tokens of many paced streams, the share of a core that they take, and the time that the machine
withheld.
"""

import asyncio
import time
from pathlib import Path
from typing import Final

from benchmarks.workload import Load, Measured, Stopwatch, Subject, check_whole, warm

WARMING_PART: Final = 5
"""A stream is cut into this number of parts. The first part, in which the other streams start, is not measured."""


async def measured(subject: Subject, base_url: str, load: Load) -> Measured:
    """Milliseconds from a token's writing by the provider to its reader; CPU time and percents while all streams run.

    Nothing collects the garbage of the start: a program does not do so either, and its first collections count.
    """
    watches = [Stopwatch() for _ in range(load.streams)]
    ramp_s = load.tokens * (load.every_ms or 0) / 1000 / WARMING_PART
    async with subject(base_url) as new_reader:
        await warm(new_reader)
        readers = [await new_reader(load.model) for _ in watches]

        async def one(number: int) -> None:
            await asyncio.sleep(number / load.streams * ramp_s)  # a provider's streams are not in step
            await readers[number](watches[number])

        streams = [asyncio.create_task(one(number)) for number in range(load.streams)]
        await asyncio.sleep(ramp_s)
        shares = await _shares(streams, watches)
        await asyncio.gather(*streams)
    for watch in watches:
        check_whole(watch, load.model)
    delays_ns = sorted(ns for watch in watches for ns in watch.delays_ns[load.tokens // WARMING_PART :])
    percents = {"median": 50, "p90": 90, "p99": 99}
    parts = {name: delays_ns[len(delays_ns) * percent // 100] / 1e6 for name, percent in percents.items()}
    return {**parts, "max": delays_ns[-1] / 1e6, **shares}


async def _shares(streams: list[asyncio.Task[None]], watches: list[Stopwatch]) -> Measured:
    """Measure from now, when all have started, until the first stream ends."""
    cpu_s, kept_s, now_s, tokens = time.process_time(), _kept_waiting_s(), time.perf_counter(), _tokens(watches)
    await asyncio.wait(streams, return_when=asyncio.FIRST_COMPLETED)
    passed_s, spent_s = time.perf_counter() - now_s, time.process_time() - cpu_s
    return {
        "cpu": spent_s / (_tokens(watches) - tokens) * 1e6,
        "core": spent_s / passed_s * 100,
        "kept": (_kept_waiting_s() - kept_s) / passed_s * 100,
    }


def _tokens(watches: list[Stopwatch]) -> int:
    return sum(len(watch.delays_ns) for watch in watches)


def _kept_waiting_s() -> float:
    """Return the time for which this thread was ready and other threads had the cores."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
