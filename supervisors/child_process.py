"""Starting and stopping the processes of children.

A start or a stop waits only if it must: for an `async def` callback, or for a child that takes time to stop.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeAlias

from actors import (
    IGNORE,
    KILL,
    NOPROC,
    SHUTDOWN,
    Crash,
    Exit,
    GenServer,
    NameTaken,
    Pid,
    Ref,
    StartFailed,
    Task,
    link,
    register,
)
from actors.kernel.process import Process
from actors.kernel.signals import CRASHES
from actors.server.callbacks import waits
from actors.server.server_process import ServerProcess
from actors.server.starting import prepare
from actors.system.current import current_system, process_context
from supervisors.child_spec import BRUTAL_KILL, INFINITY, ChildSpec, ShutdownTime
from supervisors.errors import AlreadyStarted

Outcome: TypeAlias = Pid | tuple[Pid, Any] | StartFailed | AlreadyStarted | None
"""The result of a start: the process, with info if the start gave any; None if the child ignored; or the failure."""

FAIR = 256  # signals sent in a row before other processes run


async def start_process(supervisor: Process, spec: ChildSpec) -> Outcome:
    """Start a child, linked to the supervisor, which is the caller. Source: supervisor:do_start_child_i/3 (OTP)."""
    outcome = begin_process(supervisor, spec)
    return await outcome if isinstance(outcome, Coroutine) else outcome


def begin_process(
    supervisor: Process, spec: ChildSpec, extra: tuple[Any, ...] = ()
) -> Outcome | Coroutine[Any, Any, Outcome]:
    """Start a child with further arguments. Return the outcome, or a coroutine of it if the start waits.

    An awaitable that a start function returns is awaited in an asyncio task, so it may use all of asyncio.
    """
    try:
        started: Any = _start(spec, spec.args + extra)
        if type(started) is Pid or not waits(started):
            return _outcome(supervisor, spec, started)
    except CRASHES as error:
        return _refusal(spec, error)
    work = _caught(supervisor, spec, started)
    return _result(supervisor.system.loop.create_task(work, context=process_context(supervisor)))


async def _result(starting: "asyncio.Task[Outcome]") -> Outcome:
    """Return the outcome, unless the supervisor ends: its cancellation also cancels the start, which has not failed."""
    outcome = await starting
    own = asyncio.current_task()
    if own is not None and own.cancelling():
        raise asyncio.CancelledError
    return outcome


async def _caught(supervisor: Process, spec: ChildSpec, starting: Awaitable[Any]) -> Outcome:
    """Return the outcome of a start that waits. Exceptions are caught in its task: SystemExit would end the loop."""
    try:
        return _outcome(supervisor, spec, await starting)
    except CRASHES as error:
        return _refusal(spec, error)


def _refusal(spec: ChildSpec, error: BaseException) -> Outcome:
    """Return the outcome that a start function's exception stands for."""
    match error:
        case AlreadyStarted():
            return error
        case NameTaken(name=name, owner=owner):
            return AlreadyStarted(owner, name=name)
        case StartFailed(reason=reason):
            return _ignored_or_failed(spec, reason)
    return StartFailed(str(spec.id), Crash(error))


def _ignored_or_failed(spec: ChildSpec, reason: Any) -> StartFailed | None:
    """Return the outcome of a start without a process: None for IGNORE, else the failure."""
    return None if reason is IGNORE else StartFailed(str(spec.id), reason)


def _start(spec: ChildSpec, args: tuple[Any, ...]) -> Any:
    start = spec.start
    if isinstance(start, type) and issubclass(start, GenServer):
        return prepare(start, name=spec.name, link=True).start(args)
    if isinstance(start, type) and issubclass(start, Task):
        return _start_task(start, args, spec.name)
    return start(*args)


def _start_task(task: type[Task], args: tuple[Any, ...], name: str | None) -> Pid:
    if name is not None:
        current_system().names.check_free(name)
    pid = task.start_link(*args)
    if name is not None:
        register(name, pid)
    return pid


def _outcome(supervisor: Process, spec: ChildSpec, started: Any) -> Outcome:
    if type(started) is Pid:
        return _linked(supervisor, started)
    match started:
        case (Pid() as pid, info):
            return _linked(supervisor, pid), info
        case StartFailed(reason=reason):
            return _ignored_or_failed(spec, reason)
    return _ignored_or_failed(spec, started)


def _linked(supervisor: Process, pid: Pid) -> Pid:
    """Link a process that its start function did not link, or that is dead already.

    A server without a parent gets the supervisor as its parent. Without one, the server would receive the supervisor's
    shutdown as a message.
    """
    process = pid.process
    if process not in (supervisor.links or ()):
        link(pid)
    if isinstance(process, ServerProcess) and process.exits_with is pid:
        process.exits_with = supervisor.pid
    return pid


def pid_of(started: Pid | tuple[Pid, Any]) -> Pid:
    return started[0] if isinstance(started, tuple) else started


def start_failure(failure: StartFailed | AlreadyStarted) -> Any:
    """Return the reason of a start that failed, as data."""
    return failure.reason if isinstance(failure, StartFailed) else failure


async def stop_processes(supervisor: Process, pids: Iterable[Pid], shutdown: ShutdownTime) -> dict[Pid, Any]:
    """Stop children all at once, under one timer. Return their exit reasons when all have ended.

    The supervisor also waits for a child that has unlinked itself. No child sends the supervisor an Exit afterwards.
    Source: supervisor:shutdown/1 and terminate_dynamic_children/1 (OTP).
    """
    ends = _EndWatcher(supervisor, pids)
    waiting = list(ends.waiting.values())
    timer = None
    if shutdown is not BRUTAL_KILL and shutdown is not INFINITY:
        timer = supervisor.system.loop.call_later(shutdown, ends.kill)
    try:
        for sent, child in enumerate(waiting, 1):
            child.exit_signal(supervisor.pid, KILL if shutdown is BRUTAL_KILL else SHUTDOWN, linked=False)
            if sent % FAIR == 0:
                await asyncio.sleep(0)
        if ends.waiting:
            await ends.all
    finally:
        if timer is not None:
            timer.cancel()
    return ends.reasons


class _EndWatcher:
    """A watcher of children, until all have ended."""

    def __init__(self, supervisor: Process, pids: Iterable[Pid]) -> None:
        self.supervisor = supervisor
        self.all: asyncio.Future[None] = supervisor.system.loop.create_future()
        self.waiting: dict[Pid, Process] = {}
        self.reasons: dict[Pid, Any] = {}
        dead = [pid for pid in pids if not self._watch(pid)]
        if dead:
            exits = {message.pid: message.reason for message, _ in supervisor.mailbox if type(message) is Exit}
            self.reasons = {pid: exits.get(pid, NOPROC) for pid in dead}

    def _watch(self, pid: Pid) -> bool:
        process = pid.process
        if process is None:
            return False
        process.watch(Ref(), self)
        self.waiting[pid] = process
        return True

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None:
        self.supervisor.unlink(self.waiting.pop(pid))
        self.reasons[pid] = reason
        if not self.waiting and not self.all.done():
            self.all.set_result(None)

    def kill(self) -> None:
        for child in list(self.waiting.values()):
            child.exit_signal(self.supervisor.pid, KILL, linked=False)
