"""Task: a process that is a coroutine. Others learn of its end after the coroutine has ended."""

import asyncio
from typing import Any

import pytest

from actors import (
    KILL,
    KILLED,
    NORMAL,
    SHUTDOWN,
    AsyncioSystemBase,
    Crash,
    Down,
    Exit,
    ExitProcess,
    Mailbox,
    MailboxClosed,
    NoCaller,
    Pid,
    Task,
    exit,  # noqa: A004 (OTP's word)
    monitor,
    receive,
    self_pid,
    send,
    spawn,
    spawn_link,
)
from actors.kernel.process import INSIST_S
from actors.testing import settled, simulated

pytestmark = pytest.mark.usefixtures("system")


async def returns() -> str:
    return "ignored"


async def crashes() -> None:
    raise ValueError("oops")


async def leaves() -> None:
    raise ExitProcess(("left", 1))


async def quits() -> None:
    raise SystemExit(3)


async def cancels_itself() -> None:
    raise asyncio.CancelledError


async def hangs() -> None:
    await asyncio.get_running_loop().create_future()


async def reason_of(pid: Pid, box: Mailbox) -> Any:
    ref = monitor(pid)
    down = await box.receive()
    assert isinstance(down, Down)
    assert down.ref is ref
    return down.reason


async def test_a_task_ends_normal_when_its_coroutine_returns() -> None:
    async with Mailbox() as box:
        assert await reason_of(spawn(returns), box) is NORMAL


@pytest.mark.parametrize(
    ("body", "error"), [(crashes, ValueError), (quits, SystemExit), (cancels_itself, asyncio.CancelledError)]
)
async def test_an_exception_in_a_task_is_its_crash(body: Any, error: type[BaseException]) -> None:
    async with Mailbox() as box:
        reason = await reason_of(spawn(body), box)
        assert isinstance(reason, Crash)
        assert type(reason.exception) is error


async def test_exit_process_is_the_reason_of_the_end() -> None:
    async with Mailbox() as box:
        assert await reason_of(spawn(leaves), box) == ("left", 1)


@pytest.mark.parametrize(("signal", "seen"), [(KILL, KILLED), (SHUTDOWN, SHUTDOWN), (None, None)])
@pytest.mark.parametrize("running", [True, False], ids=["running", "unstarted"])
async def test_an_exit_signal_cancels_the_coroutine(signal: object, seen: object, running: bool) -> None:
    async with Mailbox() as box:
        pid = spawn(hangs)
        if running:
            await settled()
        exit(pid, signal)
        assert await reason_of(pid, box) is seen


async def test_down_comes_only_after_the_coroutine_has_ended() -> None:
    async def slow_to_end(to: Pid) -> None:
        send(to, "running")
        try:
            await hangs()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            send(to, "last words")

    async with Mailbox() as box:
        pid = spawn(slow_to_end, box.pid)
        assert await box.receive() == "running"
        ref = monitor(pid)
        exit(pid, "gone")
        assert await box.receive() == "last words"
        assert await box.receive() == Down(ref, pid, "gone")


async def test_a_kill_ends_a_coroutine_that_swallows_its_cancellation() -> None:
    async def stubborn(to: Pid) -> None:
        send(to, "running")
        for swallowed in range(3):
            try:
                await hangs()
            except asyncio.CancelledError:
                send(to, swallowed)
        await hangs()

    async with Mailbox() as box:
        pid = spawn(stubborn, box.pid)
        assert await box.receive() == "running"
        ref = monitor(pid)
        exit(pid, KILL)
        assert [await box.receive() for _ in range(4)] == [0, 1, 2, Down(ref, pid, KILLED)]


@simulated(seeds=10)
async def test_a_linked_process_that_was_killed_leaves_the_time_to_clean_up() -> None:
    """KILLED arrives over the link as a reason, and does not kill."""

    async def careful(to: Pid) -> None:
        send(to, self_pid())
        try:
            await hangs()
        finally:
            for _ in range(3):
                await asyncio.sleep(INSIST_S)
            send(to, "cleaned up")

    async def host(to: Pid) -> None:
        spawn_link(careful, to)
        await hangs()

    async with AsyncioSystemBase(), Mailbox() as box:
        pid = spawn(host, box.pid)
        linked = await box.receive()
        ref = monitor(linked)
        exit(pid, KILL)
        assert await box.receive() == "cleaned up"
        assert await box.receive() == Down(ref, linked, KILLED)


async def test_a_kill_overrules_the_signal_before_it() -> None:
    """A supervisor sends SHUTDOWN and, after the shutdown time, KILL."""

    async def stubborn(to: Pid) -> None:
        send(to, "running")
        try:
            await hangs()
        except asyncio.CancelledError:
            send(to, "cleaning for ever")
            await hangs()

    async with Mailbox() as box:
        pid = spawn(stubborn, box.pid)
        assert await box.receive() == "running"
        exit(pid, SHUTDOWN)
        assert await box.receive() == "cleaning for ever"
        exit(pid, KILL)
        assert await reason_of(pid, box) is KILLED


async def test_a_task_that_returned_before_its_signal_was_seen_has_ended_by_the_signal() -> None:
    async def exits_itself() -> None:
        exit(self_pid(), "own hand")

    async with Mailbox() as box:
        assert await reason_of(spawn(exits_itself), box) == "own hand"


async def test_a_task_takes_its_messages_in_order() -> None:
    async def echo(to: Pid) -> None:
        while (message := await receive()) != "end":
            send(to, message)

    async with Mailbox() as box:
        pid = spawn(echo, box.pid)
        ref = monitor(pid)
        for message in [*range(300), "end"]:
            send(pid, message)
        assert [await box.receive() for _ in range(300)] == list(range(300))
        assert await box.receive() == Down(ref, pid, NORMAL)


async def test_receive_gives_up_after_its_timeout_and_loses_nothing() -> None:
    async def impatient(to: Pid) -> None:
        with pytest.raises(TimeoutError, match="no message within"):
            await receive(0.001)
        send(to, "gave up")
        send(to, await receive())

    async with Mailbox() as box:
        pid = spawn(impatient, box.pid)
        assert await box.receive() == "gave up"
        send(pid, "late")
        assert await box.receive() == "late"


async def test_receive_wants_a_process_that_receives() -> None:
    with pytest.raises(NoCaller, match="receive expects a calling process"):
        await receive()


async def test_a_second_receiver_of_one_process_is_refused() -> None:
    async with Mailbox() as box:
        first = asyncio.create_task(box.receive())
        await settled()
        with pytest.raises(RuntimeError, match="one receiver at a time"):
            await box.receive()
        send(box.pid, "message")
        assert await first == "message"


async def test_a_task_that_a_task_spawns_with_a_link_ends_with_it() -> None:
    async def parent(to: Pid) -> None:
        send(to, spawn_link(hangs))
        await hangs()

    async with Mailbox() as box:
        pid = spawn(parent, box.pid)
        ref = monitor(child := await box.receive())
        exit(pid, "gone")
        assert await box.receive() == Down(ref, child, "gone")


async def test_a_class_task_has_a_pid_and_sends_as_itself() -> None:
    class Greeter(Task):
        def __init__(self, to: Pid, greeting: str = "hello") -> None:
            self.to, self.greeting = to, greeting

        async def run(self) -> None:
            self.send(self.to, (self.greeting, self.pid, self_pid()))

    async with Mailbox() as box:
        pid = Greeter.start_link(box.pid, greeting="hi")
        assert await box.receive() == ("hi", pid, pid)
        assert await box.receive() == Exit(pid, NORMAL)


async def test_a_helper_coroutine_of_a_dead_task_gets_mailbox_closed() -> None:
    caught: list[MailboxClosed] = []

    async def helper() -> None:
        try:
            await receive()
        except MailboxClosed as closed:
            caught.append(closed)

    async def leader(to: Pid) -> None:
        send(to, asyncio.create_task(helper()))
        await asyncio.sleep(0)

    async with Mailbox() as box:
        pid = spawn(leader, box.pid)
        await (await box.receive())
        assert caught[0].pid == pid
