"""DynamicSupervisor. Erlang: supervisor_SUITE, the cases of simple_one_for_one."""

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from actors import (
    IGNORE,
    KILL,
    KILLED,
    NORMAL,
    SHUTDOWN,
    CallFailed,
    Crash,
    GenServer,
    Mailbox,
    Pid,
    StartFailed,
    call,
    ended,
    get_state,
    send,
    start_link,
)
from actors import exit as send_exit
from supervisors import (
    RESTARTING,
    AlreadyStarted,
    ChildSpec,
    ChildType,
    Counts,
    DynamicFlags,
    DynamicSupervisor,
    Flags,
    InvalidTree,
    MaxChildren,
    NotFound,
    RestartType,
    WrongSupervisor,
    code_change,
    count_children,
    delete_child,
    get_callback_module,
    get_childspec,
    restart_child,
    start_dynamic_supervisor,
    terminate_child,
    which_children,
)
from supervisors import start_child as start_static_child
from supervisors.api import reset_child
from supervisors.dynamic_supervisor import Template, start_child, start_children
from tests.supervisors.troupe import START, Ignoring, Script, Worker, end, exit_reason

PERMANENT, TRANSIENT, TEMPORARY = RestartType
LONG = DynamicFlags(intensity=2, period_s=3600)


async def dynamic(start: Any = Worker, flags: DynamicFlags = LONG, **options: Any) -> Pid:
    return await start_dynamic_supervisor(flags, ChildSpec("child", start, **options))


async def children(supervisor: Pid) -> list[Any]:
    return [child.pid for child in await which_children(supervisor)]


@pytest.mark.parametrize("restart", [TEMPORARY, PERMANENT])
async def test_sup_start_ignore_child_start_child_simple_stores_nothing(box: Mailbox, restart: RestartType) -> None:
    """Erlang: sup_start_ignore_{temporary,permanent}_child_start_child_simple."""
    supervisor = await dynamic(Ignoring, restart=restart)
    assert await start_child(supervisor) is None
    assert await count_children(supervisor) == Counts(1, 0, 0, 0)
    send_exit(supervisor, SHUTDOWN)
    assert await exit_reason(box, supervisor) is SHUTDOWN


async def test_sup_start_child_returns_error_simple(box: Mailbox) -> None:
    fault = ValueError("no")
    supervisor = await dynamic(Script(StartFailed("child", "reason"), "term", fault))
    for reason in ("reason", "term", Crash(fault)):
        with pytest.raises(StartFailed) as caught:
            await start_child(supervisor)
        assert caught.value.reason == reason
    assert await children(supervisor) == []


async def test_sup_start_map_simple(box: Mailbox) -> None:
    template = ChildSpec("child", Worker, 1)
    supervisor = await start_dynamic_supervisor(LONG, template)
    pid = await start_child(supervisor, 2)
    await end(pid, NORMAL)
    for known in (pid, "child", await start_child(supervisor, 2)):
        assert await get_childspec(supervisor, known) == template
    for stranger in (box.pid, "another"):
        with pytest.raises(NotFound):
            await get_childspec(supervisor, stranger)


async def test_a_child_gets_the_template_s_args_and_those_of_its_start_also_after_a_restart(box: Mailbox) -> None:
    supervisor = await start_dynamic_supervisor(LONG, ChildSpec("child", Worker, 1))
    pid = await start_child(supervisor, 2, 3)
    assert await call(pid, "args?") == (1, 2, 3)
    await end(pid, "boom")
    (pid,) = await children(supervisor)
    assert await call(pid, "args?") == (1, 2, 3)


async def test_child_adm_simple(box: Mailbox) -> None:
    supervisor = await dynamic()
    pid = await start_child(supervisor)
    assert await which_children(supervisor) == [(None, pid, "worker")]
    assert await count_children(supervisor) == Counts(1, 1, 0, 1)
    for request in (terminate_child, restart_child, delete_child):
        with pytest.raises(WrongSupervisor):
            await request(supervisor, "child")
    for arguments in ((), ("a job",), ("a job", 2), (ChildSpec("child", Worker),)):
        with pytest.raises(WrongSupervisor, match=r"use supervisors\.dynamic_supervisor\.start_child\("):
            await start_static_child(supervisor, *arguments)
    await terminate_child(supervisor, pid)
    await terminate_child(supervisor, pid)
    assert not pid.alive
    with pytest.raises(NotFound):
        await terminate_child(supervisor, box.pid)
    assert await count_children(supervisor) == Counts(1, 0, 0, 0)


async def test_simple_one_for_one(box: Mailbox) -> None:
    supervisor = await dynamic()
    first, second = [await start_child(supervisor) for _ in range(2)]
    for _ in range(2):
        await end(first, "boom")
        (first,) = set(await children(supervisor)) - {second}
        assert (await count_children(supervisor)).specs == 1
    await end(first, "boom")
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert not second.alive


async def test_simple_one_for_one_extra(box: Mailbox) -> None:
    async def with_info(*args: Any) -> Any:
        return await start_link(Worker, *args), "extra"

    supervisor = await dynamic(with_info)
    first: Any = await start_child(supervisor)
    assert first[1] == "extra"
    await end(first[0], "boom")
    (again,) = await children(supervisor)
    assert again not in (first[0], None)


async def test_simple_one_for_one_escalation(box: Mailbox) -> None:
    supervisor = await dynamic(Script(START, START, ValueError("no")), DynamicFlags(4, 3600))
    first, second = [await start_child(supervisor) for _ in range(2)]
    await end(first, "boom")
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert not second.alive


@pytest.mark.parametrize("restart", [TRANSIENT, PERMANENT])
async def test_simple_one_for_one_restart_ignore(box: Mailbox, restart: RestartType) -> None:
    supervisor = await dynamic(Script(START, IGNORE), restart=restart)
    await end(await start_child(supervisor), "boom")
    assert await children(supervisor) == []
    assert await count_children(supervisor) == Counts(1, 0, 0, 0)


@pytest.mark.parametrize(
    ("restart", "reason", "restarted"),
    [
        (PERMANENT, NORMAL, True),
        (PERMANENT, "boom", True),
        (TRANSIENT, NORMAL, False),
        (TRANSIENT, "boom", True),
        (TEMPORARY, NORMAL, False),
        (TEMPORARY, "boom", False),
    ],
)
async def test_a_dynamic_child_that_is_not_restarted_is_forgotten(
    box: Mailbox, restart: RestartType, reason: Any, restarted: bool
) -> None:
    supervisor = await dynamic(restart=restart)
    await end(await start_child(supervisor), reason)
    assert len(await children(supervisor)) == restarted


class Thing:
    """An argument that a weak reference can watch."""


@pytest.mark.parametrize("restart", RestartType)
async def test_simple_one_for_one_corruption(box: Mailbox, restart: RestartType) -> None:
    """The args of temporary children are not kept, not even after one has ended."""

    class Forgetful(GenServer[None]):
        def init(self, thing: Thing) -> None:
            return None

    supervisor = await dynamic(Forgetful, restart=restart)
    await end(await start_child(supervisor, Thing()), SHUTDOWN)
    thing = Thing()
    watched = weakref.ref(thing)
    await start_child(supervisor, thing)
    del thing
    gc.collect()
    assert (watched() is None) is (restart == TEMPORARY)


@pytest.mark.parametrize("kind", ChildType)
async def test_count_children(box: Mailbox, kind: ChildType) -> None:
    """Erlang: count_children, count_children_supervisor."""
    supervisor = await dynamic(restart=TEMPORARY, type=kind)
    for total in (1000, 2000):
        for _ in range(1000):
            await start_child(supervisor)
        supervisors = total if kind == ChildType.SUPERVISOR else 0
        assert await count_children(supervisor) == Counts(1, total, supervisors, total - supervisors)
    for pid in await children(supervisor):
        send_exit(pid, "boom")
    assert await count_children(supervisor) == Counts(1, 0, 0, 0)


async def test_hanging_restart_loop_simple(box: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "understudy.supervisors")
    script = Script(START, START, ValueError("no"))
    supervisor = await dynamic(script, DynamicFlags(10**9, 3600))
    first, second = [await start_child(supervisor) for _ in range(2)]
    await end(first, "boom")
    assert await children(supervisor) == [second, RESTARTING]
    assert await count_children(supervisor) == Counts(1, 1, 0, 2)
    with pytest.raises(WrongSupervisor):
        await restart_child(supervisor, first)
    await terminate_child(supervisor, first)
    assert await children(supervisor) == [second]
    tries = script.starts
    assert await children(supervisor) == [second]
    assert script.starts == tries

    await end(second, "boom")
    assert await children(supervisor) == [RESTARTING]
    send_exit(supervisor, SHUTDOWN)
    assert await exit_reason(box, supervisor) is SHUTDOWN


async def test_count_restarting_children(box: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    """The supervisor retries each child that can't be restarted."""
    caplog.set_level(logging.CRITICAL, "understudy.supervisors")
    script = Script(START, START, START, ValueError("no"))
    supervisor = await dynamic(script, DynamicFlags(10**9, 3600))
    for done, pid in enumerate([await start_child(supervisor) for _ in range(3)], 1):
        await end(pid, "boom")
        assert await count_children(supervisor) == Counts(1, 3 - done, 0, 3)
    script.outcomes = [START]
    while RESTARTING in await children(supervisor):  # each question waits behind a try
        pass
    assert await count_children(supervisor) == Counts(1, 3, 0, 3)


async def test_simple_one_for_one_scale_many_temporary_children(box: Mailbox) -> None:
    supervisor = await dynamic(restart=TEMPORARY)
    pids = [await start_child(supervisor) for _ in range(10_000)]
    for pid in pids[:5_000]:
        await terminate_child(supervisor, pid)
    assert await count_children(supervisor) == Counts(1, 5_000, 0, 5_000)
    send_exit(supervisor, SHUTDOWN)
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert not any(pid.alive for pid in pids)


async def test_others_run_while_very_many_children_are_stopped(box: Mailbox) -> None:
    supervisor = await dynamic(restart=TEMPORARY)
    pids = [await start_child(supervisor) for _ in range(1000)]
    send_exit(supervisor, SHUTDOWN)
    seen = set()
    while supervisor.alive:
        seen.add(sum(pid.alive for pid in pids))
        await asyncio.sleep(0)  # a turn for the others
    assert seen - {0, 1000}


async def test_no_more_than_max_children_run_or_restart(box: Mailbox) -> None:
    supervisor = await dynamic(flags=DynamicFlags(max_children=2))
    first, _ = [await start_child(supervisor) for _ in range(2)]
    with pytest.raises(MaxChildren):
        await start_child(supervisor)
    await terminate_child(supervisor, first)
    assert (await start_child(supervisor)).alive


class Meeting(GenServer[int]):
    """A server whose init ends after that of the last one of its meeting."""

    async def init(self, barrier: asyncio.Barrier, number: int) -> Any:
        await barrier.wait()
        match number:
            case 1:
                return IGNORE
            case 2:
                raise ValueError("no")
        return number


async def test_children_of_one_start_wait_for_their_inits_side_by_side(box: Mailbox) -> None:
    supervisor = await start_dynamic_supervisor(LONG, ChildSpec("child", Meeting, asyncio.Barrier(5)))
    first, ignored, failed, *last = await start_children(supervisor, [(number,) for number in range(5)])
    assert ignored is None
    assert isinstance(failed, StartFailed)
    assert isinstance(failed.reason, Crash)
    running = [first, *last]
    assert [await get_state(pid) for pid in running if isinstance(pid, Pid)] == [0, 3, 4]
    assert await children(supervisor) == running


async def test_children_of_one_start_are_restarted_with_their_arguments(box: Mailbox) -> None:
    supervisor = await dynamic(Worker, restart=PERMANENT)
    first, second = await start_children(supervisor, [("first",), ("second",)])
    assert isinstance(first, Pid)
    await end(first, "crashed")
    assert second in await children(supervisor)
    assert sorted([await get_state(pid) for pid in await children(supervisor)]) == [("first",), ("second",)]


async def test_max_children_without_room_for_all_of_one_start_adds_none(box: Mailbox) -> None:
    supervisor = await dynamic(flags=DynamicFlags(max_children=2))
    with pytest.raises(MaxChildren, match="2"):
        await start_children(supervisor, [()] * 3)
    assert await children(supervisor) == []
    assert len(await start_children(supervisor, [()] * 2)) == 2
    assert await start_children(supervisor, []) == []


class Starting(GenServer[None]):
    """A server whose init never ends."""

    async def init(self, observer: Pid) -> None:
        send(observer, self.pid)
        await asyncio.Event().wait()


async def test_the_end_of_a_supervisor_ends_the_children_that_it_starts(box: Mailbox) -> None:
    supervisor = await start_dynamic_supervisor(LONG, ChildSpec("child", Starting, box.pid))
    starting = asyncio.create_task(start_children(supervisor, [()] * 3))
    begun = [await box.receive(timeout_s=20) for _ in range(3)]
    send_exit(supervisor, KILL)
    assert await exit_reason(box, supervisor) is KILLED
    with pytest.raises(CallFailed):
        await starting
    for pid in begun:
        await ended(pid)


async def test_a_name_in_use_names_its_owner(box: Mailbox) -> None:
    async def named(name: str) -> Pid:
        return await start_link(Worker, name=name)

    supervisor = await dynamic(named)
    pid = await start_child(supervisor, "one")
    with pytest.raises(AlreadyStarted) as caught:
        await start_child(supervisor, "one")
    assert caught.value.pid == pid
    assert await children(supervisor) == [pid]


class Told(DynamicSupervisor):
    def tree(self, told: Any) -> Template:
        value: Template = told
        return value


@pytest.mark.parametrize(
    ("tree", "atom"),
    [
        ("garbage", "bad_return"),
        ((Flags(), ChildSpec("child", Worker)), "invalid_type"),
        ((LONG, []), "invalid_child_spec"),
        ((LONG, ChildSpec("child", Worker, name="same")), "invalid_name"),
        ((LONG, ChildSpec("child", Worker, restart=TEMPORARY, significant=True)), "bad_combination"),
    ],
)
async def test_child_specs_of_a_dynamic_supervisor_are_one_template(box: Mailbox, tree: Any, atom: str) -> None:
    """The Erlang case significant_simple is included."""
    with pytest.raises(StartFailed) as caught:
        await start_link(Told, tree)
    assert isinstance(caught.value.reason, Crash)
    assert getattr(caught.value.reason.exception, "atom", None) == atom
    assert not box.process.mailbox


async def test_code_change_simple(box: Mailbox) -> None:
    """A changed template is for later starts; running children stay. Also code_change_simple_map."""
    supervisor = await start_link(Told, (LONG, ChildSpec("child", Worker, 1)))
    assert await get_callback_module(supervisor) is Told
    first = await start_child(supervisor)
    await code_change(supervisor, (DynamicFlags(max_children=2), ChildSpec("child", Worker, 2)))
    second = await start_child(supervisor)
    assert [await call(pid, "args?") for pid in (first, second)] == [(1,), (2,)]
    with pytest.raises(MaxChildren):
        await start_child(supervisor)
    await code_change(supervisor, IGNORE)
    with pytest.raises(InvalidTree):
        await code_change(supervisor, "garbage")
    assert await children(supervisor) == [first, second]


EACH = DynamicFlags(intensity=2, period_s=3600, per_child=True)


async def crash(supervisor: Pid, pid: Pid, reason: Any = "boom") -> Pid | None:
    """Crash a child and return its next process, or None if it was not restarted."""
    before = set(await children(supervisor))
    await end(pid, reason)
    after: list[Pid] = [pid for pid in await children(supervisor) if pid not in before]
    return after[0] if after else None


async def test_with_per_child_limits_only_the_crashing_child_is_not_restarted(
    box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = await dynamic(flags=EACH)
    steady = await start_child(supervisor, "steady")
    for _ in range(3):
        bad: Pid | None = await start_child(supervisor, "bad")
        for _ in range(EACH.intensity):
            assert bad is not None
            bad = await crash(supervisor, bad)
        assert bad is not None
        assert await call(bad, "args") == ("bad",)
        assert await crash(supervisor, bad) is None
    assert await children(supervisor) == [steady]
    assert supervisor.alive
    given_up = [record for record in caplog.records if "child_given_up" in record.getMessage()]
    assert len(given_up) == 3


async def test_many_children_that_each_crash_a_little_are_all_restarted(box: Mailbox) -> None:
    supervisor = await dynamic(flags=EACH)
    pids: list[Pid] = [await start_child(supervisor, number) for number in range(50)]
    for _ in range(EACH.intensity):
        pids = [pid for pid in [await crash(supervisor, pid) for pid in pids] if pid is not None]
    assert sorted([(await call(pid, "args"))[0] for pid in pids]) == list(range(50))


async def test_a_child_that_can_not_be_restarted_spends_its_own_budget(
    box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "understudy.supervisors")
    script = Script(START, START, ValueError("no"))
    supervisor = await dynamic(script, EACH)
    steady, bad = [await start_child(supervisor) for _ in range(2)]
    await end(bad, "boom")
    while RESTARTING in await children(supervisor):  # each question waits behind a try
        pass
    assert await children(supervisor) == [steady]
    assert script.starts == 2 + EACH.intensity


HOLDS = DynamicFlags(intensity=2, period_s=3600, per_child=True, holds=True)


async def test_a_held_child_is_started_by_its_reset_only_and_then_has_its_whole_budget_again(box: Mailbox) -> None:
    supervisor = await dynamic(flags=HOLDS)
    for _ in range(2):
        ended = bad = await start_child(supervisor, "bad")
        for _ in range(HOLDS.intensity + 1):
            ended, bad = bad, await crash(supervisor, bad)
        assert bad is None
        await reset_child(supervisor, ended)
        [again] = await children(supervisor)
        for _ in range(HOLDS.intensity):
            again = await crash(supervisor, again)
        await terminate_child(supervisor, again)
        with pytest.raises(NotFound):
            await reset_child(supervisor, ended)
    assert (await get_state(supervisor)).restarts_of == {}


async def test_a_held_child_is_forgotten_when_it_is_terminated(box: Mailbox) -> None:
    supervisor = await dynamic(flags=DynamicFlags(intensity=0, period_s=3600, per_child=True, holds=True))
    pid = await start_child(supervisor, "bad")
    assert await crash(supervisor, pid) is None
    state = await get_state(supervisor)
    assert list(state.held.values()) == [("bad",)]
    assert state.restarts_of[pid].crash.reason == "str"
    await terminate_child(supervisor, pid)
    assert (state.held, state.restarts_of) == ({}, {})


async def test_the_second_restart_waits_for_the_backoff_and_a_reset_ends_the_wait(box: Mailbox) -> None:
    hour = DynamicFlags(intensity=9, period_s=3600, per_child=True, backoff_s=3600.0, max_backoff_s=7200.0)
    supervisor = await dynamic(flags=hour)
    first, other = [await start_child(supervisor, name) for name in ("bad", "other")]
    second = await crash(supervisor, first)
    assert second is not None
    await end(second, "boom")
    assert set(await children(supervisor)) == {RESTARTING, other}
    assert await crash(supervisor, other) is not None
    await reset_child(supervisor, second)
    assert RESTARTING not in await children(supervisor)
    assert len(await children(supervisor)) == 2


async def test_a_child_that_waits_is_restarted_when_its_pause_is_over(box: Mailbox) -> None:
    flags = DynamicFlags(intensity=9, period_s=3600, per_child=True, backoff_s=0.01)
    started: list[Pid] = []
    supervisor = await dynamic(flags=flags)
    pid = await crash(supervisor, await start_child(supervisor, "bad"))
    assert pid is not None
    await end(pid, "boom")
    while (started := await children(supervisor)) == [RESTARTING]:  # each question takes a round of the loop
        pass
    assert await call(started[0], "args") == ("bad",)


async def test_the_restart_log_of_a_child_goes_with_the_child(box: Mailbox) -> None:
    supervisor = await dynamic(flags=EACH, restart=TRANSIENT)
    for stopped in (True, False):
        pid = await crash(supervisor, await start_child(supervisor))
        assert pid is not None
        assert list((await get_state(supervisor)).restarts_of) == [pid]
        await (terminate_child(supervisor, pid) if stopped else end(pid, NORMAL))
        assert await children(supervisor) == []
        assert (await get_state(supervisor)).restarts_of == {}
