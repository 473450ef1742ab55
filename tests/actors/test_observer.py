"""A running system as data: every process, without the contents of states and messages."""

import asyncio
from typing import Any

import msgspec
import pytest

from actors import (
    AsyncioSystemBase,
    Caller,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    ProcessInfo,
    Reply,
    call,
    link,
    monitor,
    process_info,
    processes,
    receive,
    register,
    send,
    spawn,
    start,
    stop,
    sys,
    system_info,
    text_to_pid,
    top,
)
from actors.observer import look
from actors.testing import simulated

SECRET = "sk-3141592653589793"


class Keeper(GenServer[Any]):
    def init(self, state: Any) -> Any:
        return state

    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)

    def handle_call(self, request: Any, caller: Caller, state: Any) -> Any:
        return Reply(len(state), state)


class Busy(Keeper):
    async def handle_call(self, request: Any, caller: Caller, state: Any) -> Any:
        await asyncio.sleep(60)
        return Reply(None, state)


def told(pid: Pid) -> ProcessInfo:
    info = process_info(pid)
    assert info is not None
    return info


@simulated(seeds=10)
async def test_process_info_has_code_links_names_and_figures() -> None:
    async with AsyncioSystemBase() as system, Mailbox() as box:
        pid = await start(Keeper, {"key": SECRET})
        register("keeper", pid)
        link(pid)
        monitor(pid)
        await asyncio.sleep(2.5)
        info = told(pid)
        assert (info.pid, info.label, info.name, info.parent) == (str(pid), "Keeper", "keeper", str(box.pid))
        assert (info.status, info.mailbox, info.age_s, info.trap_exit) == ("idle", 0, 2.5, False)
        assert (info.state, info.links, info.monitored_by) == ("dict[1]", (str(box.pid),), (str(box.pid),))
        assert told(box.pid).monitors == (str(pid),)
        assert told(system.root.pid).parent is None


@simulated(seeds=10)
async def test_reductions_count_the_messages_taken() -> None:
    async def takes(count: int, to: Pid) -> None:
        for _ in range(count):
            await receive()
        send(to, "taken")
        await receive()

    async with AsyncioSystemBase(), Mailbox() as box:
        keeper, task = await start(Keeper, ()), spawn(takes, 100, box.pid)
        for number in range(100):
            send(keeper, number)
            send(task, number)
        await call(keeper, "how many?")
        await box.receive()
        assert told(keeper).reductions == 101
        assert told(task).reductions == 101  # the one that it waits for, too
        assert told(box.pid).reductions == 1


@pytest.mark.parametrize("count", [1, 3, 64, 1000])
async def test_reductions_are_counted_whatever_the_slices(count: int) -> None:
    async with AsyncioSystemBase(), Mailbox():
        keeper = await start(Keeper, ())
        for _ in range(2):
            for number in range(count):
                send(keeper, number)
            await sys.get_state(keeper)
        await call(keeper, "how many?")
        assert told(keeper).reductions == 2 * count + 3


@simulated(seeds=10)
async def test_a_server_that_hangs_is_seen_with_its_mailbox() -> None:
    async with AsyncioSystemBase(), Mailbox():
        pid = await start(Busy, None)
        spawn(call, pid, "wait", None)
        await asyncio.sleep(1)
        for number in range(7):
            send(pid, number)
        assert (told(pid).status, told(pid).mailbox) == ("waiting", 7)
        assert top("mailbox", 1) == [told(pid)]


async def test_no_report_has_the_contents_of_a_message_or_state() -> None:
    async with AsyncioSystemBase(), Mailbox():
        pid = await start(Keeper, {"key": SECRET, "more": [SECRET]})
        send(pid, SECRET)
        everything = msgspec.json.encode([system_info(), *map(told, processes()), *top("memory")])
        assert SECRET.encode() not in everything
        assert b"Keeper" in everything


async def test_infos_survive_json() -> None:
    async with AsyncioSystemBase(), Mailbox() as box:
        encoded = msgspec.json.encode(told(box.pid))
        assert msgspec.json.decode(encoded, type=ProcessInfo).label == "mailbox"


@pytest.mark.parametrize(
    ("state", "shown"),
    [((), "tuple[0]"), ([1, 2], "list[2]"), ("text", "str[4]"), (7, "int"), (None, "NoneType"), (Mailbox, "type")],
)
async def test_a_state_appears_as_its_type_and_length(state: Any, shown: str) -> None:
    async with AsyncioSystemBase():
        assert told(await start(Keeper, state)).state == shown


async def test_a_larger_state_or_mailbox_is_a_larger_footprint() -> None:
    async with AsyncioSystemBase():
        small, large = await start(Keeper, []), await start(Keeper, [str(n) * 50 for n in range(500)])
        assert told(large).memory_bytes > told(small).memory_bytes + 25_000
        assert top("memory", 1)[0].pid == str(large)
        empty = told(small).memory_bytes
        for number in range(100):
            send(small, f"{number:>1000}")
        assert told(small).memory_bytes > empty + 100_000


async def test_a_footprint_ends_at_other_processes_and_at_its_limit() -> None:
    async with AsyncioSystemBase():
        rich = await start(Keeper, ["x" * 10_000_000])
        poor = await start(Keeper, [rich, Keeper, asyncio.get_running_loop()])
        endless = await start(Keeper, [[n] for n in range(100_000)])
        assert told(poor).memory_bytes < 10_000
        assert told(endless).memory_bytes < 2_000_000


async def test_ended_processes_are_not_listed() -> None:
    async with AsyncioSystemBase():
        pid = await start(Keeper, None)
        assert pid in processes()
        await stop(pid)
        assert process_info(pid) is None
        assert pid not in processes()


async def test_the_system_counts_its_processes_names_and_dead_letters() -> None:
    async with AsyncioSystemBase(), Mailbox():
        before = system_info()
        register("keeper", await start(Keeper, None))
        send("nobody", "hello")
        send("keeper", "hello")
        after = system_info()
        assert (after.processes, after.names) == (before.processes + 1, before.names + 1)
        assert (after.dead_letters, after.ready) == (1, 1)


async def test_top_has_as_many_as_there_are_and_the_most_first() -> None:
    async with AsyncioSystemBase(), Mailbox():
        for count in (3, 9, 6):
            pid = await start(Keeper, count)
            for number in range(count):
                send(pid, number)
        assert [info.mailbox for info in top("mailbox", 3)] == [9, 6, 3]
        assert len(top("mailbox", 100)) == len(processes())


async def test_top_refuses_an_unknown_measure() -> None:
    async with AsyncioSystemBase():
        with pytest.raises(ValueError, match="expected one of mailbox, reductions, memory, got 'fame'"):
            top("fame")  # type: ignore[arg-type]


async def test_the_text_of_a_pid_names_it_again() -> None:
    async with AsyncioSystemBase():
        pid = await start(Keeper, None)
        assert text_to_pid(str(pid)) is pid
        await stop(pid)
        assert text_to_pid(str(pid)) == pid
        assert not text_to_pid(str(pid)).alive


@pytest.mark.parametrize("text", ["", "7", "Pid()", "Pid(x)", "Pid(7", "(7)", "Pid(-7)"])
def test_a_text_that_is_not_a_pid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a pid as"):
        text_to_pid(text)


async def test_another_thread_sees_every_system_that_answers() -> None:
    def count() -> int:
        return len(processes())

    async with AsyncioSystemBase(), Mailbox():
        with AsyncioSystemBase() as other:
            other.run(start(Keeper, None))
            seen = await asyncio.to_thread(look, count)
            held = look(count, timeout_s=0.01)
        assert sorted(seen) == [2, 2]
        assert held == [2]  # this loop is held by the very call
    assert look(count) == []


async def test_look_raises_an_exception_of_its_function() -> None:
    async with AsyncioSystemBase():
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(look, lambda: 1 / 0)


@pytest.mark.timeout(30)
def test_a_system_whose_loop_is_closed_is_not_waited_for() -> None:
    system = AsyncioSystemBase()

    async def open_it() -> None:
        system.open()

    asyncio.run(open_it())
    try:
        assert look(processes, timeout_s=600.0) == []
    finally:
        asyncio.run(system.close())
