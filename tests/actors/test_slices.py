"""Long work in slices: its result is the same as without slices, and other code runs meanwhile."""

import asyncio
from collections.abc import Generator
from time import perf_counter

import pytest

from actors.slices import SLICE_S, at_once, in_slices, paced


def spend_a_slice() -> None:
    until_s = perf_counter() + SLICE_S
    while perf_counter() <= until_s:
        pass


def squares(count: int) -> Generator[None, None, list[int]]:
    found: list[int] = []
    for number in range(count):
        spend_a_slice()
        found.append(number * number)
        yield
    return found


async def counting(turns: list[int]) -> None:
    while True:
        turns.append(1)
        await asyncio.sleep(0)


async def test_others_run_after_each_slice_of_a_work() -> None:
    turns: list[int] = []
    other = asyncio.create_task(counting(turns))
    assert await in_slices(squares(20)) == [number * number for number in range(20)]
    other.cancel()
    assert len(turns) >= 20


async def test_others_run_between_the_items_that_take_a_slice() -> None:
    turns: list[int] = []
    other = asyncio.create_task(counting(turns))
    found = []
    async for item in paced(range(20)):
        spend_a_slice()
        found.append(item)
    other.cancel()
    assert found == list(range(20))
    assert len(turns) >= 20


async def test_a_short_work_is_done_at_once() -> None:
    turns: list[int] = []
    other = asyncio.create_task(counting(turns))
    assert await in_slices(squares(0)) == at_once(squares(0)) == []
    other.cancel()
    assert turns == []


async def test_an_exception_of_the_work_is_raised() -> None:
    def failing() -> Generator[None, None, None]:
        yield
        raise LookupError("of the work")

    with pytest.raises(LookupError, match="of the work"):
        await in_slices(failing())
    with pytest.raises(LookupError, match="of the work"):
        at_once(failing())
