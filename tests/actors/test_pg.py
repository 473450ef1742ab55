"""pg: groups of processes, their members, and the news of them."""

from collections.abc import Hashable
from typing import Any

import pytest

from actors import (
    KILL,
    NORMAL,
    AsyncioSystemBase,
    Bound,
    Mailbox,
    NotJoined,
    Overflow,
    Pid,
    ProcessError,
    ended,
    exit,  # noqa: A004 (OTP's word)
    pg,
    receive,
    spawn,
)
from actors.kernel.errors import NoCaller

pytestmark = pytest.mark.usefixtures("system")


def nobody_is_left(system: AsyncioSystemBase) -> bool:
    groups = system.groups
    return not (groups.members_of or groups._memberships or groups._monitors_of)


async def killed(pid: Pid) -> None:
    exit(pid, KILL)
    await ended(pid)


@pytest.mark.parametrize("group", ["name", ("tuple", 1), 7, None])
async def test_a_process_is_a_member_until_it_leaves(group: Hashable, system: AsyncioSystemBase) -> None:
    async with Mailbox() as one, Mailbox() as two:
        pg.join(group, one.pid, two.pid)
        assert pg.members(group) == [one.pid, two.pid]
        assert pg.which_groups() == [group]
        pg.leave(group, one.pid)
        assert pg.members(group) == [two.pid]
    assert pg.members(group) == pg.which_groups() == []
    assert nobody_is_left(system)


async def test_a_process_that_joins_twice_is_a_member_twice_and_leaves_twice(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        pg.join("group", box.pid)
        pg.join("group", box.pid)
        assert pg.members("group") == [box.pid] * 2
        pg.leave("group", box.pid)
        assert pg.members("group") == [box.pid]
        pg.leave("group", box.pid)
        with pytest.raises(NotJoined):
            pg.leave("group", box.pid)
        assert nobody_is_left(system)


async def test_membership_ends_with_the_process_in_every_group(system: AsyncioSystemBase) -> None:
    pid = spawn(receive)
    for group in ("one", "one", "two"):
        pg.join(group, pid)
    await killed(pid)
    assert pg.which_groups() == []
    assert nobody_is_left(system)


async def test_if_one_process_is_dead_none_joins() -> None:
    pid = spawn(receive)
    await killed(pid)
    async with Mailbox() as box:
        with pytest.raises(ProcessError, match="expected a living process to join"):
            pg.join("group", box.pid, pid)
    assert pg.members("group") == []


async def test_members_leave_even_if_other_pids_are_not_members() -> None:
    async with Mailbox() as member, Mailbox() as other:
        pg.join("group", member.pid)
        pg.leave("group", other.pid, member.pid)
        assert pg.members("group") == []


async def test_a_broadcast_comes_to_each_member_as_often_as_it_has_joined() -> None:
    async with Mailbox() as one, Mailbox() as two:
        pg.join("group", one.pid, two.pid, two.pid)
        assert pg.broadcast("group", "hello") == 3
        assert pg.broadcast("nobody", "hello") == 0
        assert [await one.receive(), await two.receive(), await two.receive()] == ["hello"] * 3
        assert not one.process.mailbox


async def test_a_member_that_a_broadcast_ends_does_not_end_the_broadcast() -> None:
    async with Mailbox() as box, Mailbox(Bound(1, Overflow.CRASH_RECEIVER)) as small:
        pg.join("group", small.pid, small.pid, small.pid, box.pid)
        assert pg.broadcast("group", "hello") == 3
        assert await box.receive() == "hello"
        assert pg.members("group") == [box.pid]


async def test_a_monitor_gets_joins_and_leaves() -> None:
    async with Mailbox() as member, Mailbox() as box:
        pg.join("group", member.pid)
        ref, members = pg.monitor("group")
        assert members == [member.pid]
        pid = spawn(receive)
        pg.join("group", pid, pid)
        pg.join("other", pid)
        pg.leave("group", member.pid)
        await killed(pid)
        news = [await box.receive() for _ in range(3)]
        assert news == [
            pg.Joined(ref, "group", (pid, pid)),
            pg.Left(ref, "group", (member.pid,)),
            pg.Left(ref, "group", (pid, pid)),
        ]
        assert not box.process.mailbox


async def test_a_group_can_be_monitored_before_it_has_members() -> None:
    async with Mailbox() as box:
        ref, members = pg.monitor("group")
        assert members == []
        pg.join("group", box.pid)
        assert await box.receive() == pg.Joined(ref, "group", (box.pid,))


async def test_after_a_demonitor_no_news_come_and_none_lie_in_the_mailbox(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        ref, _ = pg.monitor("group")
        again, _ = pg.monitor("group")
        pg.join("group", box.pid)
        pg.leave("group", box.pid)
        assert pg.demonitor(ref)
        assert not pg.demonitor(ref)
        pg.join("group", box.pid)
        assert [type(await box.receive()) for _ in range(3)] == [pg.Joined, pg.Left, pg.Joined]
        pg.leave("group", box.pid)
        assert pg.demonitor(again)
        assert nobody_is_left(system)
        assert not box.process.watchers


async def test_a_dead_monitor_gets_no_news(system: AsyncioSystemBase) -> None:
    async with Mailbox() as box:
        pg.monitor("group")
        pg.join("group", box.pid)
        await box.receive()
    async with Mailbox() as other:
        pg.join("group", other.pid)
    assert nobody_is_left(system)
    assert system.dead_letter_count == 0


async def test_a_monitor_wants_a_calling_process() -> None:
    with pytest.raises(NoCaller):
        pg.monitor("group")


async def test_a_process_that_is_to_end_may_still_leave() -> None:
    async def leaving(group: Any) -> None:
        pid = await receive()
        pg.leave(group, pid)

    async with Mailbox() as box:
        pid = spawn(leaving, "group")
        pg.join("group", pid)
        ref, _ = pg.monitor("group")
        pid.process.deliver(pid, None)  # type: ignore[union-attr]
        assert await ended(pid) is NORMAL
        assert await box.receive() == pg.Left(ref, "group", (pid,))
        assert not box.process.mailbox
