"""Long work on the loop, in slices: other code runs between two of them.

def doubled(numbers):
    found = []
    for number in numbers:
        found.append(2 * number)
        yield                           # other code may run here
    return found

twice = await in_slices(doubled(range(1_000_000)))
twice = at_once(doubled(range(10)))     # without a loop

The data that the work reads may change between two slices.
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterable
from time import perf_counter
from typing import Final, TypeVar

T = TypeVar("T")

SLICE_S: Final = 0.001


async def in_slices(work: Generator[None, None, T]) -> T:
    """Run the work and return its result. Other code runs about every SLICE_S."""
    until_s = perf_counter() + SLICE_S
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
        if perf_counter() >= until_s:
            await asyncio.sleep(0)
            until_s = perf_counter() + SLICE_S


async def paced(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items. Other code runs about every SLICE_S."""
    until_s = perf_counter() + SLICE_S
    for item in items:
        yield item
        if perf_counter() >= until_s:
            await asyncio.sleep(0)
            until_s = perf_counter() + SLICE_S


def at_once(work: Generator[None, None, T]) -> T:
    """Run the work without a pause and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
