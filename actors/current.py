"""Which process and which system the running code belongs to."""

import asyncio
import contextvars
from typing import TYPE_CHECKING

from actors.errors import NoSystem
from actors.process import Process

if TYPE_CHECKING:
    from actors.system import ProcessSystem

system_here: contextvars.ContextVar["ProcessSystem"] = contextvars.ContextVar("system")
process_here: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)
open_systems: list["ProcessSystem"] = []


def current_system() -> "ProcessSystem":
    """The system of the calling process or block; else the only one on the running loop."""
    system = system_here.get(None) or _only_here()
    if system is None:
        raise NoSystem(
            "expected one actor system on this thread's loop: use `async with AsyncioSystemBase():`, "
            "or the base's run() from another thread"
        )
    return system


def _only_here() -> "ProcessSystem | None":
    """For code that was not begun inside the system's block: a host's request handler, say."""
    loop = running_loop()
    here = [system for system in open_systems if system.loop is loop]
    return here[0] if len(here) == 1 else None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs on this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def current_process() -> Process | None:
    """The process whose code is running, if any."""
    system = system_here.get(None) or _only_here()
    if system is not None and system.current is not None:
        return system.current
    return process_here.get()


def process_context(process: Process) -> contextvars.Context:
    """A copy of the calling context in which process is the current one: for its coroutine."""
    context = contextvars.copy_context()
    if context.get(system_here) is not process.system:
        context.run(system_here.set, process.system)
    context.run(process_here.set, process)
    return context
