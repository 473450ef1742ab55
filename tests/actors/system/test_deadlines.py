"""Deadlines: each wait ends after its time, and all share one timer."""

import asyncio
from typing import Any

import pytest

from actors import AsyncioSystemBase, Caller, CallFailed, GenServer, NoReply, Reply, Stop, call, start
from actors.system.deadlines import Deadlines
from actors.testing import settled, simulated


class Waiter:
    def __init__(self, order: list["Waiter"]) -> None:
        self.order = order
        self.expired: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def expire(self, timeout_s: float) -> None:
        self.order.append(self)
        self.expired.set_result(timeout_s)


@simulated(seeds=5)
async def test_waits_expire_in_the_order_in_which_they_began_and_not_early() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, 5.0)
    order: list[Waiter] = []
    first = Waiter(order)
    deadlines.add(first)
    assert await first.expired == 5.0
    assert loop.time() == 5.0
    second, third = Waiter(order), Waiter(order)
    deadlines.add(second)
    await asyncio.sleep(0.5)
    deadlines.add(third)
    await second.expired
    assert loop.time() == 10.0
    await third.expired
    assert loop.time() == 10.5
    assert order == [first, second, third]
    assert deadlines.waiting == {}


@simulated(seeds=5)
async def test_a_wait_that_has_ended_does_not_expire() -> None:
    deadlines = Deadlines(asyncio.get_running_loop(), 5.0)
    order: list[Waiter] = []
    answered, waiting = Waiter(order), Waiter(order)
    deadlines.add(answered)
    deadlines.add(waiting)
    del deadlines.waiting[answered]
    await waiting.expired
    assert order == [waiting]


async def test_a_call_that_is_over_however_it_ended_leaves_no_deadline() -> None:
    class Server(GenServer[None]):
        def init(self) -> None:
            return None

        def handle_call(self, request: Any, caller: Caller, state: None) -> Any:
            return {"reply": Reply(1, state), "stop": Stop("stopped", state), "none": NoReply(state)}[request]

    async with AsyncioSystemBase() as system:
        assert await call(await start(Server), "reply") == 1
        with pytest.raises(CallFailed):
            await call(await start(Server), "stop")
        cancelled = asyncio.create_task(call(await start(Server), "none"))
        await settled()
        assert len(system.deadlines.waiting) == 1
        cancelled.cancel()
        await asyncio.wait({cancelled})
        assert system.deadlines.waiting == {}
