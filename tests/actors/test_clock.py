"""The clocks of a loop."""

import asyncio
import time

from actors import new_event_loop
from actors.clock import clock, now_s, unix_s
from actors.testing import simulated


def test_the_clock_moves_within_one_turn_of_the_loop() -> None:
    async def moves() -> None:
        read = clock()
        began = read()
        while read() == began:
            pass

    loop = new_event_loop()
    try:
        loop.run_until_complete(moves())
    finally:
        loop.close()


async def test_the_unix_time_is_that_of_the_machine() -> None:
    before = time.time()
    assert before <= unix_s() <= time.time()


@simulated(seeds=2)
async def test_both_clocks_of_a_virtual_loop_are_its_own() -> None:
    await asyncio.sleep(3600)
    assert now_s() == unix_s() == asyncio.get_running_loop().time() >= 3600
