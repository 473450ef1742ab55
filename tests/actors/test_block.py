"""Blocks that begin in one task and end in another: cells of a notebook, clean-up tasks, fixtures of a plugin."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import pytest

from actors import (
    AsyncioSystemBase,
    GenServer,
    Mailbox,
    NoCaller,
    NoSystem,
    alive,
    receive,
    self_pid,
    spawn,
    start,
    start_link,
    whereis,
)
from actors.system.current import current_system, open_systems
from actors.testing import settled

Block = AbstractAsyncContextManager[Any]
Leave = Callable[[Block], Awaitable[None]]


async def by_another_task(block: Block) -> None:
    await asyncio.create_task(block.__aexit__(None, None, None))


async def by_an_error_in_another_task(block: Block) -> None:
    fault = ValueError("of the block")
    await asyncio.create_task(block.__aexit__(ValueError, fault, None))


async def by_a_task_that_is_cancelled(block: Block) -> None:
    entered = asyncio.Event()

    async def hold() -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_exit(block)
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


LEAVES = (by_another_task, by_an_error_in_another_task, by_a_task_that_is_cancelled)


@pytest.mark.parametrize("leave", LEAVES)
async def test_a_system_that_another_task_leaves_has_ended_and_is_no_longer_the_current_one(leave: Leave) -> None:
    system = await AsyncioSystemBase().__aenter__()
    pid = spawn(receive)
    await leave(system)
    assert not alive(pid)
    assert system not in open_systems
    with pytest.raises(NoSystem, match="got none"):
        current_system()


@pytest.mark.parametrize("leave", LEAVES)
async def test_after_a_system_that_another_task_left_the_next_one_is_current(leave: Leave) -> None:
    await leave(await AsyncioSystemBase().__aenter__())
    async with AsyncioSystemBase() as system:
        assert current_system() is system
    system = AsyncioSystemBase()
    await asyncio.create_task(system.__aenter__())
    assert current_system() is system  # the only one of the loop
    await leave(system)


@pytest.mark.parametrize("leave", LEAVES)
async def test_an_inner_system_that_another_task_leaves_gives_way_to_the_outer_one(leave: Leave) -> None:
    async with AsyncioSystemBase() as outer, AsyncioSystemBase():
        await leave(await AsyncioSystemBase().__aenter__())
        assert current_system() is not outer
        inner = current_system()
        await leave(await AsyncioSystemBase().__aenter__())
        assert current_system() is inner
    with pytest.raises(NoSystem):
        current_system()


@pytest.mark.parametrize("leave", LEAVES)
async def test_a_mailbox_that_another_task_leaves_is_closed_and_no_longer_the_caller(leave: Leave) -> None:
    async with AsyncioSystemBase():
        box = await Mailbox().__aenter__()
        assert self_pid() == box.pid
        await leave(box)
        assert not alive(box.pid)
        with pytest.raises(NoCaller, match="expects a calling process"):
            self_pid()
        async with Mailbox() as outer:
            await leave(await Mailbox().__aenter__())
            assert self_pid() == outer.pid


async def test_a_process_whose_mailbox_another_task_left_is_the_caller_again() -> None:
    seen: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def process() -> None:
        me = self_pid()
        await by_another_task(await Mailbox().__aenter__())
        seen.set_result(self_pid() == me)

    async with AsyncioSystemBase():
        spawn(process)
        assert await seen


async def test_blocks_may_end_in_the_order_in_which_they_began() -> None:
    async with AsyncioSystemBase() as outer:
        first, second = Mailbox(), Mailbox()
        for box in (first, second):
            await box.__aenter__()
        await first.__aexit__(None, None, None)
        assert self_pid() == second.pid
        await second.__aexit__(None, None, None)
        with pytest.raises(NoCaller, match="expects a calling process"):
            self_pid()
        earlier, later = AsyncioSystemBase(), AsyncioSystemBase()
        for system in (earlier, later):
            await system.__aenter__()
        await earlier.__aexit__(None, None, None)
        assert current_system() is later
        await later.__aexit__(None, None, None)
        assert current_system() is outer


async def test_a_system_entered_and_left_in_tasks_of_their_own_serves_the_tasks_between() -> None:
    system = AsyncioSystemBase()
    await asyncio.create_task(system.__aenter__())
    pid = await asyncio.create_task(start(Named, name="named"))
    assert whereis("named") == pid
    await asyncio.create_task(system.__aexit__(None, None, None))
    assert not alive(pid)


async def test_an_exit_stack_that_a_clean_up_task_closes_ends_what_it_holds() -> None:
    stack = AsyncExitStack()
    await stack.enter_async_context(AsyncioSystemBase())
    box = await stack.enter_async_context(Mailbox())
    pid = await start_link(Named)
    await asyncio.create_task(stack.aclose())
    assert not alive(box.pid)
    assert not alive(pid)
    with pytest.raises(NoSystem, match="got none"):
        current_system()


async def test_a_thousand_blocks_that_other_tasks_left_keep_nothing_of_each_other() -> None:
    async with AsyncioSystemBase() as system:
        for _ in range(1000):
            box = await Mailbox().__aenter__()
            await by_another_task(box)
            assert box.process.block.outer is None
        assert list(system.processes.values()) == [system.root]


async def test_leaving_that_is_cancelled_still_ends_every_process_before_it_says_so() -> None:
    pids = []
    ending, go_on = asyncio.Event(), asyncio.Event()

    class Slow(GenServer[None]):
        trap_exit = True

        def init(self) -> None:
            return None

        async def terminate(self, reason: object, state: None) -> None:
            ending.set()
            await go_on.wait()

    async def host() -> None:
        async with AsyncioSystemBase():
            pids.extend([spawn(receive), await start_link(Slow)])

    leaving = asyncio.create_task(host())
    await ending.wait()
    leaving.cancel()
    await settled()
    assert not leaving.done()
    leaving.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert [alive(pid) for pid in pids] == [False, False]


class Named(GenServer[None]):
    def init(self) -> None:
        return None
