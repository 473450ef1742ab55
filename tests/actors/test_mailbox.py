"""Mailbox: the process of code outside any process."""

import asyncio
from itertools import takewhile
from typing import Any

import pytest

from actors import (
    KILL,
    KILLED,
    NORMAL,
    AsyncioSystemBase,
    Down,
    Exit,
    Mailbox,
    MailboxClosed,
    Pid,
    exit,  # noqa: A004 (OTP's word)
    link,
    receive,
    self_pid,
    send,
    send_after,
    spawn,
)
from actors.kernel.errors import NoCaller
from actors.testing import settled, simulated

pytestmark = pytest.mark.usefixtures("system")


async def nothing() -> None:
    pass


async def test_inside_its_block_a_mailbox_is_the_calling_process() -> None:
    async with Mailbox() as outer:
        async with Mailbox() as inner:
            assert self_pid() == inner.pid
        assert self_pid() == outer.pid
    with pytest.raises(NoCaller):
        self_pid()


async def test_a_mailbox_traps_exits() -> None:
    async with Mailbox() as box:
        pid = spawn(nothing)
        link(pid)
        assert await box.receive() == Exit(pid, NORMAL)


async def test_messages_come_in_order_of_arrival() -> None:
    async with Mailbox() as box:
        for number in range(200):
            send(box.pid, number)
        assert [await box.receive() for _ in range(200)] == list(range(200))


@simulated(seeds=10)
async def test_receive_gives_up_after_its_timeout_and_then_goes_on() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        with pytest.raises(TimeoutError, match=r"no message within 7\.5 s"):
            await box.receive(7.5)
        send(box.pid, "late")
        assert await box.receive(7.5) == "late"
        assert asyncio.get_running_loop().time() == 7.5


async def test_a_cancelled_receive_loses_no_message() -> None:
    async with Mailbox() as box:
        waiting = asyncio.create_task(box.receive())
        await settled()
        send(box.pid, "kept")
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await box.receive() == "kept"


async def test_a_closed_mailbox_answers_who_waits_and_who_comes_later() -> None:
    box = Mailbox()
    waiting = asyncio.create_task(box.receive())
    await settled()
    box.close()
    with pytest.raises(MailboxClosed):
        await waiting
    with pytest.raises(MailboxClosed):
        await box.receive()
    assert [message async for message in box] == []


async def test_iteration_ends_when_the_mailbox_is_killed() -> None:
    async with Mailbox() as box:
        send(box.pid, 1)
        send(box.pid, 2)
        got = []
        async for message in box:
            got.append(message)
            if message == 2:
                exit(box.pid, KILL)
        assert got == [1, 2]


async def test_many_messages_are_taken_at_once_in_order_and_no_more_than_asked_for() -> None:
    async with Mailbox() as box:
        for number in range(5):
            send(box.pid, number)
        assert await box.receive_many(3) == [0, 1, 2]
        assert await box.receive_many(3) == [3, 4]
        with pytest.raises(TimeoutError):
            await box.receive_many(3, 0)
        waiting = asyncio.create_task(box.receive_many(3))
        await settled()
        send(box.pid, 5)
        assert await waiting == [5]


async def test_a_receiver_that_has_waited_takes_the_next_message_without_a_yield() -> None:
    others: list[str] = []

    def send_two(to: Pid) -> None:
        send(to, "first")
        send(to, "second")

    async with Mailbox() as box:
        asyncio.get_running_loop().call_soon(send_two, box.pid)
        assert await box.receive() == "first"
        asyncio.get_running_loop().call_soon(others.append, "ran")
        assert await box.receive() == "second"
        assert others == []


class Taker:
    """A function that takes numbers, at most `most` of them in all, and notes each call."""

    def __init__(self, most: int = 1000) -> None:
        self.calls, self.most = list[list[Any]](), most

    @property
    def taken(self) -> list[Any]:
        return [message for call in self.calls for message in call]

    def __call__(self, messages: list[Any]) -> int:
        numbers = list(takewhile(lambda message: isinstance(message, int), messages))[: self.most - len(self.taken)]
        self.calls.append(numbers)
        return len(numbers)


async def test_pushed_messages_are_taken_in_order_until_one_is_for_the_owner() -> None:
    taker = Taker()
    async with Mailbox() as box:
        send(box.pid, 0)
        pushing = asyncio.create_task(box.push_to(taker, 512, 60))
        for number in range(1, 100):
            await asyncio.sleep(0)
            send(box.pid, number)
        await settled()
        assert taker.taken == list(range(100))
        assert not pushing.done()
        for message in (100, "for the owner", 101):
            send(box.pid, message)
        await pushing
        assert taker.taken == list(range(101))
        assert await box.receive_many(10) == ["for the owner", 101]
        assert box.process.reductions == 103


async def test_messages_of_one_turn_of_the_loop_are_pushed_together_but_no_more_than_asked_for() -> None:
    taker = Taker()
    async with Mailbox() as box:
        pushing = asyncio.create_task(box.push_to(taker, 3, 60))
        await settled()
        for number in range(5):
            send(box.pid, number)
        await settled()
        assert taker.calls == [[0, 1, 2], [3, 4]]
        pushing.cancel()


async def test_a_message_that_is_not_taken_waits_for_the_owner() -> None:
    taker = Taker(most=2)
    async with Mailbox() as box:
        pushing = asyncio.create_task(box.push_to(taker, 512, 60))
        await settled()
        for number in range(4):
            send(box.pid, number)
        await pushing
        assert taker.taken == [0, 1]
        assert await box.receive_many(10) == [2, 3]


async def test_an_error_of_the_taker_reaches_the_owner_and_the_messages_stay() -> None:
    def fails(_messages: list[Any]) -> int:
        raise ZeroDivisionError

    async with Mailbox() as box:
        pushing = asyncio.create_task(box.push_to(fails, 512, 60))
        await settled()
        send(box.pid, 1)
        with pytest.raises(ZeroDivisionError):
            await pushing
        with pytest.raises(ZeroDivisionError):
            await box.push_to(fails, 512, 60)
        assert await box.receive() == 1


@pytest.mark.parametrize("arrived", [True, False], ids=["a message that has arrived", "a later message"])
async def test_a_taker_may_close_the_mailbox(arrived: bool) -> None:
    async with Mailbox() as box:

        def closes(messages: list[Any]) -> int:
            box.close()
            return len(messages)

        if arrived:
            send(box.pid, 1)
        pushing = asyncio.create_task(box.push_to(closes, 512, 60))
        await settled()
        send(box.pid, 2)
        with pytest.raises(MailboxClosed):
            await pushing
        assert not box.pid.alive


async def test_a_mailbox_that_is_closed_pushes_no_more() -> None:
    taker = Taker()
    async with Mailbox() as box:
        pushing = asyncio.create_task(box.push_to(taker, 512, 60))
        await settled()
        send(box.pid, 1)
        box.close()
        with pytest.raises(MailboxClosed):
            await pushing
        assert taker.calls == []


@simulated(seeds=10)
async def test_a_push_ends_after_its_time_whatever_was_taken() -> None:
    taker = Taker()
    async with AsyncioSystemBase(), Mailbox() as box:
        send_after(5.0, box.pid, 1)
        with pytest.raises(TimeoutError, match=r"no message within 7\.5 s"):
            await box.push_to(taker, 512, 7.5)
        assert taker.taken == [1]
        assert asyncio.get_running_loop().time() == 7.5


async def test_a_second_receiver_beside_a_push_is_refused() -> None:
    taker = Taker()
    async with Mailbox() as box:
        pushing = asyncio.create_task(box.push_to(taker, 512, 60))
        await settled()
        for second in (box.push_to(taker, 512, 60), box.receive()):
            with pytest.raises(RuntimeError, match="one receiver at a time"):
                await second
        send(box.pid, 1)
        await settled()
        assert taker.taken == [1]
        pushing.cancel()


async def test_a_message_to_a_closed_mailbox_is_a_dead_letter(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        send(box.pid, "unread")
    send(box.pid, "late")
    assert [letter.message for letter in system.dead_letters] == ["unread", "late"]


async def test_an_open_mailbox_ends_with_its_system() -> None:
    async with AsyncioSystemBase():
        box = Mailbox()
        waiting = asyncio.create_task(box.receive())
        await settled()
    with pytest.raises(MailboxClosed):
        await waiting


async def test_a_mailbox_that_was_not_entered_monitors_for_itself() -> None:
    async with Mailbox() as caller:
        box, pid = Mailbox(), spawn(receive)
        ref, unwatched = box.monitor(pid), box.monitor(pid)
        box.demonitor(unwatched)
        exit(pid, KILL)
        assert await box.receive() == Down(ref, pid, KILLED)
        assert not box.process.mailbox
        assert not caller.process.mailbox
        box.close()


async def test_a_demonitor_removes_a_down_that_has_arrived() -> None:
    async with Mailbox() as box:
        pid = spawn(receive)
        ref = box.monitor(pid)
        exit(pid, KILL)
        await settled()
        box.demonitor(ref)
        box.put("the next message")
        assert await box.receive() == "the next message"
