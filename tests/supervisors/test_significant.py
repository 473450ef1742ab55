"""Significant children and automatic shutdown. Erlang: supervisor_SUITE, group significant."""

import logging
from typing import Any

import pytest

from actors import KILLED, NORMAL, SHUTDOWN, Mailbox, Pid, Shutdown
from supervisors import (
    RESTARTING,
    AutoShutdown,
    ChildSpec,
    Flags,
    InvalidChildSpec,
    RestartType,
    Strategy,
    Supervisor,
    code_change,
    start_child,
    start_supervisor,
    terminate_child,
)
from tests.supervisors.troupe import START, Script, Worker, end, exit_reason, pids

PERMANENT, TRANSIENT, TEMPORARY = RestartType
NEVER, ANY, ALL = AutoShutdown
ENDS: list[Any] = [NORMAL, SHUTDOWN, Shutdown("why"), KILLED, "boom"]
ORDERLY = ENDS[:3]


def significant(child: str, restart: RestartType = TEMPORARY) -> ChildSpec:
    return ChildSpec(child, Worker, restart=restart, significant=True)


async def pair(auto_shutdown: AutoShutdown, *specs: ChildSpec, strategy: Strategy = Strategy.ONE_FOR_ONE) -> Pid:
    return await start_supervisor(Flags(strategy, 100, auto_shutdown=auto_shutdown), specs)


async def finish(supervisor: Pid, child: str, reason: Any = NORMAL) -> None:
    await end((await pids(supervisor))[child], reason)


async def lives(supervisor: Pid) -> bool:
    """Return whether the supervisor lives after it has handled the earlier messages."""
    await pids(supervisor)
    return supervisor.alive


@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
@pytest.mark.parametrize("restart", [TEMPORARY, TRANSIENT])
async def test_nonsignificant_temporary_and_nonsignificant_transient(
    box: Mailbox, auto_shutdown: AutoShutdown, restart: RestartType
) -> None:
    specs = [ChildSpec(str(number), Worker, restart=restart) for number in range(len(ENDS) + 1)]
    supervisor = await pair(auto_shutdown, *specs)
    for number, reason in enumerate(ENDS):
        await finish(supervisor, str(number), reason)
    await terminate_child(supervisor, str(len(ENDS)))
    assert await lives(supervisor)


@pytest.mark.parametrize("reason", ENDS, ids=str)
async def test_significant_temporary_any(box: Mailbox, reason: Any) -> None:
    supervisor = await pair(ANY, significant("child1"), significant("child2"), significant("child3"))
    children = await pids(supervisor)
    await terminate_child(supervisor, "child1")
    assert await lives(supervisor)
    await finish(supervisor, "child2", reason)
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert not children["child3"].alive


@pytest.mark.parametrize("reason", ENDS, ids=str)
async def test_significant_temporary_all(box: Mailbox, reason: Any) -> None:
    supervisor = await pair(ALL, significant("child1"), significant("child2"), ChildSpec("child3", Worker))
    await finish(supervisor, "child1", reason)
    assert await lives(supervisor)
    await finish(supervisor, "child2", reason)
    assert await exit_reason(box, supervisor) is SHUTDOWN


@pytest.mark.parametrize("reason", ENDS, ids=str)
@pytest.mark.parametrize("auto_shutdown", [ANY, ALL])
async def test_significant_transient(box: Mailbox, auto_shutdown: AutoShutdown, reason: Any) -> None:
    supervisor = await pair(auto_shutdown, significant("child1", TRANSIENT), significant("child2", TRANSIENT))
    if reason not in ORDERLY:
        for child in ("child1", "child2"):
            await finish(supervisor, child, reason)
            assert (await pids(supervisor))[child].alive
        return
    await finish(supervisor, "child1", reason)
    if auto_shutdown == ALL:
        assert await lives(supervisor)
        await finish(supervisor, "child2", reason)
    assert await exit_reason(box, supervisor) is SHUTDOWN


@pytest.mark.parametrize("restart", [TRANSIENT, TEMPORARY])
@pytest.mark.parametrize("auto_shutdown", [ANY, ALL])
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_significant_bystander(
    box: Mailbox, strategy: Strategy, auto_shutdown: AutoShutdown, restart: RestartType
) -> None:
    specs = [ChildSpec("child1", Worker), significant("child2", restart)]
    supervisor = await pair(auto_shutdown, *specs, strategy=strategy)
    bystander = (await pids(supervisor))["child2"]
    await finish(supervisor, "child1", "boom")
    assert await lives(supervisor)
    assert not bystander.alive


@pytest.mark.parametrize("is_significant", [True, False])
async def test_significant_escalation(box: Mailbox, is_significant: bool) -> None:
    inner = Flags(auto_shutdown=ANY), (significant("worker"),)
    spec = ChildSpec("inner", Supervisor, *inner, restart=TRANSIENT, significant=is_significant)
    supervisor = await pair(ANY, spec, ChildSpec("sibling", Worker))
    before = await pids(supervisor)
    await end((await pids(before["inner"]))["worker"], NORMAL)
    if is_significant:
        assert await exit_reason(box, supervisor) is SHUTDOWN
        assert not before["sibling"].alive
    else:
        assert await lives(supervisor)
        assert await pids(supervisor) == {"inner": None, "sibling": before["sibling"]}


async def test_a_significant_child_that_is_being_restarted_counts_as_present(box: Mailbox) -> None:
    """terminate_child cancels a restart that always fails, and ends no other child."""
    supervisor = await pair(ALL, significant("child1"), significant("child2"))
    await finish(supervisor, "child1")
    await terminate_child(supervisor, "child2")
    assert await lives(supervisor)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NEVER, ANY, id="significant_upgrade_never_any"),
        pytest.param(NEVER, ALL, id="significant_upgrade_never_all"),
        pytest.param(ANY, ALL, id="significant_upgrade_any_all"),
        pytest.param(ALL, ANY, id="significant_upgrade_all_any"),
    ],
)
async def test_a_changed_auto_shutdown_holds_from_then_on(
    box: Mailbox, before: AutoShutdown, after: AutoShutdown
) -> None:
    supervisor = await pair(before)
    await code_change(supervisor, Flags(auto_shutdown=after), [])
    for child in ("child1", "child2"):
        await start_child(supervisor, significant(child))
    await finish(supervisor, "child1")
    if after == ALL:
        assert await lives(supervisor)
        await finish(supervisor, "child2")
    assert await exit_reason(box, supervisor) is SHUTDOWN


@pytest.mark.parametrize(
    "before",
    [pytest.param(ANY, id="significant_upgrade_any_never"), pytest.param(ALL, id="significant_upgrade_all_never")],
)
async def test_without_auto_shutdown_a_new_significant_child_is_refused_and_an_old_one_ends_alone(
    box: Mailbox, before: AutoShutdown
) -> None:
    supervisor = await pair(before, significant("child1"))
    await code_change(supervisor, Flags(auto_shutdown=NEVER), [])
    with pytest.raises(InvalidChildSpec):
        await start_child(supervisor, significant("child2"))
    await finish(supervisor, "child1")
    assert await lives(supervisor)


async def test_significant_upgrade_child(box: Mailbox) -> None:
    supervisor = await pair(ANY, ChildSpec("child1", Worker, restart=TEMPORARY), significant("child2"))
    before = await pids(supervisor)
    specs = [significant("child1"), ChildSpec("child2", Worker, restart=TEMPORARY)]
    await code_change(supervisor, Flags(auto_shutdown=ANY), specs)
    assert await pids(supervisor) == before
    await finish(supervisor, "child2")
    assert await lives(supervisor)
    await finish(supervisor, "child1")
    assert await exit_reason(box, supervisor) is SHUTDOWN


async def test_significant_upgrade_child_is_refused_without_auto_shutdown(box: Mailbox) -> None:
    supervisor = await pair(NEVER, ChildSpec("child", Worker, restart=TEMPORARY))
    with pytest.raises(InvalidChildSpec) as caught:
        await code_change(supervisor, Flags(), [significant("child")])
    assert caught.value.atom == "bad_combination"
    await finish(supervisor, "child")
    assert await lives(supervisor)


async def test_a_significant_child_that_is_being_restarted_has_not_ended(
    box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "understudy.supervisors")
    script = Script(START, ValueError("no"))
    failing = ChildSpec("failing", script, restart=TRANSIENT, significant=True)
    flags = Flags(intensity=10**9, period_s=3600, auto_shutdown=ALL)
    supervisor = await start_supervisor(flags, [failing, significant("other")])
    await finish(supervisor, "failing", "boom")
    await finish(supervisor, "other")
    assert await pids(supervisor) == {"failing": RESTARTING}
    script.outcomes = [START]
    while (await pids(supervisor))["failing"] is RESTARTING:  # each question waits behind a try
        pass
    await finish(supervisor, "failing")
    assert await exit_reason(box, supervisor) is SHUTDOWN
