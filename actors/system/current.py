"""The process and the system that the running code belongs to."""

import asyncio
import contextvars
import threading
from threading import get_ident
from typing import TYPE_CHECKING, cast

from actors.kernel.errors import NoCaller, NoSystem
from actors.kernel.pid import Pid
from actors.kernel.process import DEAD, Process

if TYPE_CHECKING:
    from actors.system.process_system import ProcessSystem

turning: contextvars.ContextVar["ProcessSystem | None"] = contextvars.ContextVar("turning", default=None)
"""The system whose run queue has its turn. Coroutines don't inherit it, since a thread may get their context."""
system_here: contextvars.ContextVar["ProcessSystem | None"] = contextvars.ContextVar("system", default=None)
"""Read it by entered_system: the value may belong to a block that another task has left."""
process_here: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)
"""Read it by entered_process: the value may belong to a block that another task has left."""
open_systems: list["ProcessSystem"] = []


def current_system() -> "ProcessSystem":
    """Return the system of the calling process or block, else the only one on the running loop. Raises NoSystem."""
    system = named_system()
    if system.thread != get_ident():
        raise of_another_thread()
    if system.root.phase == DEAD:
        raise NoSystem("expected a running actor system, got one that has ended")
    return system


def named_system() -> "ProcessSystem":
    """Return the current system from any thread, and even after its end. asyncio.to_thread hands a system on."""
    system = known_system()
    if system is None:
        raise _none_here()
    return system


def known_system() -> "ProcessSystem | None":
    """Return named_system, or None where it raises."""
    return entered_system() or _only_here()


def _none_here() -> NoSystem:
    """Name both blocks: most callers need a system only for the application that runs in it."""
    here = sum(system.loop is running_loop() for system in open_systems)
    return NoSystem(
        f"expected one actor system on this thread's loop, got {here or 'none'}: call it inside the block that runs "
        "them (`async with application.running():`, or `async with AsyncioSystemBase():` for processes without agents),"
        " or by the base's run() from another thread"
    )


def of_another_thread() -> NoSystem:
    return NoSystem(
        f"expected a call on the thread of the actor system's loop, got one from {threading.current_thread().name!r}: "
        "use the base's run()"
    )


def entered_system() -> "ProcessSystem | None":
    """Return the system of the innermost block, or of the process, in which this code began."""
    system = system_here.get()
    while system is not None and system.block.bypassed:
        system = system.block.outer
    return system


def entered_process() -> Process | None:
    """Return the process, or the innermost block's process, in which this code began. It may have ended."""
    process = process_here.get()
    while process is not None and process.block is not None and process.block.bypassed:
        process = process.block.outer
    return process


def _only_here() -> "ProcessSystem | None":
    """Return the loop's only system, for code that began outside its block, such as a host's request handler."""
    loop = running_loop()
    here = [system for system in open_systems if system.loop is loop]
    return here[0] if len(here) == 1 else None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs on this thread, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def current_process() -> Process | None:
    """Return the process whose code runs, if any."""
    system = known_system()
    if system is not None and system.current is not None and system.thread == get_ident():
        return system.current
    return entered_process()


def system_of(process: Process) -> "ProcessSystem":
    """Return the system of a process. The kernel knows it as a Scheduler only."""
    return cast("ProcessSystem", process.system)


def calling_process(what: str) -> Process:
    """Return the process that called a primitive. Raises NoCaller, and NoSystem in another thread than the loop's."""
    process = current_process()
    if process is None:
        raise NoCaller(f"{what} expects a calling process: call it in one, or inside `async with Mailbox():`")
    if process.system.thread != get_ident():
        raise of_another_thread()
    if process.phase == DEAD:
        raise NoCaller(f"{what} expects a living process as its caller, got {process.pid}, which has ended")
    return process


def process_of(pid: Pid) -> Process | None:
    """Return the process of a Pid, or None if it has ended. Raises NoSystem in another thread than its loop's."""
    process = pid.process
    if process is not None and process.system.thread != get_ident():
        raise of_another_thread()
    return process


def starter(system: "ProcessSystem", *, link: bool) -> Process:
    """Return the parent of a new process: the calling process, or the root.

    An asyncio task may outlive its process. It can start processes without a link. With link=True it gets NoCaller.
    """
    process = current_process() or system.root
    if link and process.phase == DEAD:
        raise NoCaller(f"start_link expects a living process as its caller, got {process.pid}, which has ended")
    return process


def process_context(process: Process) -> contextvars.Context:
    """Return a copy of the calling context in which process is the current one, for its coroutine."""
    context = contextvars.copy_context()
    context.run(_enter, process)
    return context


def _enter(process: Process) -> None:
    if turning.get() is not None:
        turning.set(None)
    system = system_of(process)
    if system_here.get() is not system:
        system_here.set(system)
    process_here.set(process)
