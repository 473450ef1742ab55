"""The end of all processes of a system, in order. Erlang: init:stop/0."""

from typing import TYPE_CHECKING

from actors.kernel.ending import end_of
from actors.kernel.process import DEAD, Process
from actors.kernel.signals import KILL
from actors.log import log

if TYPE_CHECKING:
    from actors.system.process_system import ProcessSystem

STOP_S = 5.0  # from a process's exit signal to its kill


async def end_processes(system: "ProcessSystem") -> None:
    """End every process that has no living parent in this system, the youngest first, until none is left.

    Each gets the exit signal SHUTDOWN, and is killed if it takes more than STOP_S. A parent ends its own children. A
    process that survives its kill is logged, and the system ends without it.
    """
    survivors: set[Process] = set()
    while (process := _last_orphan(system, survivors)) is not None:
        process.shut_down()
        if not await _ended(process):
            process.exit_signal(system.root.pid, KILL, linked=False)
            if not await _ended(process):
                log.error("process_survived", pid=str(process.pid), label=process.label)
                survivors.add(process)


def _last_orphan(system: "ProcessSystem", survivors: set[Process]) -> Process | None:
    for process in reversed(system.processes.values()):
        if process.guardian() is system.root and process is not system.root and process not in survivors:
            return process
    return None


async def _ended(process: Process) -> bool:
    """Wait at most STOP_S for a process's end. Return True if it has ended."""
    try:
        if process.phase != DEAD:
            await end_of(process, STOP_S)
    except TimeoutError:
        return False
    return True
