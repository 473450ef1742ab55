"""Answers of supervisors to requests.

Erlang: supervisor_SUITE, child_adm, count_restarting_children, hanging_restart_loop.
"""

import logging
from typing import Any

import pytest

from actors import NOPROC, NORMAL, SHUTDOWN, CallFailed, Mailbox, Pid, get_state, self_pid
from actors import exit as send_exit
from supervisors import (
    RESTARTING,
    AlreadyPresent,
    AlreadyStarted,
    AutoShutdown,
    ChildSpec,
    Counts,
    Flags,
    InvalidChildSpec,
    NotFound,
    Restarting,
    RestartType,
    Running,
    Strategy,
    Supervisor,
    WrongSupervisor,
    count_children,
    delete_child,
    dynamic_supervisor,
    get_callback_module,
    get_childspec,
    restart_child,
    start_child,
    start_supervisor,
    terminate_child,
    which_children,
)
from tests.supervisors.troupe import START, Script, Worker, end, exit_reason, pids

FOREVER = Flags(intensity=10**9, period_s=3600)


class Loop(Script):
    """A start function that succeeds once, and then fails until it is mended."""

    def __init__(self) -> None:
        super().__init__(START, ValueError("no"))

    def mend(self) -> None:
        self.outcomes = [START]


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Silence the reports of a loop of failing restarts."""
    caplog.set_level(logging.CRITICAL, "understudy.supervisors")


async def test_child_adm(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [], name="boss")
    spec = ChildSpec("child", Worker)
    assert await count_children(supervisor) == Counts(0, 0, 0, 0)

    pid = await start_child("boss", spec)
    assert await which_children(supervisor) == [("child", pid, "worker")]
    assert await count_children(supervisor) == Counts(1, 1, 0, 1)
    with pytest.raises(AlreadyStarted) as caught:
        await start_child(supervisor, spec)
    assert caught.value.pid == pid
    for refused in (restart_child, delete_child):
        with pytest.raises(Running):
            await refused(supervisor, "child")
    for stranger in ("stranger", pid):
        for request in (terminate_child, restart_child, delete_child):
            with pytest.raises(NotFound):
                await request(supervisor, stranger)

    await terminate_child(supervisor, "child")
    await terminate_child(supervisor, "child")
    assert not pid.alive
    assert await count_children(supervisor) == Counts(1, 0, 0, 1)
    with pytest.raises(AlreadyPresent):
        await start_child(supervisor, spec)
    assert await restart_child(supervisor, "child") == (await pids(supervisor))["child"] != pid

    await terminate_child(supervisor, "child")
    await delete_child(supervisor, "child")
    assert await which_children(supervisor) == []
    with pytest.raises(NotFound):
        await get_childspec(supervisor, "child")

    await end(supervisor, SHUTDOWN)
    for gone in (supervisor, "boss"):
        with pytest.raises(CallFailed) as failed:
            await which_children(gone)
        assert failed.value.reason is NOPROC


async def test_a_supervisor_that_dies_fails_the_calls_that_wait(box: Mailbox) -> None:
    from actors.kernel.signals import KILL, KILLED

    async def regicide() -> None:
        send_exit(self_pid(), KILL)

    supervisor = await start_supervisor(Flags(), [])
    with pytest.raises(CallFailed) as failed:
        await start_child(supervisor, ChildSpec("child", regicide))
    assert failed.value.reason is KILLED


async def test_start_child_refuses_invalid_and_unfitting_specs(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [])
    significant = ChildSpec("child", Worker, restart=RestartType.TEMPORARY, significant=True)
    for spec, atom in [("child", "invalid_child_spec"), (significant, "bad_combination")]:
        with pytest.raises(InvalidChildSpec) as caught:
            await start_child(supervisor, spec)  # type: ignore[arg-type]
        assert caught.value.atom == atom
    supervisor = await start_supervisor(Flags(auto_shutdown=AutoShutdown.ANY_SIGNIFICANT), [])
    assert (await start_child(supervisor, significant)).alive


async def test_an_id_that_is_not_hashable_is_refused_in_the_caller(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [])
    with pytest.raises(TypeError):
        await terminate_child(supervisor, [])  # type: ignore[arg-type]
    assert supervisor.alive


async def test_get_callback_module(box: Mailbox) -> None:
    assert await get_callback_module(await start_supervisor(Flags(), [])) is Supervisor


async def test_a_request_for_the_other_kind_of_supervisor_is_refused(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [])
    with pytest.raises(WrongSupervisor, match=r"use supervisors\.start_child\(supervisor, spec\)"):
        await dynamic_supervisor.start_child(supervisor, 1)
    for arguments in ((), (1,), (ChildSpec("a", Worker), ChildSpec("b", Worker))):
        with pytest.raises(InvalidChildSpec, match="expected a ChildSpec"):
            await start_child(supervisor, *arguments)
    assert await which_children(supervisor) == []


@pytest.mark.usefixtures("quiet")
async def test_hanging_restart_loop(box: Mailbox) -> None:
    """A supervisor whose child can't be restarted answers between the tries."""
    script = Loop()
    spec = ChildSpec("child", script)
    supervisor = await start_supervisor(FOREVER, [spec])
    await end((await pids(supervisor))["child"], "boom")

    assert await which_children(supervisor) == [("child", RESTARTING, "worker")]
    with pytest.raises(AlreadyPresent):
        await start_child(supervisor, spec)
    for request in (restart_child, delete_child):
        with pytest.raises(Restarting):
            await request(supervisor, "child")

    await terminate_child(supervisor, "child")
    assert await pids(supervisor) == {"child": None}
    tries = script.starts
    assert await pids(supervisor) == {"child": None}
    assert script.starts == tries

    script.mend()
    pid = await restart_child(supervisor, "child")
    assert await pids(supervisor) == {"child": pid}
    script.outcomes = [ValueError("no")]
    await end(pid, "boom")
    assert await pids(supervisor) == {"child": RESTARTING}
    send_exit(supervisor, SHUTDOWN)
    assert await exit_reason(box, supervisor) is SHUTDOWN


@pytest.mark.usefixtures("quiet")
async def test_hanging_restart_loop_rest_for_one(box: Mailbox) -> None:
    script = Loop()
    specs = [ChildSpec("child1", Worker), ChildSpec("child2", script), ChildSpec("child3", Worker)]
    flags = Flags(Strategy.REST_FOR_ONE, intensity=10**9, period_s=3600)
    supervisor = await start_supervisor(flags, specs)
    before = await pids(supervisor)
    await end(before["child2"], "boom")

    assert await pids(supervisor) == {"child1": before["child1"], "child2": RESTARTING, "child3": None}
    with pytest.raises(AlreadyPresent):
        await start_child(supervisor, specs[1])
    for request in (restart_child, delete_child):
        with pytest.raises(Restarting):
            await request(supervisor, "child2")
    await terminate_child(supervisor, "child2")
    assert await pids(supervisor) == {"child1": before["child1"], "child2": None, "child3": None}

    script.mend()
    second = await restart_child(supervisor, "child2")
    script.outcomes = [ValueError("no")]
    await end(second, "boom")
    assert (await pids(supervisor))["child2"] is RESTARTING
    script.mend()
    while not isinstance((await pids(supervisor))["child3"], Pid):
        pass
    assert before["child1"].alive
    send_exit(supervisor, SHUTDOWN)
    assert await exit_reason(box, supervisor) is SHUTDOWN


@pytest.mark.usefixtures("quiet")
async def test_count_restarting_children(box: Mailbox) -> None:
    scripts = [Loop() for _ in range(3)]
    supervisor = await start_supervisor(FOREVER, [ChildSpec(n, script) for n, script in enumerate(scripts)])
    assert await count_children(supervisor) == Counts(3, 3, 0, 3)
    for done, pid in enumerate((await pids(supervisor)).values(), 1):
        await end(pid, "boom")
        assert await count_children(supervisor) == Counts(3, 3 - done, 0, 3)
    scripts[0].mend()
    while not isinstance((await pids(supervisor))[0], Pid):
        pass
    assert await count_children(supervisor) == Counts(3, 1, 0, 3)
    await terminate_child(supervisor, 0)
    await terminate_child(supervisor, 1)
    assert await count_children(supervisor) == Counts(3, 0, 0, 3)


@pytest.mark.parametrize("strategy", Strategy)
async def test_do_not_save_start_parameters_for_temporary_children(box: Mailbox, strategy: Strategy) -> None:
    args: list[Any] = ["a large argument"]
    specs = [ChildSpec(str(restart), Worker, args, restart=restart) for restart in RestartType]
    supervisor = await start_supervisor(Flags(strategy), specs)
    kept = {restart: (await get_childspec(supervisor, str(restart))).args for restart in RestartType}
    assert kept == {RestartType.PERMANENT: (args,), RestartType.TRANSIENT: (args,), RestartType.TEMPORARY: ()}


async def test_scale_start_stop_many_children(box: Mailbox) -> None:
    """Order and counts stay right. Benchmarks measure the time."""
    supervisor = await start_supervisor(Flags(), [])
    for n in range(1000):
        await start_child(supervisor, ChildSpec(n, Worker))
    for n in range(0, 1000, 2):
        await terminate_child(supervisor, n)
        await delete_child(supervisor, n)
    assert await count_children(supervisor) == Counts(500, 500, 0, 500)
    assert list(await pids(supervisor)) == list(range(1, 1000, 2))
    await end(supervisor, NORMAL)


async def test_the_state_of_a_supervisor_can_be_read(box: Mailbox) -> None:
    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Worker)])
    state = await get_state(supervisor)
    assert state.flags == Flags()
    assert list(state.children) == ["child"]
