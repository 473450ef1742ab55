"""The primitives on Pids and names, for the calling process. Erlang: the built-in functions of the same names."""

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
    """The calling process. Erlang: self/0. Raises NoCaller in code that is no process."""
    return calling_process("self_pid").pid


def alive(pid: Pid) -> bool:
    """Erlang: is_process_alive/1."""
    return pid.process is not None


def create_actor(actor: type[Actor], name: str | None = None) -> Pid:
    """A Thespian actor in the current system, as ActorSystem.createActor makes it from outside the loop.

    name: a global one; if it has an owner, that is the answer. Raises InvalidActorSpecification for what is no actor,
    but in an actor or a GenServer: that is told by ChildActorExited of a child that could not be made.
    """
    system = current_system()
    return system.create_actor(starter(system, link=False), actor, name=name)


def link(pid: Pid) -> None:
    """When one of the two ends, the other gets an exit signal. To a dead process: the signal is NOPROC."""
    me, other = calling_process("link"), process_of(pid)
    if other is not None:
        me.link(other)
    else:
        me.exit_signal(pid, NOPROC, linked=True)


def unlink(pid: Pid) -> None:
    other = process_of(pid)
    if other is not None:
        calling_process("unlink").unlink(other)


def monitor(pid: Pid) -> Ref:
    """Get one Down when pid ends; at once, with NOPROC, if it has. Erlang: monitor/2."""
    process_of(pid)
    return calling_process("monitor").monitor(pid)


async def ended(pid: Pid) -> Any:
    """Wait for the end of a process: its exit reason, or NOPROC if it had ended before."""
    process = process_of(pid)
    return NOPROC if process is None else await end_of(process)


def demonitor(ref: Ref) -> None:
    """No Down for ref from now on, not even one that has arrived. Erlang: demonitor(Ref, [flush])."""
    calling_process("demonitor").demonitor(ref)


def exit(pid: Pid, reason: Any) -> None:  # noqa: A001 (OTP's word)
    """Send an exit signal. Erlang: exit/2. KILL can't be trapped; its victim ends as KILLED."""
    process = process_of(pid)
    if process is not None:
        sender = current_process() or process.system.root
        process.exit_signal(sender.pid, reason, linked=False)


def register(name: str, pid: Pid) -> None:
    """Give a living process a name. Erlang: register/2.

    Raises NameTaken, AlreadyNamed (a process has one name at most), InvalidName for what is no name (an empty string,
    or no string: OTP's `undefined`), and ProcessError for a dead process.
    """
    process = process_of(pid)
    if process is None:
        raise ProcessError(f"expected a living process to register as {name!r}, got {pid}, which has ended")
    system_of(process).names.register(name, process)


def unregister(name: str) -> None:
    """Raises NotRegistered. Erlang: unregister/1."""
    current_system().names.unregister(name)


def whereis(name: str) -> Pid | None:
    """Erlang: whereis/1."""
    process = current_system().names.get(name)
    return process.pid if process is not None else None


async def receive(timeout_s: float | None = None) -> Any:
    """The calling process's next message, for a spawned coroutine. Raises TimeoutError after timeout_s."""
    me = calling_process("receive")
    if not isinstance(me, Receiver):
        raise NoCaller(f"receive expects a task or a mailbox as its caller, got {me.label}")
    return await me.receive(timeout_s)


def send_after(delay_s: float, to: Address, message: Any) -> asyncio.TimerHandle:
    """Send later; `cancel()` the result to stop it. Erlang: erlang:send_after/3."""
    return current_system().send_after(delay_s, to, message)
