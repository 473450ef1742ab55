"""Links, monitors, exit signals: the rules of the Erlang reference manual, "Processes"."""

import asyncio
import logging
from collections.abc import Iterator
from inspect import isawaitable
from typing import Any

import pytest

from actors import (
    KILL,
    KILLED,
    NOPROC,
    NORMAL,
    SHUTDOWN,
    AsyncioSystemBase,
    Caller,
    CallFailed,
    Crash,
    Down,
    Exit,
    ExitProcess,
    GenServer,
    Mailbox,
    NoCaller,
    Pid,
    Shutdown,
    Stop,
    Task,
    alive,
    call,
    demonitor,
    ended,
    exit,  # noqa: A004 (OTP's word)
    link,
    monitor,
    pg,
    process_info,
    receive,
    register,
    self_pid,
    send,
    spawn,
    spawn_link,
    start,
    start_link,
    unlink,
    whereis,
)
from actors.testing import settled

pytestmark = pytest.mark.usefixtures("system")

REASONS = [SHUTDOWN, Shutdown("drained"), "boom", None, ("tuple", 1), KILLED, NOPROC]


async def sleeper() -> None:
    """A process that takes messages and does nothing with them."""
    while True:
        await receive()


async def linked_to(*others: Pid) -> None:
    for other in others:
        link(other)
    await sleeper()


async def ending_with(reason: Any) -> None:
    raise ExitProcess(reason)


class Trapper(Task):
    """Trap exits and forward each message, until the system ends."""

    trap_exit = True

    def __init__(self, to: Pid, *links: Pid) -> None:
        self.to, self.links = to, links

    async def run(self) -> None:
        for other in self.links:
            link(other)
        self.send(self.to, "linked")
        while alive(self.to):
            self.send(self.to, await self.receive())


async def reason_of(pid: Pid, box: Mailbox) -> Any:
    """Wait for the end of pid and return its reason."""
    ref = monitor(pid)
    down = await box.receive()
    assert isinstance(down, Down)
    assert (down.ref, down.pid) == (ref, pid)
    return down.reason


async def started(pid: Pid) -> Pid:
    """Return pid after its coroutine has run up to its first wait."""
    await settled()
    assert alive(pid)
    return pid


# Exit signals


@pytest.mark.parametrize("reason", REASONS)
async def test_an_exit_signal_ends_a_process_with_its_reason(reason: object) -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        exit(pid, reason)
        assert await reason_of(pid, box) == reason
        assert not alive(pid)


async def test_a_normal_exit_signal_from_another_is_ignored() -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        exit(pid, NORMAL)
        exit(pid, "told")
        assert await reason_of(pid, box) == "told"


async def test_a_normal_exit_signal_to_itself_ends_a_process() -> None:
    async def suicide() -> None:
        exit(self_pid(), NORMAL)
        await sleeper()

    async with Mailbox() as box:
        assert await reason_of(spawn(suicide), box) is NORMAL


async def test_kill_ends_even_a_process_that_traps_and_others_see_killed() -> None:
    async with Mailbox() as box:
        pid = Trapper.start(box.pid)
        assert await box.receive() == "linked"
        exit(pid, KILL)
        assert await reason_of(pid, box) is KILLED


@pytest.mark.parametrize("reason", [*REASONS, NORMAL])
async def test_a_trapping_process_gets_an_exit_signal_as_a_message(reason: object) -> None:
    async with Mailbox() as box:
        pid = Trapper.start(box.pid)
        assert await box.receive() == "linked"
        exit(pid, reason)
        assert await box.receive() == Exit(box.pid, reason)
        assert alive(pid)


async def test_an_exit_signal_to_a_dead_process_does_nothing() -> None:
    async with Mailbox() as box:
        pid = spawn(ending_with, "first")
        assert await reason_of(pid, box) == "first"
        exit(pid, "second")
        assert await reason_of(pid, box) is NOPROC


async def test_the_first_of_two_exit_signals_is_the_reason() -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        ref = monitor(pid)
        exit(pid, "first")
        exit(pid, "second")
        assert await box.receive() == Down(ref, pid, "first")


# Links


@pytest.mark.parametrize("reason", [*REASONS, KILL])
async def test_the_end_of_a_process_ends_those_linked_to_it_with_the_same_reason(reason: object) -> None:
    """KILL over a link is like any other reason: it does not become KILLED."""
    async with Mailbox() as box:
        survivor = spawn(sleeper)
        ref = monitor(survivor)
        spawn(ending_with_link, survivor, reason)
        assert await box.receive() == Down(ref, survivor, reason)


async def ending_with_link(other: Pid, reason: Any) -> None:
    link(other)
    raise ExitProcess(reason)


async def test_a_killed_process_ends_those_linked_to_it_with_killed() -> None:
    async with Mailbox() as box:
        first = await started(spawn(sleeper))
        second = await started(spawn(linked_to, first))
        exit(first, KILL)
        assert await reason_of(second, box) is KILLED


async def test_a_normal_end_does_not_end_those_linked() -> None:
    async with Mailbox() as box:
        survivor = await started(spawn(sleeper))
        pid = spawn(ending_with_link, survivor, NORMAL)
        assert await reason_of(pid, box) is NORMAL
        assert alive(survivor)
        assert survivor.process is not None
        assert not survivor.process.links


@pytest.mark.parametrize("reason", [*REASONS, NORMAL, KILL])
async def test_a_trapping_process_gets_the_end_of_a_linked_one_as_a_message(reason: object) -> None:
    async with Mailbox() as box:
        pid = spawn(ending_with_link, box.pid, reason)
        assert await box.receive() == Exit(pid, reason)
        assert not box.process.links


async def test_a_link_made_twice_sends_one_exit_signal() -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        link(pid)
        link(pid)
        exit(pid, "gone")
        assert await box.receive() == Exit(pid, "gone")
        send(box.pid, "next")
        assert await box.receive() == "next"


async def test_an_unlinked_process_gets_no_exit_signal() -> None:
    async with Mailbox() as box:
        pid = spawn_link(sleeper)
        unlink(pid)
        exit(pid, "gone")
        assert await reason_of(pid, box) == "gone"


async def test_a_link_to_a_dead_process_answers_with_noproc() -> None:
    async with Mailbox() as box:
        pid = spawn(ending_with, NORMAL)
        await reason_of(pid, box)
        link(pid)
        assert await box.receive() == Exit(pid, NOPROC)
        pid_of_linker = spawn(linked_to, pid)
        assert await reason_of(pid_of_linker, box) is NOPROC


async def test_a_link_to_itself_is_nothing() -> None:
    async with Mailbox() as box:
        link(box.pid)
        assert not box.process.links


async def test_a_long_chain_of_links_ends_as_one() -> None:
    async with Mailbox() as box:
        chain = [spawn(sleeper)]
        for _ in range(5000):
            chain.append(spawn(linked_to, chain[-1]))
        await started(chain[-1])
        ref = monitor(chain[-1])
        exit(chain[0], "fallen")
        assert await box.receive() == Down(ref, chain[-1], "fallen")
        assert not any(map(alive, chain))


class Linked(GenServer[None]):
    def init(self, *others: Pid) -> None:
        for other in others:
            link(other)


async def test_a_long_chain_of_linked_servers_ends_as_one() -> None:
    """Each server ends at once by the signal of the last one, without recursion."""
    chain = [await start(Linked)]
    for _ in range(5000):
        chain.append(await start(Linked, chain[-1]))
    exit(chain[0], "fallen")
    assert not any(map(alive, chain))


# Monitors


async def test_a_monitor_tells_exactly_once_of_an_end() -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        ref = monitor(pid)
        exit(pid, "gone")
        assert await box.receive() == Down(ref, pid, "gone")
        exit(pid, "gone")
        send(box.pid, "next")
        assert await box.receive() == "next"


async def test_each_of_several_monitors_tells() -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        refs = [monitor(pid), monitor(pid), monitor(pid)]
        exit(pid, "gone")
        assert [await box.receive() for _ in refs] == [Down(ref, pid, "gone") for ref in refs]


async def test_a_dead_process_answers_a_monitor_at_once_with_noproc() -> None:
    async with Mailbox() as box:
        pid = spawn(ending_with, "early")
        await reason_of(pid, box)
        ref = monitor(pid)
        assert box.process.mailbox[0] == (Down(ref, pid, NOPROC), None)


async def test_a_monitor_is_one_way() -> None:
    async def watcher(of: Pid) -> None:
        monitor(of)
        raise ExitProcess("watcher gone")

    async with Mailbox() as box:
        watched = spawn(sleeper)
        assert await reason_of(spawn(watcher, watched), box) == "watcher gone"
        assert watched.process is not None
        assert not watched.process.watchers


async def test_demonitor_before_the_end_means_no_down() -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        gone, kept = monitor(pid), monitor(pid)
        demonitor(gone)
        exit(pid, "x")
        assert await box.receive() == Down(kept, pid, "x")
        assert not box.process.mailbox


async def test_demonitor_flushes_a_down_that_has_come_and_nothing_else() -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        first, second = monitor(pid), monitor(pid)
        send(box.pid, "before")
        async with Mailbox() as witness:
            witness.process.monitor(pid)
            exit(pid, "x")
            assert isinstance(await witness.receive(), Down)
        demonitor(first)
        demonitor(first)
        assert await box.receive() == "before"
        assert await box.receive() == Down(second, pid, "x")
        assert not box.process.mailbox


async def test_names_are_free_before_anyone_learns_of_an_end() -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
        register("mine", pid)
        link(pid)
        exit(pid, "x")
        await box.receive()
        assert whereis("mine") is None


# Order


async def test_messages_and_signals_between_a_pair_keep_their_order() -> None:
    async def talker(to: Pid) -> None:
        link(to)
        for number in range(100):
            send(to, number)
        exit(to, "signal")
        send(to, "after the signal")
        raise ExitProcess("end")

    async with Mailbox() as box:
        pid = spawn(talker, box.pid)
        got = [await box.receive() for _ in range(103)]
        assert got == [*range(100), Exit(pid, "signal"), "after the signal", Exit(pid, "end")]


async def test_a_down_comes_behind_the_messages_of_the_dead() -> None:
    async def talker(to: Pid) -> None:
        send(to, "last words")

    async with Mailbox() as box:
        pid = spawn(talker, box.pid)
        ref = monitor(pid)
        assert await box.receive() == "last words"
        assert await box.receive() == Down(ref, pid, NORMAL)


# Callers


@pytest.mark.parametrize("primitive", [link, unlink, monitor])
async def test_links_and_monitors_want_a_calling_process(primitive: Any) -> None:
    async with Mailbox() as box:
        pid = spawn(sleeper)
    assert not box.pid.alive
    with pytest.raises(NoCaller, match="expects a calling process"):
        primitive(pid)


@pytest.mark.parametrize(
    "primitive",
    [link, monitor, lambda _: pg.monitor("group"), lambda _: spawn_link(sleeper), lambda _: start_link(Brittle)],
    ids=["link", "monitor", "pg.monitor", "spawn_link", "start_link"],
)
async def test_a_task_that_outlives_its_process_can_not_link_or_monitor(
    primitive: Any, system: AsyncioSystemBase
) -> None:
    """A linked process would outlive its link, and a monitored one would keep the dead process for ever."""
    left: list[asyncio.Task[Any]] = []
    gone = asyncio.Event()

    async def late(target: Pid) -> Any:
        await gone.wait()
        result = primitive(target)
        return await result if isawaitable(result) else result

    async def leaving(target: Pid) -> None:
        left.append(asyncio.create_task(late(target)))

    target = spawn(sleeper)
    await ended(spawn(leaving, target))
    before = len(system.processes)
    gone.set()
    with pytest.raises(NoCaller, match="which has ended"):
        await left[0]
    assert len(system.processes) == before
    info = process_info(target)
    assert info is not None
    assert (info.links, info.monitored_by) == ((), ())


async def test_self_pid_is_the_calling_process() -> None:
    async def teller(to: Pid) -> None:
        send(to, self_pid())

    async with Mailbox() as box:
        assert self_pid() == box.pid
        pid = spawn(teller, box.pid)
        assert await box.receive() == pid
    with pytest.raises(NoCaller):
        self_pid()


async def test_a_crash_is_reported_without_the_exceptions_text(caplog: pytest.LogCaptureFixture) -> None:
    async def leak() -> None:
        raise ValueError("sk-secret")

    async with Mailbox() as box:
        reason = await reason_of(spawn(leak), box)
    assert isinstance(reason, Crash)
    assert "process_crashed" in caplog.text
    assert "ValueError" in caplog.text
    assert "sk-secret" not in caplog.text


class Refusing(logging.Handler):
    """A host's log handler that fails at every crash report."""

    def emit(self, record: logging.LogRecord) -> None:
        if "process_crashed" in record.getMessage():
            raise OSError("the disk is full")


@pytest.fixture
def _refused_reports() -> Iterator[None]:
    log, handler = logging.getLogger("understudy.actors"), Refusing()
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


class Brittle(GenServer[None]):
    def init(self) -> None:
        pass

    def handle_call(self, request: Any, caller: Caller, state: None) -> Stop[None]:
        return Stop("boom", None)


@pytest.mark.usefixtures("_refused_reports")
async def test_watchers_and_links_learn_of_a_crash_whose_report_the_hosts_log_refuses() -> None:
    async with Mailbox() as box:
        pid = spawn_link(ending_with, "boom")
        ref = monitor(pid)
        news = [await box.receive(timeout_s=60), await box.receive(timeout_s=60)]
        assert news == [Down(ref, pid, "boom"), Exit(pid, "boom")]


@pytest.mark.usefixtures("_refused_reports")
async def test_a_caller_learns_of_a_crash_whose_report_the_hosts_log_refuses() -> None:
    server = await start(Brittle)
    with pytest.raises(CallFailed) as failed:
        await call(server, "break", timeout_s=60)
    assert failed.value.reason == "boom"
