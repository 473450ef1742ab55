"""Trees of supervisors under real crashes. Erlang: supervisor_SUITE, tree, simple_global_supervisor."""

from typing import Any

import pytest

from actors import KILL, NORMAL, SHUTDOWN, Crash, Mailbox, Pid, Shutdown, StartFailed, ended, whereis
from actors import exit as send_exit
from supervisors import (
    ChildSpec,
    DynamicFlags,
    DynamicSupervisor,
    FailedToStartChild,
    Flags,
    RestartType,
    Strategy,
    Supervisor,
    restart_child,
    start_supervisor,
    terminate_child,
    which_children,
)
from supervisors.dynamic_supervisor import start_child
from supervisors.supervisor import Tree
from tests.supervisors.troupe import Script, Worker, end, exit_reason, pids


class Branch(Supervisor):
    def tree(self) -> Tree:
        return Flags(intensity=1, period_s=3600), [ChildSpec("leaf1", Worker), ChildSpec("leaf2", Worker)]


async def test_tree(box: Mailbox) -> None:
    dynamic = ChildSpec("dynamic", DynamicSupervisor, DynamicFlags(), ChildSpec("child", Worker))
    top = await start_supervisor(Flags(Strategy.ONE_FOR_ALL), [ChildSpec("branch", Branch), dynamic])
    branches = await pids(top)
    await start_child(branches["dynamic"])
    leaves = await pids(branches["branch"])

    await end(leaves["leaf1"], "boom")
    after = await pids(branches["branch"])
    assert after["leaf2"] == leaves["leaf2"]
    assert after["leaf1"].alive
    assert await pids(top) == branches

    await end(after["leaf1"], "boom")
    grown = await pids(top)
    assert not set(grown.values()) & set(branches.values())
    assert [pid.alive for pid in (await pids(grown["branch"])).values()] == [True, True]
    assert await which_children(grown["dynamic"]) == []

    send_exit(top, SHUTDOWN)
    assert await exit_reason(box, top) is SHUTDOWN


@pytest.mark.parametrize(("restart", "left"), [(RestartType.TRANSIENT, {"branch": None}), (RestartType.TEMPORARY, {})])
async def test_a_branch_that_gave_up_is_restarted_only_if_it_is_permanent(
    box: Mailbox, restart: RestartType, left: dict[str, Any]
) -> None:
    top = await start_supervisor(Flags(), [ChildSpec("branch", Branch, restart=restart)])
    branch = (await pids(top))["branch"]
    for _ in range(2):
        await end((await pids(branch))["leaf1"], "boom")
    await ended(branch)
    assert await pids(top) == left


async def test_simple_global_supervisor(box: Mailbox) -> None:
    """A supervisor and a worker with names: after the end of either, the names have new owners."""
    inner = Flags(), (ChildSpec("worker", Worker, name="worker"),)
    top = await start_supervisor(
        Flags(Strategy.ONE_FOR_ALL, 10), [ChildSpec("inner", Supervisor, *inner, name="inner")]
    )

    async def owners() -> tuple[Any, Any]:
        inner = (await pids(top))["inner"]
        assert inner == whereis("inner")
        worker = (await pids(inner))["worker"]
        assert worker == whereis("worker")
        return inner, worker

    first = await owners()
    send_exit(first[0], KILL)
    second = await owners()
    assert not set(first) & set(second)
    send_exit(second[1], KILL)
    third = await owners()
    assert (third[0], third[1] != second[1]) == (second[0], True)
    await terminate_child("inner", "worker")
    await restart_child("inner", "worker")
    fourth = await owners()
    assert fourth[1] != third[1]
    await end(fourth[0], NORMAL)
    assert not set(await owners()) & set(fourth)


async def test_faulty_application_shutdown(box: Mailbox) -> None:
    """The top of the tree reports the failure at its bottom."""
    fault = ValueError("no")
    inner = Flags(), (ChildSpec("worker", Script(fault)),)
    with pytest.raises(StartFailed) as caught:
        await start_supervisor(Flags(), [ChildSpec("inner", Supervisor, *inner)])
    assert caught.value.reason == Shutdown(
        FailedToStartChild("inner", Shutdown(FailedToStartChild("worker", Crash(fault))))
    )


async def test_a_tree_of_a_thousand_leaves_comes_down_whole(box: Mailbox) -> None:
    leaves = [ChildSpec(n, Worker) for n in range(10)]
    twigs = [ChildSpec(n, Supervisor, Flags(), leaves) for n in range(10)]
    top = await start_supervisor(Flags(), [ChildSpec(n, Supervisor, Flags(), twigs) for n in range(10)])

    async def below(supervisor: Pid) -> list[Pid]:
        return [child.pid for child in await which_children(supervisor) if isinstance(child.pid, Pid)]

    everyone = [leaf for branch in await below(top) for twig in await below(branch) for leaf in await below(twig)]
    assert len(everyone) == 1000
    send_exit(top, SHUTDOWN)
    assert await exit_reason(box, top) is SHUTDOWN
    assert not any(pid.alive for pid in everyone)
