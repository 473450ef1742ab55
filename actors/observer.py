"""A running system as data. Erlang: processes/0, process_info/1, and the tools observer and etop.

for info in top("mailbox", 5):
    print(info.pid, info.label, info.mailbox)

No process is asked, so the data includes a process that hangs. Reading holds the loop for some microseconds per
process; the functions for slices (slices.py) hold it for a millisecond at a time. States and messages appear as types
and sizes and never with contents, which may be secret.
"""

import contextvars
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from heapq import heappop, heappush
from itertools import islice
from typing import Final, Literal, TypeAlias, TypeVar

from msgspec import Struct

from actors.kernel.pid import Pid, living
from actors.kernel.process import Process
from actors.server.server_process import ServerProcess
from actors.server.suspended import SuspendedQueue
from actors.slices import at_once
from actors.system.current import current_system, open_systems, system_here
from actors.system.footprint import footprint_bytes, summary

T = TypeVar("T")

STATUS: Final = ("idle", "ready", "running", "waiting", "dead")
"""The words for the phases of a process. waiting: for its callback or coroutine."""

SUSPENDED: Final = "suspended"
"""The status of a server that sys.suspend has suspended, in any phase."""

SHOWN: Final = 100

Measure: TypeAlias = Literal["mailbox", "reductions", "memory"]


class ProcessInfo(Struct, frozen=True):
    """One process. Pids are text, as in logs; text_to_pid turns them back.

    label: the name of its code. name: its registered name. status: a word of STATUS, or SUSPENDED. mailbox: the number
    of waiting messages. reductions: the number of messages taken, without those of the slice that runs. memory_bytes:
    an estimate, see footprint.py. state: the type of a server's state, and its length. monitors: the processes that it
    watches. monitored_by: the processes that watch it. links, monitors and monitored_by have the first SHOWN entries,
    since a supervisor may have 10,000. age_s: since its start.
    """

    pid: str
    label: str
    name: str | None
    parent: str | None
    status: str
    mailbox: int
    reductions: int
    memory_bytes: int
    state: str | None
    links: tuple[str, ...]
    monitors: tuple[str, ...]
    monitored_by: tuple[str, ...]
    trap_exit: bool
    age_s: float


class SystemInfo(Struct, frozen=True):
    """Counts of one system: processes, processes that are ready to run, names, and dead letters so far."""

    processes: int
    ready: int
    names: int
    dead_letters: int


def processes() -> list[Pid]:
    """Return every process of the current system, the oldest, its root, first. Erlang: processes/0."""
    return [process.pid for process in current_system().processes.values()]


def process_info(pid: Pid) -> ProcessInfo | None:
    """Return the data of a process, or None if it has ended. Erlang: process_info/1."""
    return info_of(pid.process) if pid.process is not None else None


def top(by: Measure = "reductions", count: int = 10) -> list[ProcessInfo]:
    """Return the processes with the highest figures, the highest first. Erlang: etop."""
    return at_once(sliced_top(by, count))


def sliced_top(
    by: Measure = "reductions", count: int = 10, visible: Callable[[Process], bool] = lambda _: True
) -> Generator[None, None, list[ProcessInfo]]:
    """`top` as work for `in_slices`, over the processes that exist at its beginning.

    visible: whether a process may be in the result.
    """
    measure = MEASURES.get(by)
    if measure is None:
        raise ValueError(f"expected one of {', '.join(MEASURES)}, got {by!r}")
    highest: list[tuple[int, int, Process]] = []  # a heap: of equal processes, the oldest are kept
    for process in tuple(current_system().processes.values()):
        if visible(process):
            heappush(highest, (measure(process), -process.pid.number, process))
            if len(highest) > count:
                heappop(highest)
        yield
    found: list[ProcessInfo] = []
    for *_, process in sorted(highest, reverse=True):
        found.append(info_of(process))
        yield
    return found


def system_info() -> SystemInfo:
    """Return the numbers of processes, ready processes, names and dead letters of the current system."""
    system = current_system()
    return SystemInfo(len(system.processes), len(system.ready), len(system.names), system.dead_letter_count)


def text_to_pid(text: str) -> Pid:
    """Return the Pid that prints as "Pid(7)", of a living or dead process. Raises ValueError. Erlang: list_to_pid/1."""
    number = text.removeprefix("Pid(").removesuffix(")")
    if text != f"Pid({number})" or not number.isdecimal():
        raise ValueError(f'expected a pid as "Pid(7)", got {text!r}')
    return living.get(int(number)) or Pid(None, int(number))


def look(function: Callable[[], T], timeout_s: float = 1.0) -> list[T]:
    """Call function in each system of this OS process and return the results. For a thread without a system.

    A system that does not answer within timeout_s, because its loop is held or ends, is left out.
    """
    answers: list[Future[T]] = []
    for system in tuple(open_systems):
        answer: Future[T] = Future()
        context = contextvars.Context()
        context.run(system_here.set, system)
        with suppress(RuntimeError):  # the loop is closed
            system.loop.call_soon_threadsafe(_settle, answer, function, context=context)
            answers.append(answer)
    done, _ = wait(answers, timeout_s)
    return [answer.result() for answer in answers if answer in done]


def _settle(answer: "Future[T]", function: Callable[[], T]) -> None:
    try:
        answer.set_result(function())
    except Exception as error:  # noqa: BLE001 (the caller of look raises it)
        answer.set_exception(error)


def info_of(process: Process) -> ProcessInfo:
    """Return the data of a living process."""
    return ProcessInfo(
        pid=str(process.pid),
        label=process.label,
        name=process.name,
        parent=str(process.parent) if process.parent is not None else None,
        status=SUSPENDED if isinstance(process.mailbox, SuspendedQueue) else STATUS[process.phase],
        mailbox=len(process.mailbox),
        reductions=process.reductions,
        memory_bytes=footprint_bytes(process),
        state=summary(process.state) if isinstance(process, ServerProcess) else None,
        links=_shown(process.links or ()),
        monitors=_shown((process.monitors or {}).values()),
        monitored_by=_shown(by for by in (process.watchers or {}).values() if isinstance(by, Process)),
        trap_exit=process.trap_exit,
        age_s=process.system.loop.time() - process.since_s,
    )


def _shown(processes: Iterable[Process]) -> tuple[str, ...]:
    return tuple(str(process.pid) for process in islice(processes, SHOWN))


MEASURES: Final[dict[str, Callable[[Process], int]]] = {
    "mailbox": lambda process: len(process.mailbox),
    "reductions": lambda process: process.reductions,
    "memory": footprint_bytes,
}
