"""Process groups: many processes under one term, and news of those that join and leave. Erlang: pg.

    pg.join("subscribers", pid)
    pg.broadcast("subscribers", TokenArrived("hello"))

A group exists while it has members. A process may join several times and has to leave as often; its end is a leave.
Groups belong to one system (OTP: a scope). All functions take effect at once. No separate process could be
late, or lose the groups by a restart.
"""

from collections.abc import Hashable
from typing import Any

from actors.kernel.errors import NotJoined, ProcessError
from actors.kernel.pid import Pid, Ref
from actors.kernel.process import Process
from actors.system.current import calling_process, current_process, current_system, process_of, system_of
from actors.system.groups import Joined, Left

__all__ = ["Joined", "Left", "broadcast", "demonitor", "join", "leave", "members", "monitor", "which_groups"]


def join(group: Hashable, *pids: Pid) -> None:
    """Add processes to a group. Raises ProcessError if one is dead; then none has joined. Erlang: pg:join/2."""
    processes = [_living(pid) for pid in pids]
    groups = current_system().groups
    for process in processes:
        groups.join(group, process)
    if processes:
        groups.tell(Joined, group, pids)


def leave(group: Hashable, *pids: Pid) -> None:
    """Remove the processes that are members. Raises NotJoined if none of them is one. Erlang: pg:leave/2."""
    groups = current_system().groups
    left = tuple(pid for pid in pids if pid.process is not None and groups.leave(group, pid.process))
    if pids and not left:
        raise NotJoined(group, pids)
    groups.tell(Left, group, left)


def members(group: Hashable) -> list[Pid]:
    """Return the members, each as often as it has joined. Erlang: pg:get_members/1."""
    return current_system().groups.members(group)


def which_groups() -> list[Hashable]:
    """Return the groups that have members. Erlang: pg:which_groups/0."""
    return list(current_system().groups.members_of)


def broadcast(group: Hashable, message: Any) -> int:
    """Send to each member, as often as it has joined. Return the number of sends."""
    sender = current_process()
    me = sender.pid if sender is not None else None
    sent = 0
    for pid in current_system().groups.members(group):
        if pid.process is not None:  # an earlier send's overflow may have ended it
            pid.process.deliver(message, me)
            sent += 1
    return sent


def monitor(group: Hashable) -> tuple[Ref, list[Pid]]:
    """Return a Ref and the members. Later changes arrive as Joined and Left. Erlang: pg:monitor/1."""
    me = calling_process("pg.monitor")
    return system_of(me).groups.monitor(group, me), members(group)


def demonitor(ref: Ref) -> bool:
    """End a monitor and drop its waiting news. Return False for an unknown ref. Erlang: pg:demonitor/1."""
    me = calling_process("pg.demonitor")
    return system_of(me).groups.demonitor(ref, me)


def _living(pid: Pid) -> Process:
    process = process_of(pid)
    if process is None:
        raise ProcessError(f"expected a living process to join a group, got {pid}, which has ended")
    return process
