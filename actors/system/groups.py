"""The process groups of one system: their members and their monitors. Erlang: pg's state."""

from collections import Counter
from collections.abc import Hashable
from typing import Any

from msgspec import Struct, field

from actors.kernel.pid import Pid, Ref
from actors.kernel.process import Process


class Joined(Struct, frozen=True):
    """News of members that joined, for a monitor of the group. Erlang: {Ref, join, Group, Pids}."""

    ref: Ref
    group: Hashable
    pids: tuple[Pid, ...]


class Left(Struct, frozen=True):
    """News of members that left, for a monitor of the group. Erlang: {Ref, leave, Group, Pids}.

    pids: names a process that has ended as often as it had joined.
    """

    ref: Ref
    group: Hashable
    pids: tuple[Pid, ...]


class Membership(Ref, frozen=True, eq=False, gc=True, kw_only=True):
    """The groups that one process has joined or monitors. The end of the process removes it from all of them."""

    groups: "Groups"
    process: Process
    joined: Counter[Hashable] = field(default_factory=Counter)
    monitored: dict[Ref, Hashable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.process.watch(self, self)

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None:
        self.groups.forget(self)


class Groups:
    """The groups of one system, their members and their monitors."""

    def __init__(self) -> None:
        self.members_of: dict[Hashable, dict[Process, int]] = {}
        self._monitors_of: dict[Hashable, dict[Ref, Process]] = {}
        self._memberships: dict[Process, Membership] = {}

    def members(self, group: Hashable) -> list[Pid]:
        return [process.pid for process, times in self.members_of.get(group, {}).items() for _ in range(times)]

    def join(self, group: Hashable, process: Process) -> None:
        members = self.members_of.setdefault(group, {})
        members[process] = members.get(process, 0) + 1
        self._membership(process).joined[group] += 1

    def leave(self, group: Hashable, process: Process) -> bool:
        """Undo one join. Return False if the process is not a member."""
        members = self.members_of.get(group, {})
        if process not in members:
            return False
        members[process] -= 1
        self._memberships[process].joined[group] -= 1
        if not members[process]:
            self._remove(group, process)
        return True

    def monitor(self, group: Hashable, process: Process) -> Ref:
        ref = Ref()
        self._monitors_of.setdefault(group, {})[ref] = process
        self._membership(process).monitored[ref] = group
        return ref

    def demonitor(self, ref: Ref, process: Process) -> bool:
        membership = self._memberships.get(process)
        if membership is None or ref not in membership.monitored:
            return False
        self._unmonitor(ref, membership.monitored.pop(ref))
        self._drop_if_idle(membership)
        process.flush(ref, Joined, Left)
        return True

    def tell(self, event: type[Joined | Left], group: Hashable, pids: tuple[Pid, ...]) -> None:
        for ref, process in tuple(self._monitors_of.get(group, {}).items()):
            if pids:
                process.deliver(event(ref, group, pids), None)

    def forget(self, membership: Membership) -> None:
        """Remove a process that has ended: first its monitors, so that it gets no message, then its memberships."""
        process = membership.process
        del self._memberships[process]
        for ref, group in membership.monitored.items():
            self._unmonitor(ref, group)
        for group, times in membership.joined.items():
            if times:
                self._remove_member(group, process)
                self.tell(Left, group, (process.pid,) * times)

    def _membership(self, process: Process) -> Membership:
        if process not in self._memberships:
            self._memberships[process] = Membership(groups=self, process=process)
        return self._memberships[process]

    def _remove(self, group: Hashable, process: Process) -> None:
        self._remove_member(group, process)
        membership = self._memberships[process]
        del membership.joined[group]
        self._drop_if_idle(membership)

    def _remove_member(self, group: Hashable, process: Process) -> None:
        del self.members_of[group][process]
        if not self.members_of[group]:
            del self.members_of[group]

    def _unmonitor(self, ref: Ref, group: Hashable) -> None:
        del self._monitors_of[group][ref]
        if not self._monitors_of[group]:
            del self._monitors_of[group]

    def _drop_if_idle(self, membership: Membership) -> None:
        if not membership.joined and not membership.monitored:
            del self._memberships[membership.process]
            if membership.process.watchers is not None:
                membership.process.watchers.pop(membership, None)
