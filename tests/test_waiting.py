"""The wait of the tests: it returns what fits, and its failure has what did not come and what was last seen."""

import asyncio

import pytest

from actors.testing import simulated
from tests.waiting import eventually


@simulated(seeds=1)
async def test_it_returns_the_first_sight_that_fits() -> None:
    numbers = iter(range(10))

    async def later() -> int:
        return next(numbers)

    assert await eventually(lambda: next(numbers), what="a number") == 1
    assert await eventually(later, lambda number: number > 3, what="a number above 3") == 4


@simulated(seeds=1)
async def test_its_failure_has_what_did_not_come_and_what_was_last_seen() -> None:
    with pytest.raises(AssertionError, match=r"^expected a run within 5 s, last saw \[\]$"):
        await eventually(list, what="a run", within_s=5.0)
    with pytest.raises(AssertionError, match=r"^expected a run within 60 s, last saw 'nothing'$"):
        await eventually(asyncio.Event().wait, what="a run")


@simulated(seeds=1)
async def test_the_error_of_a_look_is_raised_at_once() -> None:
    async def too_late() -> None:
        raise TimeoutError("the answer took too long")

    with pytest.raises(TimeoutError, match="the answer took too long"):
        await eventually(too_late, what="an answer")
