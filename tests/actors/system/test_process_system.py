"""The system of one loop: run queue, dead letters, timers, and an end without leftovers."""

import asyncio
import socket
from typing import Any

import pytest
from thespian.actors import Actor, DeadEnvelope

from actors import (
    KILL,
    KILLED,
    NORMAL,
    SHUTDOWN,
    AsyncioSystemBase,
    Down,
    Exit,
    GenServer,
    Mailbox,
    NoReply,
    NoSystem,
    Pid,
    Reply,
    Stop,
    Task,
    call,
    cast,
    exit,  # noqa: A004 (OTP's word)
    link,
    monitor,
    receive,
    send,
    send_after,
    spawn,
    spawn_link,
    start,
    start_link,
    stop,
)
from actors.kernel.process import Process
from actors.kernel.signals import orderly
from actors.system.current import current_system
from actors.system.process_system import ProcessSystem
from actors.testing import settled, simulated

# Fairness


class Selfish(GenServer[int]):
    """A process that sends to itself for ever."""

    def init(self) -> int:
        cast(self.pid, "again")
        return 0

    def handle_call(self, request: Any, caller: Any, turns: int) -> Reply[int]:
        return Reply(turns, turns)

    def handle_cast(self, message: Any, turns: int) -> NoReply[int]:
        cast(self.pid, "again")
        return NoReply(turns + 1)


class SelfishActor(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        self.send(self.myAddress, message)


async def selfish_task(own: asyncio.Future[Pid]) -> None:
    pid = await own
    while True:
        send(pid, "again")
        await receive()


async def test_a_process_that_sends_to_itself_for_ever_stops_no_other(system: AsyncioSystemBase) -> None:
    selfish = await start(Selfish)
    own = asyncio.get_running_loop().create_future()
    own.set_result(spawn(selfish_task, own))
    send(system.create_actor(system.root, SelfishActor), "again")
    reader, writer = await asyncio.open_connection(sock=await connected())
    async with Mailbox() as box:
        before = await call(selfish, "turns")
        for number in range(20):
            send(box.pid, number)
            assert await box.receive() == number
            send_after(0, box.pid, "timer")
            assert await box.receive() == "timer"
            writer.write(b"ping\n")
            assert await reader.readline() == b"ping\n"
        assert await call(selfish, "turns") > before
    writer.close()
    await writer.wait_closed()


async def connected() -> Any:
    """Return a socket whose other end echoes."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)

    async def echo() -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    spawn(echo)
    return ours


async def test_a_long_mailbox_takes_turns_with_a_short_one(system: AsyncioSystemBase) -> None:
    class Recording(GenServer[list[str]]):
        def init(self, record: list[str]) -> list[str]:
            return record

        def handle_info(self, message: str, record: list[str]) -> NoReply[list[str]]:
            record.append(message)
            return NoReply(record)

    record: list[str] = []
    long, short = await start(Recording, record), await start(Recording, record)
    for _ in range(10_000):
        send(long, "long")
    send(short, "short")
    async with Mailbox() as box:
        ref = monitor(short)
        await stop(short)
        assert await box.receive() == Down(ref, short, NORMAL)
    assert record.index("short") <= 64


# Timers


@simulated(seeds=10)
async def test_a_message_can_be_sent_later_and_taken_back() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        send_after(20, box.pid, "second")
        send_after(10, box.pid, "never").cancel()
        send_after(10, box.pid, "first")
        assert [await box.receive(), await box.receive()] == ["first", "second"]


# Dead letters


async def test_dead_letters_are_counted_and_the_last_can_be_read(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        pass
    for number in range(1500):
        send(box.pid, number)
    assert system.dead_letter_count == 1500
    assert [letter.message for letter in system.dead_letters] == list(range(500, 1500))
    assert system.dead_letters[-1].to == box.pid


async def test_a_dead_letter_names_its_sender(system: AsyncioSystemBase) -> None:
    async with Mailbox() as dead:
        pass
    async with Mailbox() as box:
        send(dead.pid, "hello")
        assert system.dead_letters[-1].sender == box.pid


async def test_what_a_dead_process_had_not_read_is_dead_letters_but_signals_are_not(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        victim = spawn(receive)
        box.monitor(victim)
        link(victim)
        exit(victim, "x")
        await box.receive()
        send(box.pid, "unread")
    assert [letter.message for letter in system.dead_letters] == ["unread"]


async def test_a_message_to_the_root_is_a_dead_letter(system: AsyncioSystemBase) -> None:
    """An actor does so if it answers a message without a sender."""
    send(system.root.pid, "answer")
    spawn_link(receive).process.end("x")  # type: ignore[union-attr]
    assert [letter.message for letter in system.dead_letters] == ["answer"]


class Undertaker(Actor):
    """An actor that forwards every dead letter to `to`, its first message."""

    to: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, DeadEnvelope):
            self.send(self.to, (message.deadAddress, message.deadMessage))
        elif isinstance(message, Pid):
            self.to = message
            self.handleDeadLetters(True)
            self.send(message, "ready")
        else:
            self.handleDeadLetters(False)
            self.send(self.to, "stopped")


async def test_dead_letters_are_shown_to_the_actor_that_handles_them(system: AsyncioSystemBase) -> None:
    async with Mailbox() as dead:
        pass
    async with Mailbox() as box:
        undertaker = system.create_actor(system.root, Undertaker)
        send(undertaker, box.pid)
        assert await box.receive() == "ready"
        send(dead.pid, "lost")
        assert await box.receive() == (dead.pid, "lost")
        send(undertaker, "stop")
        assert await box.receive() == "stopped"
        send(dead.pid, "lost again")
        send(box.pid, "next")
        assert await box.receive() == "next"


async def test_only_the_last_actor_that_asked_for_dead_letters_gets_them(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        first, second = (system.create_actor(system.root, Undertaker) for _ in range(2))
        for undertaker in (first, second):
            send(undertaker, box.pid)
            assert await box.receive() == "ready"
        send(first, "stop")
        assert await box.receive() == "stopped"
        send("nobody", "lost")
        assert (await box.receive())[1] == "lost"
        exit(second, KILL)
        assert system.dead_letters.handler is None  # else the letters would pile up with the dead
        send("nobody", "lost again")
        send(box.pid, "next")
        assert await box.receive() == "next"


# The end


class Ending(GenServer[Any]):
    trap_exit = True

    def init(self, name: str, order: list[str]) -> Any:
        return name, order

    def terminate(self, reason: Any, state: Any) -> None:
        name, order = state
        assert reason is SHUTDOWN
        order.append(name)


async def test_close_ends_everything_in_reverse_order_of_start() -> None:
    order: list[str] = []
    async with AsyncioSystemBase() as system:
        for name in ("first", "second", "third"):
            await start(Ending, name, order)
    assert order == ["third", "second", "first"]
    assert system.processes == {}


async def test_close_leaves_a_child_to_its_parent_while_that_lives() -> None:
    class Parent(Ending):
        async def init(self, name: str, order: list[str]) -> Any:
            await start_link(Ending, "child", order)
            return name, order

    order: list[str] = []
    async with AsyncioSystemBase():
        await start(Parent, "parent", order)
    assert order == ["parent", "child"]


async def test_close_ends_a_process_whose_parent_is_gone() -> None:
    async def parent(order: list[str]) -> None:
        await start(Ending, "orphan", order)

    order: list[str] = []
    async with AsyncioSystemBase() as system, Mailbox() as box:
        monitor(spawn(parent, order))
        await box.receive()
    assert order == ["orphan"]
    assert system.processes == {}


@simulated(seeds=10)
async def test_close_kills_a_process_that_ignores_its_exit_signal() -> None:
    class Stubborn(Task):
        trap_exit = True

        async def run(self) -> None:
            while True:
                await self.receive()

    seen: list[Any] = []

    class Watching(Process):
        def down(self, ref: Any, pid: Pid, reason: Any) -> None:
            seen.append(reason)

    async with AsyncioSystemBase() as system:
        stubborn = Stubborn.start()
        assert stubborn.process is not None
        watcher = Watching(system, "watcher", stubborn.process)
        watcher.monitor(stubborn)
        await settled()
    assert seen == [KILLED]
    assert system.processes == {}


async def test_close_reports_a_process_that_survives_its_kill(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("actors.system.shutdown.STOP_S", 0.005)
    release = asyncio.Event()

    async def immortal() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async with AsyncioSystemBase() as system:
        spawn(immortal)
        await settled()
    assert "process_survived" in caplog.text
    release.set()
    (survivor,) = system.processes.values()
    assert survivor.coroutine is not None
    await asyncio.wait({survivor.coroutine})
    assert system.processes == {}


async def test_a_system_closes_when_its_block_raises() -> None:
    systems: list[AsyncioSystemBase] = []

    async def block() -> None:
        async with AsyncioSystemBase() as system:
            systems.append(system)
            spawn(receive)
            raise ValueError("from inside")

    with pytest.raises(ValueError, match="from inside"):
        await block()
    assert systems[0].processes == {}


async def test_a_system_ends_what_a_process_of_another_one_started_in_it() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        async with AsyncioSystemBase() as inner:
            pid = spawn_link(receive)
        assert inner.processes == {}
        assert await box.receive() == Exit(pid, SHUTDOWN)


async def test_processes_of_ten_thousand_end_together() -> None:
    async with AsyncioSystemBase() as system:
        for _ in range(10_000):
            spawn(receive)
        await settled()
    assert system.processes == {}


# Which system


async def test_without_a_system_a_start_says_what_is_missing() -> None:
    with pytest.raises(NoSystem, match="expected one actor system"):
        spawn(receive)


async def test_the_only_system_of_the_loop_is_the_current_one(system: AsyncioSystemBase) -> None:
    assert current_system() is system


async def test_of_two_systems_on_one_loop_the_inner_block_is_current(system: AsyncioSystemBase) -> None:
    async with AsyncioSystemBase() as inner:
        assert current_system() is inner
        pid = spawn(receive)
        assert pid.process is not None
        assert pid.process.system is inner


def test_code_on_no_loop_is_in_no_system() -> None:
    with AsyncioSystemBase(), pytest.raises(NoSystem, match=r"run\(\) from another thread"):
        send("name", "message")


async def test_a_bare_process_system_runs_processes_but_no_thespian_actors() -> None:
    async with ProcessSystem() as bare:
        async with Mailbox() as box:
            ref = monitor(pid := spawn(receive))
            send(pid, "end")
            assert await box.receive() == Down(ref, pid, NORMAL)
        with pytest.raises(NoSystem, match="AsyncioSystemBase"):
            bare.create_actor(bare.root, Undertaker)


# The program's end


async def test_nothing_starts_in_a_system_that_has_ended() -> None:
    async def late() -> Pid:
        await ended.wait()
        return spawn(receive)

    ended = asyncio.Event()
    async with AsyncioSystemBase() as system:
        task = asyncio.create_task(late())
        await settled()
    ended.set()
    with pytest.raises(NoSystem, match="has ended"):
        await task
    assert system.processes == {}


@pytest.mark.parametrize("waiting", [False, True], ids=["sync", "async"])
def test_a_keyboard_interrupt_is_not_swallowed_and_the_system_still_closes(waiting: bool) -> None:
    class Interrupted(GenServer[None]):
        def init(self) -> None:
            return None

        def handle_info(self, message: Any, state: None) -> Any:
            return self.later() if waiting else self.now()

        def now(self) -> Any:
            raise KeyboardInterrupt

        async def later(self) -> Any:
            raise KeyboardInterrupt

    systems: list[AsyncioSystemBase] = []

    async def main() -> None:
        async with AsyncioSystemBase() as system:
            systems.append(system)
            send(await start(Interrupted), "go")
            await asyncio.get_running_loop().create_future()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert systems[0].processes == {}


@pytest.mark.parametrize("where", ["init", "terminate", "terminate, after it waited"])
def test_a_process_interrupted_at_its_start_or_end_does_not_hold_up_the_systems_end(where: str) -> None:
    class Interrupted(GenServer[None]):
        def init(self) -> None:
            if where == "init":
                raise KeyboardInterrupt

        def handle_info(self, message: Any, state: None) -> Any:
            return self.later() if "waited" in where else Stop(NORMAL, state)

        async def later(self) -> Any:
            await asyncio.sleep(0)
            return Stop(NORMAL, None)

        def terminate(self, reason: Any, state: None) -> None:
            raise KeyboardInterrupt

    left: list[int] = []

    async def main() -> None:
        async with AsyncioSystemBase() as system:
            try:
                send(await start(Interrupted), "go")
                await asyncio.get_running_loop().create_future()
            finally:
                left.append(len(system.processes))

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert left == [1]  # the root


def test_a_keyboard_interrupt_in_a_task_is_not_swallowed() -> None:
    async def interrupted() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        async with AsyncioSystemBase():
            spawn(interrupted)
            await asyncio.get_running_loop().create_future()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


@pytest.mark.parametrize(("reason", "expected"), [(NORMAL, True), (SHUTDOWN, True), (KILL, False), (KILLED, False)])
def test_normal_and_shutdown_are_orderly(reason: object, expected: bool) -> None:
    assert orderly(reason) is expected
