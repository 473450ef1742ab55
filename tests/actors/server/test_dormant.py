"""Servers that pause: HIBERNATE and After as the `then` of an outcome. Erlang: gen_server's hibernate and Timeout."""

import asyncio
import time
from sys import getsizeof
from typing import Any

import pytest

from actors import (
    HIBERNATE,
    TIMEOUT,
    After,
    AsyncioSystemBase,
    Caller,
    Exit,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Ready,
    Reply,
    call,
    exit,  # noqa: A004 (OTP's word)
    get_state,
    link,
    new_event_loop,
    receive,
    send,
    spawn,
    start,
    stop,
    sys,
)
from actors.kernel.process import IDLE
from actors.testing import simulated

pytestmark = pytest.mark.usefixtures("system")


class Pausing(GenServer[Pid]):
    """Pauses as its messages ask, and sends `to` each message of handle_info."""

    def init(self, to: Pid, then: Any = None) -> Any:
        return to if then is None else Ready(to, then)

    def handle_call(self, then: Any, caller: Caller, to: Pid) -> Reply[Pid]:
        return Reply("paused", to, then)

    def handle_cast(self, then: Any, to: Pid) -> NoReply[Pid]:
        return NoReply(to, then)

    def handle_info(self, message: Any, to: Pid) -> NoReply[Pid]:
        send(to, message)
        return NoReply(to)

    def handle_continue(self, then: Any, to: Pid) -> NoReply[Pid]:
        return NoReply(to, *then)


class WaitingPausing(Pausing):
    trap_exit = True

    async def handle_call(self, then: Any, caller: Caller, to: Pid) -> Reply[Pid]:  # type: ignore[override]
        await asyncio.sleep(0)
        return Reply("paused", to, then)


each_kind = pytest.mark.parametrize("kind", [Pausing, WaitingPausing])
each_pause = pytest.mark.parametrize("pause", [HIBERNATE, After(3600)], ids=str)


@each_kind
@each_pause
async def test_a_paused_server_takes_its_next_messages_in_order(kind: type[Pausing], pause: Any) -> None:
    async with Mailbox() as box:
        pid = await start(kind, box.pid)
        for _ in range(2):
            assert await call(pid, pause) == "paused"
            for number in range(3):
                send(pid, number)
            assert [await box.receive() for _ in range(3)] == [0, 1, 2]


@each_pause
async def test_init_and_continue_can_pause(pause: Any) -> None:
    async with Mailbox() as box:
        for pid in [await start(Pausing, box.pid, pause), await start(Pausing, box.pid, (pause,))]:
            send(pid, "wake up")
            assert await box.receive() == "wake up"


async def test_a_hibernating_server_gives_its_queue_back() -> None:
    async with Mailbox() as box:
        process = (await start(Pausing, box.pid, HIBERNATE)).process
        assert process is not None
        assert getsizeof(process.mailbox) < 200 < getsizeof(box.process.mailbox)
        assert process.phase == IDLE
        send(process.pid, "wake up")
        assert await box.receive() == "wake up"
        assert type(process.mailbox) is type(box.process.mailbox)


@each_pause
async def test_a_message_that_waits_already_ends_the_pause_before_it_begins(pause: Any) -> None:
    async with Mailbox() as box:
        pid = await start(Pausing, box.pid)
        waiting = asyncio.ensure_future(call(pid, pause))
        await asyncio.sleep(0)
        send(pid, "already here")
        assert await waiting == "paused"
        assert await box.receive() == "already here"


@each_kind
async def test_a_server_without_messages_gets_its_timeout(kind: type[Pausing]) -> None:
    async with Mailbox() as box:
        pid = await start(kind, box.pid)
        await call(pid, After(0))
        assert await box.receive() is TIMEOUT


async def test_a_system_message_does_not_stop_the_timeout() -> None:
    async with Mailbox() as box:
        pid = await start(Pausing, box.pid, After(0.001))
        assert await get_state(pid) == box.pid
        assert await box.receive() is TIMEOUT


@simulated(seeds=20)
async def test_no_timeout_comes_after_a_message_that_came_in_time() -> None:
    """The message comes without a system message, before one, or after one."""
    async with AsyncioSystemBase(), Mailbox() as box:
        pid = await start(Pausing, box.pid, After(1.0))

        async def say() -> None:
            send(pid, "in time")

        await asyncio.sleep(0.5)
        await asyncio.gather(get_state(pid), say())
        assert await box.receive() == "in time"
        with pytest.raises(TimeoutError):
            await box.receive(timeout_s=10)


class Holding(GenServer[None]):
    """A server whose handler holds the loop."""

    def init(self) -> None:
        return None

    def handle_info(self, seconds: float, state: None) -> NoReply[None]:
        time.sleep(seconds)
        return NoReply(state)


def test_a_timeout_comes_though_a_system_message_waits_when_it_is_due() -> None:
    """The loop is uvloop, which runs timers before ready callbacks."""

    async def main() -> None:
        async with AsyncioSystemBase(), Mailbox() as box:
            holding, paused = await start(Holding), await start(Pausing, box.pid, After(0.02))
            send(holding, 0.05)
            assert await get_state(paused) == box.pid  # it is in the mailbox while the loop is held
            assert await box.receive(timeout_s=60) is TIMEOUT

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())


async def test_a_suspended_server_gets_its_timeout_when_it_is_resumed() -> None:
    async with Mailbox() as box:
        pid = await start(Pausing, box.pid, After(0))
        await sys.suspend(pid)
        await start(Pausing, box.pid, After(0.001))
        assert await box.receive() is TIMEOUT  # the other's
        assert (await sys.get_status(pid)).mailbox_length == 1
        await sys.resume(pid)
        assert await box.receive() is TIMEOUT


async def test_a_message_that_a_suspended_server_holds_came_before_its_timeout() -> None:
    async with Mailbox() as box:
        pid = await start(Pausing, box.pid, After(0.001))
        await sys.suspend(pid)
        send(pid, "held")
        later = await start(Pausing, box.pid, After(0.002))
        assert await box.receive() is TIMEOUT
        await sys.resume(pid)
        assert await box.receive() == "held"
        await stop(later)
        assert await get_state(pid) == box.pid
        assert not box.process.mailbox


@each_pause
async def test_an_exit_signal_reaches_a_paused_server(pause: Any) -> None:
    async with Mailbox() as box:
        trapping = await start(WaitingPausing, box.pid, pause)
        async with Mailbox() as stranger:
            exit(trapping, "hello")
        assert await box.receive() == Exit(stranger.pid, "hello")
        plain = await start(Pausing, box.pid, pause)
        link(plain)
        exit(plain, "boom")
        assert await box.receive() == Exit(plain, "boom")


async def test_the_timeout_of_a_dead_server_leaves_no_dead_letter(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        await stop(await start(Pausing, box.pid, After(0)))
        await start(Pausing, box.pid, After(0))
        assert await box.receive() is TIMEOUT
        assert system.dead_letter_count == 0


async def test_a_task_may_wait_with_a_timeout_of_its_own() -> None:
    """A task's receive with a timeout replaces a server's After."""

    async def patient(to: Pid) -> None:
        try:
            await receive(0)
        except TimeoutError:
            send(to, TIMEOUT)

    async with Mailbox() as box:
        spawn(patient, box.pid)
        assert await box.receive() is TIMEOUT
