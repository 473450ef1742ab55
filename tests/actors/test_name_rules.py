"""Random processes, names and groups compared with a model of the rules of register, unregister and pg."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from actors import (
    KILL,
    AlreadyNamed,
    AsyncioSystemBase,
    InvalidName,
    Mailbox,
    NameTaken,
    NotJoined,
    NotRegistered,
    ProcessError,
    Ref,
    exit,  # noqa: A004 (OTP's word)
    pg,
    register,
    unregister,
    whereis,
)
from actors.system.current import process_here

T = TypeVar("T")


@dataclass(eq=False)
class Member:
    """A process with its name, its joins by group, and the news that it must have received."""

    box: Mailbox
    name: str | None = None
    joined: dict[str, int] = field(default_factory=dict)
    monitors: dict[Ref, str] = field(default_factory=dict)
    due: list[Any] = field(default_factory=list)
    alive: bool = True


NAMES = st.sampled_from(["a", "b", ""])
GROUPS = st.sampled_from(["x", "y"])


def outcome(work: Callable[[], Any]) -> type[Exception] | None:
    try:
        work()
    except ProcessError as error:
        return type(error)
    return None


class NameRules(RuleBasedStateMachine):
    processes = Bundle("processes")
    monitors = Bundle("monitors")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.base = AsyncioSystemBase()
        self.members: list[Member] = []
        self.on_loop(self.base.open)

    def on_loop(self, work: Callable[[], T], by: Member | None = None) -> T:
        """Run work on the loop, in the process `by`, and return its result."""

        async def run() -> T:
            process_here.set(by.box.process if by is not None else None)
            return work()

        return self.runner.get_loop().run_until_complete(run())

    def tell(self, event: type[pg.Joined | pg.Left], group: str, members: list[Member]) -> None:
        pids = tuple(member.box.pid for member in members)
        for watcher in self.members:
            for ref, watched in watcher.monitors.items():
                if watcher.alive and watched == group and pids:
                    watcher.due.append(event(ref, group, pids))

    @precondition(lambda self: sum(member.alive for member in self.members) < 4)
    @rule(target=processes)
    def spawn(self) -> Member:
        member = Member(self.on_loop(Mailbox))
        self.members.append(member)
        return member

    @rule(member=processes, name=NAMES)
    def register(self, member: Member, name: str) -> None:
        refused = self.refusal(member, name)
        assert self.on_loop(lambda: outcome(lambda: register(name, member.box.pid))) is refused
        if refused is None:
            member.name = name

    def refusal(self, member: Member, name: str) -> type[Exception] | None:
        if not member.alive:
            return ProcessError
        if not name:
            return InvalidName
        if any(other.name == name for other in self.members):
            return NameTaken
        return AlreadyNamed if member.name is not None else None

    @rule(name=NAMES)
    def unregister(self, name: str) -> None:
        owner = next((member for member in self.members if member.name == name), None)
        refused = None if owner is not None else NotRegistered
        assert self.on_loop(lambda: outcome(lambda: unregister(name))) is refused
        if owner is not None:
            owner.name = None

    @rule(group=GROUPS, members=st.lists(processes, max_size=3))
    def join(self, group: str, members: list[Member]) -> None:
        pids = [member.box.pid for member in members]
        refused = None if all(member.alive for member in members) else ProcessError
        assert self.on_loop(lambda: outcome(lambda: pg.join(group, *pids))) is refused
        if refused is None:
            for member in members:
                member.joined[group] = member.joined.get(group, 0) + 1
            self.tell(pg.Joined, group, members)

    @rule(group=GROUPS, members=st.lists(processes, max_size=3))
    def leave(self, group: str, members: list[Member]) -> None:
        left = []
        for member in members:
            if member.joined.get(group):
                member.joined[group] -= 1
                left.append(member)
        pids = [member.box.pid for member in members]
        refused = NotJoined if members and not left else None
        assert self.on_loop(lambda: outcome(lambda: pg.leave(group, *pids))) is refused
        self.tell(pg.Left, group, left)

    @rule(target=monitors, member=processes, group=GROUPS)
    def monitor(self, member: Member, group: str) -> tuple[Member, Ref] | None:
        if not member.alive:
            return None
        ref, _ = self.on_loop(lambda: pg.monitor(group), member)
        member.monitors[ref] = group
        return member, ref

    @rule(monitor=consumes(monitors))
    def demonitor(self, monitor: tuple[Member, Ref] | None) -> None:
        if monitor is not None and monitor[0].alive:
            member, ref = monitor
            assert self.on_loop(lambda: pg.demonitor(ref), member)
            del member.monitors[ref]
            member.due = [news for news in member.due if news.ref is not ref]

    @rule(member=processes)
    def end(self, member: Member) -> None:
        if not member.alive:
            return
        self.on_loop(lambda: exit(member.box.pid, KILL))
        member.alive, member.name = False, None
        for group, times in member.joined.items():
            self.tell(pg.Left, group, [member] * times)
        member.joined = {}

    @invariant()
    def each_name_stands_for_its_owner(self) -> None:
        owners = {member.name: member.box.pid for member in self.members if member.name}
        assert self.on_loop(lambda: {name: whereis(name) for name in "ab"}) == {n: owners.get(n) for n in "ab"}

    @invariant()
    def each_group_has_its_members_as_often_as_they_joined(self) -> None:
        for group in "xy":
            due = {member.box.pid: n for member in self.members if (n := member.joined.get(group))}
            pids = self.on_loop(lambda group=group: pg.members(group))  # type: ignore[misc]
            assert {pid: pids.count(pid) for pid in pids} == due

    @invariant()
    def each_monitor_has_had_its_news_in_order(self) -> None:
        for member in self.members:
            if member.alive:
                for ref in member.monitors:
                    news = [message for message, _ in member.box.process.mailbox if message.ref is ref]
                    assert news == [due for due in member.due if due.ref is ref]
                assert len(member.box.process.mailbox) == len(member.due)

    def teardown(self) -> None:
        self.runner.run(self.base.close())
        self.runner.close()
        groups = self.base.groups
        assert [groups.members_of, groups._memberships, groups._monitors_of, self.base.names] == [{}] * 4


NameRules.TestCase.settings = settings(max_examples=50, stateful_step_count=40)
TestNameRules = NameRules.TestCase
