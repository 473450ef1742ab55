"""The restarts of a supervisor, and their limit. Erlang: supervisor_SUITE, groups restart_* and *_termination."""

import asyncio
from collections.abc import Hashable
from typing import Any

import pytest

from actors import (
    IGNORE,
    NORMAL,
    SHUTDOWN,
    AsyncioSystemBase,
    Caller,
    Exit,
    GenServer,
    Mailbox,
    NoReply,
    Pid,
    Reply,
    Shutdown,
    call,
    send,
    start_link,
)
from actors.testing import simulated
from supervisors import (
    ChildSpec,
    Counts,
    Flags,
    NotFound,
    RestartType,
    Strategy,
    count_children,
    delete_child,
    restart_child,
    start_child,
    start_supervisor,
    terminate_child,
)
from tests.supervisors.troupe import START, Script, Worker, end, exit_reason, pids

PERMANENT, TRANSIENT, TEMPORARY = RestartType
ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE = Strategy
LONG_S = 3600.0


async def trio(strategy: Strategy, *starts: Any, intensity: int = 2) -> Pid:
    """Start a supervisor of child1 to child3. starts: their start functions; the others are Workers."""
    all_starts = [*starts, *[Worker] * (3 - len(starts))]
    specs = [ChildSpec(f"child{n}", start) for n, start in enumerate(all_starts, 1)]
    return await start_supervisor(Flags(strategy, intensity, LONG_S), specs)


async def restarted(supervisor: Pid, ended: str) -> list[Hashable]:
    """Crash a child, and return the children that then have another process."""
    before = await pids(supervisor)
    await end(before[ended], "boom")
    after = await pids(supervisor)
    assert list(after) == list(before)
    assert all(isinstance(pid, Pid) and pid.alive for pid in after.values())
    return [child for child in after if after[child] != before[child]]


@pytest.mark.parametrize(
    ("strategy", "group"),
    [
        pytest.param(ONE_FOR_ONE, ["child2"], id="one_for_one"),
        pytest.param(REST_FOR_ONE, ["child2", "child3"], id="rest_for_one"),
        pytest.param(ONE_FOR_ALL, ["child1", "child2", "child3"], id="one_for_all"),
    ],
)
async def test_the_strategy_selects_the_restarts_and_the_third_ends_the_supervisor(
    box: Mailbox, strategy: Strategy, group: list[str]
) -> None:
    supervisor = await trio(strategy)
    assert await restarted(supervisor, "child2") == group
    assert await restarted(supervisor, "child2") == group
    last = await pids(supervisor)
    await end(last["child2"], "boom")
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert not any(pid.alive for pid in last.values())


@pytest.mark.parametrize("strategy", Strategy)
async def test_one_for_one_escalation_and_its_like(box: Mailbox, strategy: Strategy) -> None:
    """A child that can't restart uses up the intensity, so the supervisor and the siblings end."""
    script = Script(START, ValueError("no"))
    supervisor = await trio(strategy, Worker, script, intensity=4)
    before = await pids(supervisor)
    await end(before["child2"], "boom")
    assert await exit_reason(box, supervisor) is SHUTDOWN
    assert script.starts == 1 + 4
    assert not before["child1"].alive


@pytest.mark.parametrize("strategy", [ONE_FOR_ALL, REST_FOR_ONE])
async def test_one_for_all_escalation_and_rest_for_one_escalation(box: Mailbox, strategy: Strategy) -> None:
    """A later sibling that can't restart uses up the intensity, too."""
    supervisor = await trio(strategy, Worker, Script(START, ValueError("no")), intensity=4)
    await end((await pids(supervisor))["child1"], "boom")
    assert await exit_reason(box, supervisor) is SHUTDOWN


async def test_one_for_all_other_child_fails_restart(box: Mailbox) -> None:
    first, second = Script(START), Script(START, ValueError("no"), START)
    supervisor = await trio(ONE_FOR_ALL, first, second, intensity=3)
    await end((await pids(supervisor))["child1"], "boom")
    await settled(supervisor)
    assert (first.starts, second.starts) == (3, 3)


async def test_rest_for_one_other_child_fails_restart(box: Mailbox) -> None:
    first, second = Script(START), Script(START, ValueError("no"), START)
    supervisor = await trio(REST_FOR_ONE, first, second, intensity=3)
    await end((await pids(supervisor))["child1"], "boom")
    await settled(supervisor)
    assert (first.starts, second.starts) == (2, 3)


async def settled(supervisor: Pid) -> None:
    """Wait until each child runs. Each request lets the supervisor go on with its retries."""
    while not all(isinstance(pid, Pid) for pid in (await pids(supervisor)).values()):
        pass


async def test_a_failing_restart_uses_one_of_the_intensity_a_try(box: Mailbox) -> None:
    """The figures come from a real Erlang: the starts of a, b and c with intensity 3, while b fails."""
    for strategy, starts in [(ONE_FOR_ONE, [1, 4, 1]), (REST_FOR_ONE, [1, 4, 1]), (ONE_FOR_ALL, [4, 4, 1])]:
        scripts = [Script(START), Script(START, ValueError("no")), Script(START)]
        supervisor = await trio(strategy, *scripts, intensity=3)
        await end((await pids(supervisor))["child2"], "boom")
        assert await exit_reason(box, supervisor) is SHUTDOWN
        assert [script.starts for script in scripts] == starts


async def test_intensity_0_never_restarts(box: Mailbox) -> None:
    supervisor = await trio(ONE_FOR_ONE, intensity=0)
    await end((await pids(supervisor))["child1"], "boom")
    assert await exit_reason(box, supervisor) is SHUTDOWN


@pytest.mark.parametrize(
    ("restart", "reason", "fate"),
    [
        pytest.param(PERMANENT, NORMAL, "restarted", id="permanent_normal"),
        pytest.param(TRANSIENT, NORMAL, "kept", id="transient_normal"),
        pytest.param(TEMPORARY, NORMAL, "forgotten", id="temporary_normal"),
        pytest.param(PERMANENT, SHUTDOWN, "restarted", id="permanent_shutdown"),
        pytest.param(PERMANENT, Shutdown("why"), "restarted", id="permanent_shutdown_why"),
        pytest.param(TRANSIENT, SHUTDOWN, "kept", id="transient_shutdown"),
        pytest.param(TRANSIENT, Shutdown("why"), "kept", id="transient_shutdown_why"),
        pytest.param(TEMPORARY, SHUTDOWN, "forgotten", id="temporary_shutdown"),
        pytest.param(TEMPORARY, Shutdown("why"), "forgotten", id="temporary_shutdown_why"),
        pytest.param(PERMANENT, "boom", "restarted", id="permanent_abnormal"),
        pytest.param(TRANSIENT, "boom", "restarted", id="transient_abnormal"),
        pytest.param(TEMPORARY, "boom", "forgotten", id="temporary_abnormal"),
    ],
)
async def test_the_restart_type_and_the_reason_decide(
    box: Mailbox, restart: RestartType, reason: Any, fate: str
) -> None:
    spec = ChildSpec("child", Worker, restart=restart)
    supervisor = await start_supervisor(Flags(), [spec])
    first = (await pids(supervisor))["child"]
    await end(first, reason)
    after = await pids(supervisor)
    match fate:
        case "restarted":
            assert after["child"].alive
            assert await count_children(supervisor) == Counts(1, 1, 0, 1)
        case "kept":
            assert after == {"child": None}
            assert await count_children(supervisor) == Counts(1, 0, 0, 1)
            assert (await restart_child(supervisor, "child")).alive
        case _:
            assert after == {}
            assert await count_children(supervisor) == Counts(0, 0, 0, 0)
            assert (await start_child(supervisor, spec)).alive


@pytest.mark.parametrize("strategy", [ONE_FOR_ALL, REST_FOR_ONE])
async def test_temporary_bystander(box: Mailbox, strategy: Strategy) -> None:
    specs = [ChildSpec("child1", Worker), ChildSpec("child2", Worker, restart=TEMPORARY)]
    supervisor = await start_supervisor(Flags(strategy), specs)
    before = await pids(supervisor)
    await end(before["child1"], "boom")
    after = await pids(supervisor)
    assert list(after) == ["child1"]
    assert after["child1"] != before["child1"]
    assert not before["child2"].alive


async def test_a_child_added_later_restarts_with_its_group_at_its_place(box: Mailbox) -> None:
    supervisor = await trio(REST_FOR_ONE)
    await start_child(supervisor, ChildSpec("child4", Worker))
    assert await restarted(supervisor, "child3") == ["child3", "child4"]


async def test_a_group_restart_starts_a_child_that_was_terminated(box: Mailbox) -> None:
    supervisor = await trio(ONE_FOR_ALL)
    await terminate_child(supervisor, "child3")
    await end((await pids(supervisor))["child1"], "boom")
    assert (await pids(supervisor))["child3"].alive


async def test_a_restart_that_ignores_keeps_the_spec_of_a_permanent_child(box: Mailbox) -> None:
    supervisor = await trio(ONE_FOR_ONE, Script(START, IGNORE))
    await end((await pids(supervisor))["child1"], "boom")
    assert (await pids(supervisor))["child1"] is None


@pytest.mark.parametrize("strategy", Strategy)
async def test_do_not_save_child_specs_for_temporary_children(box: Mailbox, strategy: Strategy) -> None:
    for reason in (NORMAL, SHUTDOWN, "boom", None):
        specs = [ChildSpec(str(restart), Worker, restart=restart) for restart in RestartType]
        supervisor = await start_supervisor(Flags(strategy, 100), specs)
        for child in ("temporary", "transient"):
            pid = (await pids(supervisor))[child]
            await (terminate_child(supervisor, child) if reason is None else end(pid, reason))
        assert "temporary" not in await pids(supervisor)
        assert "transient" in await pids(supervisor)
        with pytest.raises(NotFound):
            await delete_child(supervisor, "temporary")
        assert (await start_child(supervisor, specs[2])).alive


class Diary(GenServer[None]):
    """A server that collects its messages in order."""

    entries: list[tuple[str, str]]

    def init(self) -> None:
        self.entries = []

    def handle_info(self, message: Any, state: None) -> NoReply[None]:
        self.entries.append(message)
        return NoReply(None)

    def handle_call(self, request: Any, caller: Caller, state: None) -> Reply[None]:
        entries, self.entries = self.entries, []
        return Reply(entries, None)


class Diarist(GenServer[tuple[Pid, str]]):
    """A worker that reports its start and its stop to the diary."""

    trap_exit = True

    def init(self, diary: Pid, name: str) -> tuple[Pid, str]:
        send(diary, ("started", name))
        return diary, name

    def terminate(self, reason: Any, state: tuple[Pid, str]) -> None:
        send(state[0], ("stopped", state[1]))


async def test_order_of_children(box: Mailbox) -> None:
    diary = await start_link(Diary)
    specs = [ChildSpec(name, Diarist, diary, name) for name in "abcd"]
    supervisor = await start_supervisor(Flags(REST_FOR_ONE), specs)
    assert await call(diary, "read") == [("started", name) for name in "abcd"]

    await end((await pids(supervisor))["b"], "boom")
    await pids(supervisor)
    stops = [("stopped", name) for name in "bdc"]
    assert await call(diary, "read") == [*stops, *[("started", name) for name in "bcd"]]

    await end(supervisor, SHUTDOWN)
    assert await call(diary, "read") == [("stopped", name) for name in "dcba"]
    await end(diary, NORMAL)


@simulated(seeds=20)
async def test_multiple_restarts_within_the_limit_never_end_the_supervisor() -> None:
    """Restarts older than the period do not count."""
    async with AsyncioSystemBase(), Mailbox():
        supervisor = await start_supervisor(Flags(ONE_FOR_ONE, 1, 1), [ChildSpec("child", Worker)])
        for _ in range(40):
            await end((await pids(supervisor))["child"], "boom")
            assert (await pids(supervisor))["child"].alive
            await asyncio.sleep(2.1)


async def test_a_stranger_s_exit_and_a_stray_message_change_nothing(box: Mailbox) -> None:
    supervisor = await trio(ONE_FOR_ALL, intensity=0)
    before = await pids(supervisor)
    stranger = await start_link(Worker)
    send(supervisor, Exit(stranger, "boom"))
    send(supervisor, "hello")
    assert await pids(supervisor) == before
    await end(stranger, NORMAL)
