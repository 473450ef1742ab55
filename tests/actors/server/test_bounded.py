"""Bounded mailboxes: each policy, the messages that are always accepted, and the line of waiting senders."""

import asyncio
import gc
from typing import Any
from weakref import WeakSet

import pytest

from actors import (
    HIBERNATE,
    KILL,
    MAILBOX_FULL,
    NORMAL,
    AsyncioSystemBase,
    Bound,
    Caller,
    CallFailed,
    CallTimeout,
    Down,
    Exit,
    GenServer,
    Mailbox,
    NoReply,
    Overflow,
    Pid,
    Reply,
    Task,
    call,
    cast,
    ended,
    exit,  # noqa: A004 (OTP's word)
    get_state,
    monitor,
    receive,
    send,
    send_blocking,
    spawn,
    start,
    stop,
    sys,
)
from actors.testing import settled

pytestmark = pytest.mark.usefixtures("system")


class Recorder(GenServer[list[Any]]):
    """Keeps its messages; the reply to a call is the list of earlier ones."""

    trap_exit = True

    def init(self) -> list[Any]:
        return []

    def handle_call(self, request: Any, caller: Caller, got: list[Any]) -> Reply[list[Any]]:
        return Reply(list(got), [*got, request])

    def handle_cast(self, message: Any, got: list[Any]) -> NoReply[list[Any]]:
        return NoReply([*got, message], HIBERNATE)

    def handle_info(self, message: Any, got: list[Any]) -> NoReply[list[Any]]:
        return NoReply([*got, message])


class Hanging(GenServer[Pid]):
    """Takes one message and then hangs."""

    bound = Bound(1, Overflow.BLOCK_SENDER)

    def init(self, to: Pid) -> Pid:
        return to

    async def handle_info(self, message: Any, to: Pid) -> NoReply[Pid]:
        send(to, "hanging")
        await asyncio.get_running_loop().create_future()
        return NoReply(to)


class WaitingRecorder(Recorder):
    async def handle_info(self, message: Any, got: list[Any]) -> NoReply[list[Any]]:  # type: ignore[override]
        await asyncio.sleep(0)
        return NoReply([*got, message])


each_kind = pytest.mark.parametrize("kind", [Recorder, WaitingRecorder])


def letters(system: AsyncioSystemBase) -> list[tuple[Any, Any]]:
    return [(letter.message, letter.reason) for letter in system.dead_letters]


@each_kind
async def test_drop_newest_keeps_what_came_first(kind: type[Recorder], system: AsyncioSystemBase) -> None:
    pid = await start(kind, bound=Bound(2, Overflow.DROP_NEWEST))
    for number in range(4):
        send(pid, number)
    assert letters(system) == [(2, MAILBOX_FULL), (3, MAILBOX_FULL)]
    await stop(pid)
    async with Mailbox(Bound(2, Overflow.DROP_NEWEST)) as box:
        for number in range(4):
            send(box.pid, number)
        assert [await box.receive(), await box.receive()] == [0, 1]


async def test_drop_oldest_keeps_what_came_last(system: AsyncioSystemBase) -> None:
    async with Mailbox(Bound(2, Overflow.DROP_OLDEST)) as box:
        for number in range(4):
            send(box.pid, number)
        assert [await box.receive(), await box.receive()] == [2, 3]
    assert letters(system) == [(0, MAILBOX_FULL), (1, MAILBOX_FULL)]


async def test_drop_oldest_drops_no_signal() -> None:
    async with Mailbox(Bound(2, Overflow.DROP_OLDEST)) as box:
        pid = spawn(receive)
        ref = monitor(pid)
        exit(pid, KILL)
        down = await box.receive()
        ref = monitor(pid)
        for number in range(3):
            send(box.pid, number)
        assert down.pid == pid
        assert [(await box.receive()).ref, await box.receive()] == [ref, 2]


async def test_a_full_mailbox_of_signals_takes_no_message(system: AsyncioSystemBase) -> None:
    async with Mailbox(Bound(1, Overflow.DROP_OLDEST)) as box:
        pid = spawn(receive)
        exit(pid, KILL)
        await ended(pid)
        monitor(pid)
        send(box.pid, "dropped")
        assert letters(system) == [("dropped", MAILBOX_FULL)]


@pytest.mark.parametrize("overflow", Overflow)
async def test_a_full_mailbox_accepts_signals_and_system_messages(overflow: Overflow) -> None:
    pid = await start(Recorder, bound=Bound(1, overflow))
    await sys.suspend(pid)
    send(pid, "full")
    async with Mailbox() as box:
        exit(pid, "hello")
        assert (await sys.get_status(pid)).mailbox_length == 2
        await sys.resume(pid)
        assert await get_state(pid) == ["full", Exit(box.pid, "hello")]


@pytest.mark.parametrize("overflow", [Overflow.DROP_NEWEST, Overflow.DROP_OLDEST])
async def test_a_dropped_call_fails_at_once(overflow: Overflow) -> None:
    pid = await start(Recorder, bound=Bound(1, overflow))
    first, second = asyncio.ensure_future(call(pid, 1)), asyncio.ensure_future(call(pid, 2))
    results = await asyncio.gather(first, second, return_exceptions=True)
    failed, answered = results if overflow is Overflow.DROP_OLDEST else results[::-1]
    assert isinstance(failed, CallFailed)
    assert (failed.reason, answered) == (MAILBOX_FULL, [])


@each_kind
async def test_crash_receiver_ends_the_process_even_if_it_traps(kind: type[Recorder]) -> None:
    pid = await start(kind, bound=Bound(2, Overflow.CRASH_RECEIVER))
    async with Mailbox() as box:
        ref = monitor(pid)
        for number in range(3):
            send(pid, number)
        assert await box.receive() == Down(ref, pid, MAILBOX_FULL)


async def test_a_process_that_overflows_itself_ends_after_its_callback(system: AsyncioSystemBase) -> None:
    class Selfish(Recorder):
        bound = Bound(2, Overflow.CRASH_RECEIVER)

        def handle_info(self, message: Any, got: list[Any]) -> NoReply[list[Any]]:
            for number in range(4):
                send(self.pid, number)
            return NoReply(got)

    pid = await start(Selfish)
    async with Mailbox() as box:
        ref = monitor(pid)
        send(pid, "begin")
        assert await box.receive() == Down(ref, pid, MAILBOX_FULL)
    assert system.dead_letter_count == 4


@each_kind
async def test_send_blocking_waits_for_room_and_keeps_the_order(kind: type[Recorder]) -> None:
    pid = await start(kind, bound=Bound(2, Overflow.BLOCK_SENDER))

    async def sender(first: int) -> None:
        for number in range(first, first + 50):
            await send_blocking(pid, number)

    await asyncio.gather(sender(0), sender(100))
    got = await get_state(pid)
    assert [number for number in got if number < 100] == list(range(50))
    assert [number for number in got if number >= 100] == list(range(100, 150))


async def test_a_call_waits_in_the_line_for_room() -> None:
    pid = await start(Recorder, bound=Bound(1, Overflow.BLOCK_SENDER))
    calls = [asyncio.ensure_future(call(pid, number)) for number in range(4)]
    assert [len(got) for got in await asyncio.gather(*calls)] == [0, 1, 2, 3]


async def test_a_message_that_can_not_wait_is_dropped_while_senders_wait(system: AsyncioSystemBase) -> None:
    pid = await start(Recorder, bound=Bound(1, Overflow.BLOCK_SENDER))
    calls = [asyncio.ensure_future(call(pid, number)) for number in range(2)]
    await asyncio.sleep(0)
    cast(pid, "cast")
    assert len(system.dead_letters) == 1
    assert system.dead_letters[0].reason is MAILBOX_FULL
    await asyncio.gather(*calls)


async def test_a_sender_that_stops_waiting_sends_nothing() -> None:
    pid = await start(Recorder, bound=Bound(1, Overflow.BLOCK_SENDER))
    await sys.suspend(pid)
    send(pid, "full")
    with pytest.raises(TimeoutError, match="no room in the mailbox"):
        await send_blocking(pid, "too late", 0)
    with pytest.raises(CallTimeout):
        await call(pid, "too late", 0)
    cancelled = asyncio.ensure_future(send_blocking(pid, "cancelled"))
    waiting = asyncio.ensure_future(send_blocking(pid, "waited"))
    await settled()
    cancelled.cancel()
    await sys.resume(pid)
    await waiting
    assert await get_state(pid) == ["full", "waited"]


async def test_senders_that_stop_waiting_leave_the_line() -> None:
    """A server that hangs would otherwise keep the message of every sender that has stopped waiting."""

    class Heavy:
        pass

    kept: WeakSet[Heavy] = WeakSet()
    async with Mailbox() as box:
        hanging = await start(Hanging, box.pid)
        send(hanging, "what it hangs on")
        assert await box.receive(timeout_s=60) == "hanging"
    send(hanging, "what fills its mailbox")
    for wait in (send_blocking, call):
        for _ in range(10):
            heavy = Heavy()
            kept.add(heavy)
            with pytest.raises(TimeoutError):
                await wait(hanging, heavy, 0.001)
            del heavy
    await settled()
    gc.collect()
    assert len(kept) == 0
    exit(hanging, KILL)


async def test_the_end_of_a_process_frees_its_waiting_senders(system: AsyncioSystemBase) -> None:
    pid = await start(Recorder, bound=Bound(1, Overflow.BLOCK_SENDER))
    await sys.suspend(pid)
    send(pid, "full")
    waiting = asyncio.ensure_future(send_blocking(pid, "waited"))
    calling = asyncio.ensure_future(call(pid, "called"))
    await settled()
    await sys.terminate(pid, NORMAL)
    await waiting
    with pytest.raises(CallFailed):
        await calling
    assert [letter.message for letter in system.dead_letters][:2] == ["full", "waited"]


@pytest.mark.parametrize("overflow", [None, Overflow.DROP_NEWEST])
async def test_send_blocking_is_a_plain_send_where_nothing_blocks(overflow: Overflow | None) -> None:
    async with Mailbox(Bound(1, overflow) if overflow else None) as box:
        await send_blocking(box.pid, "hello")
        assert await box.receive() == "hello"
    await send_blocking("nobody", "hello")


async def test_a_bounded_task_lets_its_senders_in_as_it_receives() -> None:
    class Reader(Task):
        bound = Bound(1, Overflow.BLOCK_SENDER)

        def __init__(self, to: Pid) -> None:
            self.to = to

        async def run(self) -> None:
            for _ in range(3):
                send(self.to, await self.receive())

    async with Mailbox() as box:
        pid = Reader.start(box.pid)
        for number in range(3):
            await send_blocking(pid, number)
        assert [await box.receive() for _ in range(3)] == [0, 1, 2]


async def test_a_bound_outlives_hibernation() -> None:
    pid = await start(Recorder, bound=Bound(1, Overflow.DROP_NEWEST))
    cast(pid, "hibernate")
    assert await get_state(pid) == ["hibernate"]
    cast(pid, 1)
    cast(pid, 2)
    assert await get_state(pid) == ["hibernate", 1]


def test_a_bound_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a max_length of at least 1, got 0"):
        Bound(0, Overflow.DROP_NEWEST)
