"""Deadlines: each wait ends when its time is over, on one timer for all."""

import asyncio

from actors.server.deadlines import Deadlines


class Waiter:
    def __init__(self, order: list["Waiter"]) -> None:
        self.order = order
        self.expired: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def expire(self, timeout_s: float) -> None:
        self.order.append(self)
        self.expired.set_result(timeout_s)


async def test_waits_expire_in_the_order_in_which_they_began_and_not_early() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, 0.005)
    order: list[Waiter] = []
    first = Waiter(order)
    deadlines.add(first)
    began = loop.time()
    assert await first.expired == 0.005
    assert loop.time() >= began
    second, third = Waiter(order), Waiter(order)
    deadlines.add(second)
    await asyncio.sleep(0)
    deadlines.add(third)
    await third.expired
    assert order == [first, second, third]
    assert deadlines.waiting == {}


async def test_what_no_longer_waits_does_not_expire() -> None:
    deadlines = Deadlines(asyncio.get_running_loop(), 0.002)
    order: list[Waiter] = []
    answered, waiting = Waiter(order), Waiter(order)
    deadlines.add(answered)
    deadlines.add(waiting)
    del deadlines.waiting[answered]
    await waiting.expired
    assert order == [waiting]
