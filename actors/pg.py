"""Process groups: many processes under one name, and news of who comes and goes. Erlang: pg.

    pg.join("subscribers", pid)
    pg.broadcast("subscribers", TokenArrived("hello"))

A group exists while it has members. A process may join several times, and has to leave as often; its end is a leave.
Groups belong to the system they were joined in (OTP: a scope). All functions work at once: there is no pg process that
could lag behind, or lose the groups by restarting.
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
    """Erlang: pg:join/2. Raises ProcessError for a dead process; then none has joined."""
    processes = [_living(pid) for pid in pids]
    groups = current_system().groups
    for process in processes:
        groups.join(group, process)
    if processes:
        groups.tell(Joined, group, pids)


def leave(group: Hashable, *pids: Pid) -> None:
    """Erlang: pg:leave/2. Raises NotJoined if none of them is a member; those who are have left."""
    groups = current_system().groups
    left = tuple(pid for pid in pids if pid.process is not None and groups.leave(group, pid.process))
    if pids and not left:
        raise NotJoined(group, pids)
    groups.tell(Left, group, left)


def members(group: Hashable) -> list[Pid]:
    """Each as often as it has joined; of no group, none. Erlang: pg:get_members/1."""
    return current_system().groups.members(group)


def which_groups() -> list[Hashable]:
    """The groups that have members. Erlang: pg:which_groups/0."""
    return list(current_system().groups.members_of)


def broadcast(group: Hashable, message: Any) -> int:
    """Send to each member, as often as it has joined; how many that were. It costs what the sends cost."""
    sender = current_process()
    me = sender.pid if sender is not None else None
    sent = 0
    for pid in current_system().groups.members(group):
        if pid.process is not None:  # an earlier one's overflow may have ended it
            pid.process.deliver(message, me)
            sent += 1
    return sent


def monitor(group: Hashable) -> tuple[Ref, list[Pid]]:
    """The members now; from now on Joined and Left of this group come to the calling process. Erlang: pg:monitor/1."""
    me = calling_process("pg.monitor")
    return system_of(me).groups.monitor(group, me), members(group)


def demonitor(ref: Ref) -> bool:
    """No news of ref from now on, nor any that has come. False: there was no such monitor. Erlang: pg:demonitor/1."""
    me = calling_process("pg.demonitor")
    return system_of(me).groups.demonitor(ref, me)


def _living(pid: Pid) -> Process:
    process = process_of(pid)
    if process is None:
        raise ProcessError(f"expected a living process to join a group, got {pid}, which has ended")
    return process
