"""The process system in other threads than its loop's."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from thespian.actors import Actor

from actors import (
    AsyncioSystemBase,
    Caller,
    CallFailed,
    GenServer,
    InvalidArgument,
    Mailbox,
    NoReply,
    NoSystem,
    Pid,
    Reply,
    Task,
    call,
    cast,
    create_actor,
    ended,
    exit,  # noqa: A004 (OTP's word)
    get_state,
    link,
    monitor,
    pg,
    process_info,
    receive,
    register,
    reply,
    send,
    send_after,
    send_blocking,
    spawn,
    spawn_link,
    start,
    start_link,
    unregister,
    whereis,
)
from actors.observer import processes


class Collector(GenServer[list[Any]]):
    """A server that keeps its messages."""

    def init(self) -> list[Any]:
        return []

    def handle_info(self, message: Any, kept: list[Any]) -> NoReply[list[Any]]:
        return NoReply([*kept, message])

    def handle_cast(self, message: Any, kept: list[Any]) -> NoReply[list[Any]]:
        return NoReply([*kept, ("cast", message)])

    def handle_call(self, request: Any, caller: Caller, kept: list[Any]) -> Reply[list[Any]]:
        return Reply(request, kept)


class Spinner(GenServer[int]):
    """A server that sends itself messages, so that the loop always runs some process."""

    def init(self) -> int:
        send(self.pid, None)
        return 0

    def handle_info(self, message: Any, count: int) -> NoReply[int]:
        send(self.pid, None)
        return NoReply(count + 1)


async def test_a_send_from_a_thread_wakes_an_idle_loop(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        sent = threading.Event()

        def work() -> None:
            send(box.pid, "hello")
            assert sent.wait(60)

        working = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        assert await box.receive(timeout_s=60) == "hello"
        sent.set()
        await working


async def test_messages_of_threads_are_all_delivered_in_each_threads_order(system: AsyncioSystemBase) -> None:
    spinner, collector = await start(Spinner), await start(Collector)

    def work(name: str) -> None:
        for number in range(500):
            send(collector, (name, number))

    async with Mailbox():
        await asyncio.gather(*(asyncio.to_thread(work, name) for name in "abc"))
    kept = await get_state(collector)
    assert len(kept) == 1500
    for name in "abc":
        assert [number for sender, number in kept if sender == name] == list(range(500))
    exit(spinner, "enough")


async def test_a_thread_sends_as_the_process_that_started_it(system: AsyncioSystemBase) -> None:
    """The process that the loop runs at that moment does not matter."""

    class Worker(Task):
        async def run(self) -> None:
            await asyncio.to_thread(self.work)

        def work(self) -> None:
            for number in range(500):
                send("nobody", number)

    spinner = await start(Spinner)
    worker = Worker.start()
    await ended(worker)
    assert {letter.sender for letter in system.dead_letters} == {worker}
    assert system.dead_letter_count == 500
    exit(spinner, "enough")


async def test_a_thread_may_cast_and_send_to_names(system: AsyncioSystemBase) -> None:
    collector = await start(Collector, name="collector")
    async with Mailbox():
        await asyncio.to_thread(cast, "collector", 1)
        await asyncio.to_thread(send, "collector", 2)
    assert await get_state(collector) == [("cast", 1), 2]


def in_a_thread_of_its_own(work: Callable[[], None]) -> list[NoSystem]:
    """Run work in a thread without a system, and return its refusals. A thread inherits no context."""
    raised: list[NoSystem] = []

    def run() -> None:
        try:
            work()
        except NoSystem as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised


async def test_a_thread_of_the_hosts_may_send_and_cast_to_a_pid(system: AsyncioSystemBase) -> None:
    collector = await start(Collector)

    def work() -> None:
        cast(collector, 1)
        send(collector, 2)

    assert in_a_thread_of_its_own(work) == []
    assert await call(collector, "in order") == "in order"
    assert await get_state(collector) == [("cast", 1), 2]


def test_code_on_no_loop_may_send_and_cast_to_the_pids_of_any_system() -> None:
    with AsyncioSystemBase() as one, AsyncioSystemBase() as two:
        collectors = [base.run(start(Collector)) for base in (one, two)]
        for number, collector in enumerate(collectors):
            send(collector, number)
            cast(collector, number)
        for number, (base, collector) in enumerate(zip((one, two), collectors, strict=True)):
            assert base.run(get_state(collector)) == [number, ("cast", number)]


async def test_a_message_of_a_host_thread_to_a_dead_process_is_dropped(system: AsyncioSystemBase) -> None:
    collector = await start(Collector)
    exit(collector, "enough")
    assert in_a_thread_of_its_own(lambda: send(collector, "late")) == []
    assert not collector.alive


async def test_a_thread_of_the_hosts_may_send_to_no_name(system: AsyncioSystemBase) -> None:
    """Each system has its own names, and the thread belongs to none."""
    await start(Collector, name="collector")
    [error] = in_a_thread_of_its_own(lambda: send("collector", 1))
    assert isinstance(error, NoSystem)


async def test_a_reply_may_come_from_a_thread(system: AsyncioSystemBase) -> None:
    class Deferring(GenServer[None]):
        def init(self) -> None:
            return None

        def handle_call(self, request: Any, caller: Caller, state: None) -> NoReply[None]:
            asyncio.get_running_loop().run_in_executor(None, reply, caller, request * 2)
            return NoReply(state)

    assert await call(await start(Deferring), 21, timeout_s=60) == 42


async def test_a_call_from_another_loop_is_refused_before_anything_is_sent(system: AsyncioSystemBase) -> None:
    collector = await start(Collector)
    async with Mailbox():
        with pytest.raises(CallFailed, match="run\\(\\)"):
            await asyncio.to_thread(lambda: asyncio.run(call(collector, 1)))
    assert (await get_state(collector), system.dead_letter_count) == ([], 0)


REFUSED: dict[str, Callable[[Pid], Any]] = {
    "spawn": lambda _: spawn(receive),
    "spawn_link": lambda _: spawn_link(receive),
    "start": lambda _: asyncio.run(start(Collector)),
    "create_actor": lambda _: create_actor(Actor),
    "exit": lambda pid: exit(pid, "no"),
    "link": link,
    "monitor": monitor,
    "ended": lambda pid: asyncio.run(ended(pid)),
    "register": lambda pid: register("name", pid),
    "unregister": lambda _: unregister("taken"),
    "whereis": lambda _: whereis("taken"),
    "send_after": lambda pid: send_after(0.0, pid, "late"),
    "send_blocking": lambda pid: asyncio.run(send_blocking(pid, "now")),
    "pg.join": lambda pid: pg.join("group", pid),
    "pg.monitor": lambda _: pg.monitor("group"),
    "Mailbox": lambda _: Mailbox(),
    "processes": lambda _: processes(),
}


@pytest.mark.parametrize("primitive", REFUSED)
async def test_any_other_primitive_is_refused_in_a_thread(system: AsyncioSystemBase, primitive: str) -> None:
    collector = await start(Collector, name="taken")
    spinner = await start(Spinner)
    async with Mailbox():
        before = len(system.processes)
        with pytest.raises(NoSystem, match="run\\(\\)"):
            await asyncio.to_thread(REFUSED[primitive], collector)
        assert len(system.processes) == before
    assert collector.alive
    exit(spinner, "enough")


async def test_a_tasks_own_send_is_refused_in_a_thread_that_could_not_wake_the_loop(system: AsyncioSystemBase) -> None:
    class Worker(Task):
        def __init__(self, to: Pid) -> None:
            self.to = to

        async def run(self) -> None:
            with pytest.raises(NoSystem, match="run\\(\\)"):
                await asyncio.to_thread(self.send, self.to, "hello")
            self.send(self.to, "from the loop")

    async with Mailbox() as box:
        Worker.start(box.pid)
        assert await box.receive(timeout_s=60) == "from the loop"


class Player(GenServer[Pid]):
    """A server that sends a number less one back to its peer; at zero it sends it to the judge."""

    def init(self, judge: Pid) -> Pid:
        return judge

    def handle_info(self, message: tuple[Pid, int], judge: Pid) -> NoReply[Pid]:
        peer, number = message
        send(judge if number == 0 else peer, (self.pid, number - 1))
        return NoReply(judge)


async def test_servers_of_two_loops_send_to_each_other(system: AsyncioSystemBase) -> None:
    with AsyncioSystemBase() as other:
        async with Mailbox() as judge:
            here = await start(Player, judge.pid)
            there = await asyncio.to_thread(other.run, start(Player, judge.pid))
            send(here, (there, 100))
            assert await judge.receive(timeout_s=60) == (here, -1)


async def parent_of_a_new_one() -> str | None:
    pid = await start_link(Collector)
    info = process_info(pid)
    exit(pid, "enough")
    return info.parent if info is not None else None


async def test_a_process_is_the_caller_of_what_its_thread_has_run(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        assert await asyncio.to_thread(system.run, parent_of_a_new_one()) == str(box.pid)


async def test_a_process_is_not_a_caller_in_the_system_of_another_loop(system: AsyncioSystemBase) -> None:
    """With a link, one loop's thread would end the other loop's process."""
    with AsyncioSystemBase() as other:
        async with Mailbox():
            assert await asyncio.to_thread(other.run, parent_of_a_new_one()) == str(other.root.pid)


class Opened:
    """An async iterator that counts the items it makes."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = False

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            while True:
                self.made += 1
                yield self.made
        finally:
            self.closed = True


def test_iterate_makes_an_item_when_it_is_asked_for_and_closes_what_is_left_early() -> None:
    opened = Opened()
    with AsyncioSystemBase() as base:
        for item in base.iterate(opened.items()):
            assert opened.made == item
            if item == 3:
                break
        assert (opened.made, opened.closed) == (3, True)


def test_iterate_raises_what_the_iterator_raises_after_the_items_before_it() -> None:
    async def items() -> AsyncGenerator[int, None]:
        yield 1
        raise KeyError("two")

    with AsyncioSystemBase() as base:
        iterator = base.iterate(items())
        assert next(iterator) == 1
        with pytest.raises(KeyError):
            next(iterator)
        with pytest.raises(StopIteration):
            next(iterator)


def test_iterate_takes_no_longer_for_an_item_than_it_may() -> None:
    opened = Opened()

    async def items() -> AsyncGenerator[int, None]:
        async for item in opened.items():
            yield item
            await asyncio.get_running_loop().create_future()

    with AsyncioSystemBase() as base:
        iterator = base.iterate(items(), timeout_s=0.05)
        assert next(iterator) == 1
        with pytest.raises(TimeoutError):
            next(iterator)


def test_an_item_that_takes_too_long_is_cancelled_and_cleaned_up_before_the_iterator_is_closed() -> None:
    cleaned_up: list[str] = []

    async def items() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.get_running_loop().create_future()
        finally:
            for _ in range(3):
                await asyncio.sleep(0)
            cleaned_up.append("items")

    with AsyncioSystemBase() as base:
        iterator = base.iterate(items(), timeout_s=0.05)
        assert next(iterator) == 1
        with pytest.raises(TimeoutError):
            next(iterator)
        assert cleaned_up == ["items"]


def test_iterate_is_refused_at_the_call_on_the_thread_of_the_loop() -> None:
    with AsyncioSystemBase() as base:

        async def iterate() -> None:
            base.iterate(Opened().items())

        with pytest.raises(RuntimeError, match="expected a call from another thread"):
            base.run(iterate())


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_an_iterator_that_the_loops_thread_drops_is_closed_without_an_error() -> None:
    opened = Opened()
    with AsyncioSystemBase() as base:
        held = [base.iterate(opened.items())]
        next(held[0])

        async def drop() -> None:
            held.clear()

        base.run(drop())
    assert opened.closed  # by its loop's hook, at the latest when the loop ends


def test_iterate_refuses_what_is_not_an_async_iterator_at_the_call() -> None:
    with AsyncioSystemBase() as base:
        for wrong in (None, [1], iter([1])):
            with pytest.raises(InvalidArgument, match="expected an async iterator, got "):
                base.iterate(wrong)  # type: ignore[arg-type]


def test_iterate_raises_no_system_after_the_end() -> None:
    with AsyncioSystemBase() as base:
        iterator = base.iterate(Opened().items())
        assert next(iterator) == 1
    with pytest.raises(NoSystem):
        next(iterator)
