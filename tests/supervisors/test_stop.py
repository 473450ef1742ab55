"""Stops of children and supervisors. Erlang: supervisor_SUITE, group sup_stop; child_unlink."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from actors import (
    KILL,
    KILLED,
    NORMAL,
    SHUTDOWN,
    Caller,
    Exit,
    ExitProcess,
    Mailbox,
    Pid,
    Reply,
    Shutdown,
    Task,
    call,
    monitor,
    self_pid,
    send,
    start_link,
    unlink,
)
from actors import exit as send_exit
from actors.testing import settled
from supervisors import (
    BRUTAL_KILL,
    INFINITY,
    ChildSpec,
    ChildType,
    Counts,
    DynamicFlags,
    DynamicSupervisor,
    Flags,
    RestartType,
    Supervisor,
    count_children,
    start_child,
    start_supervisor,
    terminate_child,
)
from supervisors import dynamic_supervisor as dynamic
from supervisors.child_spec import ShutdownTime
from supervisors.supervisor import Tree
from tests.supervisors.troupe import Worker, down_reasons, end, exit_reason, pids


class Stubborn(Worker):
    """A server whose terminate never returns."""

    trap_exit = True

    async def terminate(self, reason: Any, state: tuple[Any, ...]) -> None:
        await asyncio.get_running_loop().create_future()


class Slow(Worker):
    """A server whose terminate waits, and ends it with the given reason, if any."""

    trap_exit = True

    async def terminate(self, reason: Any, state: tuple[Any, ...]) -> None:
        await asyncio.sleep(0)
        if state:
            raise ExitProcess(state[0])


class Naughty(Worker):
    """A server that unlinks itself from its supervisor at a call. At its start it would be linked again."""

    def handle_call(self, request: Any, caller: Caller, state: tuple[Any, ...]) -> Reply[tuple[Any, ...]]:
        unlink(self._myRef.parent)
        return Reply("unlinked", state)


async def stopped(box: Mailbox, *specs: ChildSpec) -> dict[Any, Any]:
    """Shut a supervisor down, and return the exit reasons of its children."""
    supervisor = await start_supervisor(Flags(), specs)
    children = await pids(supervisor)
    refs = {monitor(pid): child for child, pid in children.items()}
    send_exit(supervisor, SHUTDOWN)
    reasons = await down_reasons(box, refs)
    assert await exit_reason(box, supervisor) is SHUTDOWN
    return reasons


@pytest.mark.parametrize("kind", ChildType)
async def test_sup_stop_infinity(box: Mailbox, kind: ChildType) -> None:
    reasons = await stopped(
        box,
        ChildSpec("child1", Slow, shutdown=INFINITY, type=kind),
        ChildSpec("child2", Worker, shutdown=INFINITY, type=kind),
    )
    assert reasons == {"child2": SHUTDOWN, "child1": SHUTDOWN}


async def test_sup_stop_timeout(box: Mailbox) -> None:
    reasons = await stopped(
        box, ChildSpec("child1", Worker, shutdown=0.02), ChildSpec("child2", Stubborn, shutdown=0.02)
    )
    assert list(reasons.items()) == [("child2", KILLED), ("child1", SHUTDOWN)]


async def test_sup_stop_brutal_kill(box: Mailbox) -> None:
    reasons = await stopped(
        box, ChildSpec("child1", Worker, shutdown=1.0), ChildSpec("child2", Stubborn, shutdown=BRUTAL_KILL)
    )
    assert list(reasons.items()) == [("child2", KILLED), ("child1", SHUTDOWN)]


async def test_a_stubborn_task_is_killed_when_its_time_is_over(box: Mailbox) -> None:
    class Deaf(Task):
        """A task that ignores three cancellations."""

        async def run(self) -> None:
            for _ in range(3):  # cancellations that it swallows: the first is the exit signal, the rest are kills
                try:
                    await self.receive()
                except asyncio.CancelledError:
                    continue
            await self.receive()

    assert await stopped(box, ChildSpec("task", Deaf, shutdown=0.02)) == {"task": KILLED}


async def test_sup_stop_race(box: Mailbox) -> None:
    """Children that end while the supervisor stops keep their reasons and are not restarted."""
    reasons: list[Any] = [NORMAL, SHUTDOWN, Shutdown("why"), "boom"]
    specs = [
        ChildSpec((restart, str(reason)), Worker, restart=restart) for restart in RestartType for reason in reasons
    ]
    supervisor = await start_supervisor(Flags(intensity=100), [*specs, ChildSpec("last", Stubborn, shutdown=0.02)])
    children = await pids(supervisor)
    refs = {monitor(pid): child for child, pid in children.items()}
    send_exit(supervisor, SHUTDOWN)
    for restart in RestartType:
        for reason in reasons:
            await end(children[restart, str(reason)], reason)
    ends = await down_reasons(box, refs)
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert ends.pop("last") is KILLED
    assert {child: str(reason) for child, reason in ends.items()} == {child: child[1] for child in ends}


async def test_child_unlink(box: Mailbox) -> None:
    """A child that unlinked itself is stopped like any other."""
    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Naughty)])
    pid = (await pids(supervisor))["child"]
    assert await call(pid, "unlink") == "unlinked"
    await terminate_child(supervisor, "child")
    assert not pid.alive


async def test_children_end_with_a_killed_supervisor(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [ChildSpec("child1", Worker), ChildSpec("child2", Slow)])
    refs = {monitor(pid): child for child, pid in (await pids(supervisor)).items()}
    send_exit(supervisor, KILL)
    assert await down_reasons(box, refs) == {"child1": KILLED, "child2": KILLED}
    assert await exit_reason(box, supervisor) is KILLED


async def test_a_supervisor_killed_while_it_stops_a_child_ends_at_once(box: Mailbox) -> None:
    class Telling(Stubborn):
        async def terminate(self, reason: Any, state: tuple[Any, ...]) -> None:
            send(box.pid, "terminating")
            await super().terminate(reason, state)

    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Telling, shutdown=INFINITY)])
    child = (await pids(supervisor))["child"]
    send_exit(supervisor, SHUTDOWN)
    assert await box.receive() == "terminating"
    send_exit(supervisor, KILL)
    assert await exit_reason(box, supervisor) is KILLED
    send_exit(child, KILL)


async def test_the_end_of_a_terminated_child_does_not_count_as_a_crash(box: Mailbox) -> None:
    """The child's exit signal never reaches the supervisor, which could mistake it for the next process's."""
    supervisor = await start_supervisor(Flags(intensity=0), [])
    for spec in (ChildSpec("worker", Worker), ChildSpec("slow", Slow), ChildSpec("naughty", Naughty)):
        assert await call(await start_child(supervisor, spec), "unlink") in ("unlinked", ())
        await terminate_child(supervisor, spec.id)
    assert await pids(supervisor) == {"worker": None, "slow": None, "naughty": None}


@pytest.mark.parametrize(("shutdown", "reason"), [(0.02, KILLED), (BRUTAL_KILL, KILLED)])
async def test_sup_stop_timeout_dynamic_and_sup_stop_brutal_kill_dynamic(
    box: Mailbox, shutdown: ShutdownTime, reason: Any
) -> None:
    template = ChildSpec("child", Stubborn, shutdown=shutdown)
    supervisor = await dynamic.start_dynamic_supervisor(DynamicFlags(), template)
    refs = {monitor(await dynamic.start_child(supervisor)): n for n in range(10)}
    send_exit(supervisor, SHUTDOWN)
    assert await down_reasons(box, refs) == dict.fromkeys(range(10), reason)
    assert await exit_reason(box, supervisor) is SHUTDOWN


@pytest.mark.parametrize("restart", RestartType)
async def test_sup_stop_non_shutdown_exit_dynamic(box: Mailbox, restart: RestartType) -> None:
    supervisor = await dynamic.start_dynamic_supervisor(DynamicFlags(), ChildSpec("child", Slow, restart=restart))
    reasons: list[Any] = [NORMAL, Shutdown("why"), "boom"]
    refs = {monitor(await dynamic.start_child(supervisor, reason)): str(reason) for reason in reasons}
    send_exit(supervisor, SHUTDOWN)
    assert {child: str(reason) for child, reason in (await down_reasons(box, refs)).items()} == {
        str(reason): str(reason) for reason in reasons
    }
    assert await exit_reason(box, supervisor) is SHUTDOWN


async def test_simple_one_for_one_shutdown(box: Mailbox) -> None:
    """Children stop at the same time: each waits in its terminate until all have their exit signal."""
    told: list[Pid] = []
    gate = asyncio.Event()

    class Waiting(Worker):
        trap_exit = True

        async def terminate(self, reason: Any, state: tuple[Any, ...]) -> None:
            told.append(self_pid())
            if len(told) == 3:
                gate.set()
            await gate.wait()

    supervisor = await dynamic.start_dynamic_supervisor(DynamicFlags(), ChildSpec("child", Waiting, shutdown=INFINITY))
    children = [await dynamic.start_child(supervisor) for _ in range(3)]
    send_exit(supervisor, SHUTDOWN)
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert set(told) == set(children)


async def test_a_nested_supervisor_stops_its_own_children_first(box: Mailbox) -> None:
    inner = ChildSpec("inner", DynamicSupervisor, DynamicFlags(), ChildSpec("child", Slow))
    supervisor = await start_supervisor(Flags(), [inner])
    child = await dynamic.start_child((await pids(supervisor))["inner"])
    send(child, "hello")
    send_exit(supervisor, SHUTDOWN)
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert not child.alive


async def test_an_exit_that_was_sent_before_the_stop_gives_the_reason(
    box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Worker)])
    child = (await pids(supervisor))["child"]
    send_exit(child, "boom")
    assert supervisor.process is not None
    supervisor.process.mailbox.appendleft((Exit(box.pid, SHUTDOWN), None))
    assert await exit_reason(box, supervisor) is SHUTDOWN
    (report,) = [record.getMessage() for record in caplog.records]
    assert "shutdown_error" in report
    assert "reason='str'" in report


async def test_a_child_that_unlinked_itself_and_ended_is_not_active(box: Mailbox) -> None:
    """The supervisor never learns of the end. Source: supervisor:count_child/2 (OTP)."""
    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Naughty)])
    naughty = (await pids(supervisor))["child"]
    assert await call(naughty, "unlink") == "unlinked"
    await end(naughty, "boom")
    assert await count_children(supervisor) == Counts(specs=1, active=0, supervisors=0, workers=1)
    assert await pids(supervisor) == {"child": naughty}


async def test_a_stop_in_time_leaves_no_timer_behind(box: Mailbox) -> None:
    """A timer would keep the supervisor in memory until the child's shutdown time is over."""
    seen: list[weakref.ref[Supervisor]] = []

    class Seen(Supervisor):
        def tree(self, *args: Any) -> Tree:
            seen.append(weakref.ref(self))
            return Flags(), [ChildSpec("child", Slow, shutdown=3600.0)]

    supervisor = await start_link(Seen)
    await end(supervisor, SHUTDOWN)
    await settled()
    gc.collect()
    assert seen[0]() is None
