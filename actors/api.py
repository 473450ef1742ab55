"""The primitives on Pids and names, called by a process. Erlang: the built-in functions of the same names."""

import asyncio
from typing import Any

from thespian.actors import Actor

from actors.kernel.address import Address
from actors.kernel.ending import end_of
from actors.kernel.errors import NoCaller, ProcessError
from actors.kernel.pid import Pid, Ref
from actors.kernel.receiver import Receiver
from actors.kernel.signals import NOPROC
from actors.system.current import calling_process, current_process, current_system, process_of, starter, system_of


def self_pid() -> Pid:
    """Return the calling process's Pid. Raises NoCaller outside any process. Erlang: self/0."""
    return calling_process("self_pid").pid


def alive(pid: Pid) -> bool:
    """Return True if the process has not ended. Erlang: is_process_alive/1."""
    return pid.process is not None


def create_actor(actor: type[Actor], name: str | None = None) -> Pid:
    """Create a Thespian actor in the current system, as ActorSystem.createActor does from another thread.

    name: a global name; if a process has it, return that process's Pid. Raises InvalidActorSpecification for a value
    that is not an actor. If the caller is an actor or a GenServer, it gets ChildActorExited instead.
    """
    system = current_system()
    return system.create_actor(starter(system, link=False), actor, name=name)


def link(pid: Pid) -> None:
    """Link two processes: the end of one sends an exit signal to the other, NOPROC if pid is dead. Erlang: link/1."""
    me, other = calling_process("link"), process_of(pid)
    if other is not None:
        me.link(other)
    else:
        me.exit_signal(pid, NOPROC, linked=True)


def unlink(pid: Pid) -> None:
    """Remove the link between the calling process and pid. Erlang: unlink/1."""
    other = process_of(pid)
    if other is not None:
        calling_process("unlink").unlink(other)


def monitor(pid: Pid) -> Ref:
    """Get one Down when pid ends, or at once with NOPROC if it has ended. Erlang: monitor/2."""
    process_of(pid)
    return calling_process("monitor").monitor(pid)


async def ended(pid: Pid) -> Any:
    """Wait for the end of a process. Return its exit reason, or NOPROC if it has ended already."""
    process = process_of(pid)
    return NOPROC if process is None else await end_of(process)


def demonitor(ref: Ref) -> None:
    """End a monitor, and drop its Down if that has arrived. Erlang: demonitor(Ref, [flush])."""
    calling_process("demonitor").demonitor(ref)


def exit(pid: Pid, reason: Any) -> None:  # noqa: A001 (OTP's word)
    """Send an exit signal. KILL can't be trapped and ends the process as KILLED. Erlang: exit/2."""
    process = process_of(pid)
    if process is not None:
        sender = current_process() or process.system.root
        process.exit_signal(sender.pid, reason, linked=False)


def register(name: str, pid: Pid) -> None:
    """Give a living process a name. Erlang: register/2.

    Raises NameTaken, AlreadyNamed (a process has at most one name), and ProcessError for a dead process. Raises
    InvalidName for an empty string, and for a value that is not a string (OTP's `undefined`).
    """
    process = process_of(pid)
    if process is None:
        raise ProcessError(f"expected a living process to register as {name!r}, got {pid}, which has ended")
    system_of(process).names.register(name, process)


def unregister(name: str) -> None:
    """Take a name from its process. Raises NotRegistered. Erlang: unregister/1."""
    current_system().names.unregister(name)


def whereis(name: str) -> Pid | None:
    """Return the Pid of the process with a name, or None. Erlang: whereis/1."""
    process = current_system().names.get(name)
    return process.pid if process is not None else None


async def receive(timeout_s: float | None = None) -> Any:
    """Return the calling process's next message, in a spawned coroutine. Raises TimeoutError after timeout_s."""
    me = calling_process("receive")
    if not isinstance(me, Receiver):
        raise NoCaller(f"receive expects a task or a mailbox as its caller, got {me.label}")
    return await me.receive(timeout_s)


def send_after(delay_s: float, to: Address, message: Any) -> asyncio.TimerHandle:
    """Send after delay_s. `cancel()` of the result stops it. Erlang: erlang:send_after/3."""
    return current_system().send_after(delay_s, to, message)
