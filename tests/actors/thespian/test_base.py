"""AsyncioSystemBase from threads: run, and Thespian's blocking ActorSystem."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ActorSystem,
    ActorSystemFailure,
    ChildActorExited,
    PoisonMessage,
    WakeupMessage,
)

from actors import (
    AsyncioSystemBase,
    CallFailed,
    GenServer,
    Mailbox,
    NoReply,
    NoSystem,
    Pid,
    Reply,
    call,
    receive,
    send,
    spawn,
    start,
)
from actors.kernel.errors import SourceRefused


class Counter(GenServer[int]):
    def init(self, first: int = 0) -> int:
        return first

    def handle_call(self, request: int, caller: Any, count: int) -> Reply[int]:
        return Reply(count + request, count + request)


class Echo(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        if message == "fail":
            raise ValueError("asked to")
        if not isinstance(message, ActorExitRequest):
            self.send(sender, message)


# run


def test_run_gives_a_thread_the_result_of_a_coroutine() -> None:
    with AsyncioSystemBase() as base:
        pid = base.run(start(Counter, 40))
        assert base.run(call(pid, 2)) == 42


def test_run_raises_the_exception_of_the_coroutine() -> None:
    async def fails() -> None:
        raise ValueError("inside")

    with AsyncioSystemBase() as base, pytest.raises(ValueError, match="inside"):
        base.run(fails())


def test_run_cancels_the_coroutine_after_its_timeout() -> None:
    cancelled = threading.Event()

    async def hangs() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    with AsyncioSystemBase() as base:
        with pytest.raises(TimeoutError):
            base.run(hangs(), timeout_s=0.01)
        assert cancelled.wait(60)


def test_run_from_many_threads_at_once() -> None:
    with AsyncioSystemBase() as base, ThreadPoolExecutor(4) as pool:
        pid = base.run(start(Counter))
        list(pool.map(lambda _: base.run(call(pid, 1)), range(200)))
        assert base.run(call(pid, 0)) == 200


async def test_run_on_the_loops_own_thread_is_refused() -> None:
    async with AsyncioSystemBase() as base:
        with pytest.raises(RuntimeError, match="expected a call from another thread"):
            base.run(receive())


def test_run_in_a_process_of_the_system_is_refused() -> None:
    class Recursive(GenServer[AsyncioSystemBase]):
        def init(self, base: AsyncioSystemBase) -> AsyncioSystemBase:
            return base

        def handle_call(self, request: Any, caller: Any, base: AsyncioSystemBase) -> Reply[AsyncioSystemBase]:
            return Reply(base.run(receive()), base)

    with AsyncioSystemBase() as base, pytest.raises(CallFailed, match="expected a call from another thread"):
        base.run(call(base.run(start(Recursive, base)), "go"))


async def test_a_hosts_system_serves_other_threads_too() -> None:
    async with AsyncioSystemBase() as base:
        pid = await start(Counter)
        from_thread = asyncio.to_thread(lambda: [base.run(call(pid, 1)) for _ in range(50)])
        here = [await call(pid, 1) for _ in range(50)]
        assert sorted([*await from_thread, *here]) == list(range(1, 101))
        assert await asyncio.to_thread(lambda: ActorSystem(base, transientUnique=True).ask(pid, "no call", 0)) is None


def test_run_after_the_end_raises_no_system() -> None:
    base = AsyncioSystemBase()
    with base:
        pass
    for use in (lambda: base.run(receive()), lambda: base.tell(Pid(None), "x"), base.__enter__):
        with pytest.raises(NoSystem, match="one that has ended"):
            use()


def test_a_waiting_run_ends_with_the_system() -> None:
    entered = threading.Event()

    async def hangs() -> None:
        entered.set()
        await asyncio.get_running_loop().create_future()

    base = AsyncioSystemBase()
    with ThreadPoolExecutor(1) as pool:
        with base:
            waiting = pool.submit(base.run, hangs())
            assert entered.wait(60)
        with pytest.raises(NoSystem, match="its system has ended"):
            waiting.result(5)


def test_two_systems_in_two_threads_do_not_meet() -> None:
    def life(first: int) -> int:
        with AsyncioSystemBase() as base:
            pid = base.run(start(Counter, first, name="counter"))
            for _ in range(100):
                base.run(call("counter", 1))
            result: int = base.run(call(pid, 0))
            return result

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(life, [0, 1000])) == [100, 1100]


# ActorSystem


@pytest.fixture
def asys() -> Iterator[ActorSystem]:
    system = ActorSystem(AsyncioSystemBase(), transientUnique=True)
    yield system
    system.shutdown()


def test_ask_waits_for_the_answer(asys: ActorSystem) -> None:
    assert asys.ask(asys.createActor(Echo), "hello", timeout=60) == "hello"


def test_listen_returns_the_answer_to_tell(asys: ActorSystem) -> None:
    echo = asys.createActor(Echo)
    for word in ("one", "two"):
        asys.tell(echo, word)
    assert [asys.listen(5), asys.listen(timedelta(seconds=5))] == ["one", "two"]


@pytest.mark.parametrize("timeout", [0, 0.001, timedelta(milliseconds=1), timedelta(seconds=-1)])
def test_listen_returns_none_after_its_timeout(asys: ActorSystem, timeout: Any) -> None:
    assert asys.listen(timeout) is None


def test_a_failing_actor_answers_with_poison(asys: ActorSystem) -> None:
    assert isinstance(asys.ask(asys.createActor(Echo), "fail", timeout=60), PoisonMessage)


def test_each_private_context_gets_its_own_answers(asys: ActorSystem) -> None:
    echo = asys.createActor(Echo)
    with asys.private() as first, asys.private() as second:
        first.tell(echo, 1)
        second.tell(echo, 2)
        asys.tell(echo, 3)
        assert (second.listen(5), first.listen(5), asys.listen(5)) == (2, 1, 3)
        assert first.ask(first.createActor(Echo), "own", 60) == "own"


def test_a_private_context_works_in_a_thread_of_its_own(asys: ActorSystem) -> None:
    echo = asys.createActor(Echo)

    def conversation(word: int) -> list[Any]:
        with asys.private() as context:
            return [context.ask(echo, (word, turn), 60) for turn in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for word, answers in enumerate(pool.map(conversation, range(4))):
            assert answers == [(word, turn) for turn in range(20)]


def test_a_global_name_is_created_once_for_the_system(asys: ActorSystem) -> None:
    assert asys.createActor(Echo, globalName="echo") == asys.createActor(Echo, globalName="echo")


def test_a_gen_server_can_be_created_and_asked(asys: ActorSystem) -> None:
    class Shouting(GenServer[None]):
        async def init(self) -> None:
            await asyncio.sleep(0)

        def handle_info(self, message: Any, state: None) -> NoReply[None]:
            word, to = message
            send(to, word.upper())
            return NoReply(state)

    base: AsyncioSystemBase = asys._systemBase
    shouting = asys.createActor(Shouting)

    async def asked() -> Any:
        async with Mailbox() as box:
            send(shouting, ("hello", box.pid))  # type: ignore[arg-type]
            return await box.receive()

    assert base.run(asked()) == "HELLO"


def test_capabilities_can_be_changed(asys: ActorSystem) -> None:
    base: AsyncioSystemBase = asys._systemBase
    asys.updateCapability("gpu", True)
    assert base.capabilities["gpu"] is True
    asys.updateCapability("gpu")
    assert "gpu" not in base.capabilities


def test_thespian_makes_the_base_of_a_system_by_its_own_constructor() -> None:
    system = ActorSystem(AsyncioSystemBase(), {"gpu": True}, transientUnique=True)
    logging_of = {"version": 1, "disable_existing_loggers": False, "loggers": {"thespian.made": {"level": "ERROR"}}}
    base = AsyncioSystemBase(system, logDefs=logging_of)
    assert base.capabilities["gpu"] is True
    assert base.capabilities["Thespian ActorSystem Name"] == "asyncioSystem"
    assert logging.getLogger("thespian.made").level == logging.ERROR


class Stopping(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        if not isinstance(message, ActorExitRequest):
            self.actorSystemShutdown()


def test_an_actor_can_end_a_system_that_has_a_thread_of_its_own(asys: ActorSystem) -> None:
    asys.tell(asys.createActor(Stopping), "stop")
    assert asys.listen() is None
    asys._systemBase._thread.join(60)
    with pytest.raises(ActorSystemFailure, match="one that has ended"):
        asys.createActor(Echo)


async def test_an_actor_cannot_end_a_system_on_its_hosts_loop() -> None:
    async with AsyncioSystemBase() as base, Mailbox() as box:
        send(base.create_actor(base.root, Stopping), "stop")
        assert "one on the host's loop" in (await box.receive()).details


class Relay(Actor):
    """An actor that forwards a word to the next of its stations."""

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, tuple):
            word, *route = message
            self.send(route[0], (word, *route[1:]) if route[1:] else word)


def test_actors_of_two_systems_send_to_each_other(asys: ActorSystem) -> None:
    other = ActorSystem(AsyncioSystemBase(), transientUnique=True)
    here, there = asys.createActor(Relay), other.createActor(Relay)
    external = asys._systemBase._requester().pid
    assert asys.ask(here, ("round trip", there, here, there, external), 60) == "round trip"
    other.shutdown()
    assert asys.ask(there, ("nobody home", external), 0.01) is None


class Punctual(Actor):
    """An actor that asks for wakeups near the timers' grain, and reports to `to` whether one was early."""

    delays_s = tuple(0.0003 * n for n in range(1, 40))

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if message == "start":
            self.to = sender
            self.due = {}
            for delay_s in self.delays_s:
                self.wakeupAfter(timedelta(seconds=delay_s), delay_s)
                self.due[delay_s] = time.monotonic() + delay_s
        elif isinstance(message, WakeupMessage):
            self.send(self.to, time.monotonic() >= self.due[message.payload])


def test_no_wakeup_comes_before_its_time(asys: ActorSystem) -> None:
    asys.tell(asys.createActor(Punctual), "start")
    assert all(asys.listen(5) for _ in Punctual.delays_s)


def test_messages_between_actors_and_their_system_do_not_reach_outside_code(asys: ActorSystem) -> None:
    echo = asys.createActor(Echo)
    asys.tell(echo, ChildActorExited(echo))
    assert asys.ask(echo, "next", 60) == "next"


def test_a_message_to_an_unknown_address_is_a_dead_letter(asys: ActorSystem) -> None:
    base: AsyncioSystemBase = asys._systemBase
    asys.tell(ActorAddress("made up"), "lost")
    assert asys.ask(asys.createActor(Echo), "after it", 60) == "after it"
    assert [letter.message for letter in base.dead_letters] == ["lost"]


def test_code_from_outside_is_refused(asys: ActorSystem) -> None:
    with pytest.raises(SourceRefused, match=r"code\.zip .*none is loaded"):
        asys.loadActorSource("code.zip")
    asys.unloadActorSource("hash")


def test_shutdown_ends_every_process_and_the_thread() -> None:
    base = AsyncioSystemBase()
    system = ActorSystem(base, transientUnique=True)
    echo = system.createActor(Echo)
    base.run(start(Counter))
    system.shutdown()
    assert base.processes == {}
    assert isinstance(echo, Pid)
    assert not echo.alive
    base.shutdown()


def test_listen_returns_none_when_the_system_ends() -> None:
    base = AsyncioSystemBase()
    with ThreadPoolExecutor(1) as pool, base:
        base.tell(base.newPrimaryActor(Echo, None, None, None), "warm")
        assert base.listen(5) == "warm"
        listening = pool.submit(base.listen)
        base.shutdown()
        assert listening.result(5) is None
        assert base.listen() is None


def test_shutdown_on_the_loops_own_thread_is_refused() -> None:
    async def shut_down(base: AsyncioSystemBase) -> None:
        base.shutdown()

    with AsyncioSystemBase() as base, pytest.raises(RuntimeError, match="expected a shutdown from another thread"):
        base.run(shut_down(base))


def test_a_loop_that_cannot_be_made_fails_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_loop() -> Any:
        raise OSError("no descriptors left")

    monkeypatch.setattr("actors.thespian.threaded_system.new_event_loop", no_loop)
    with pytest.raises(OSError, match="no descriptors left"):
        AsyncioSystemBase().run(receive())


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_a_keyboard_interrupt_in_a_waiting_thread_cancels_its_work() -> None:
    cancelled = threading.Event()
    waiting = threading.main_thread().ident
    assert waiting is not None

    async def interrupting() -> None:
        try:
            while True:  # Python hears a signal that comes just before a lock is waited for only with the next one
                signal.pthread_kill(waiting, signal.SIGINT)
                await asyncio.sleep(0.2)
        finally:
            cancelled.set()

    with AsyncioSystemBase() as base:
        with pytest.raises(KeyboardInterrupt):
            base.run(interrupting())
        assert cancelled.wait(60)


def test_processes_run_on_a_base_of_its_own_thread() -> None:
    async def work(to: Pid) -> None:
        send(to, threading.current_thread().name)

    async def ask_it() -> Any:
        async with Mailbox() as box:
            spawn(work, box.pid)
            return await box.receive()

    with AsyncioSystemBase() as base:
        assert base.run(ask_it()) == "understudy"
