"""A process: mailbox, links, monitors, and its death. Its kinds (server, task, actor) say how it receives.

Everything here runs on the system's loop thread. Signals act at once, not through the mailbox, so none is lost behind
a full one. Erlang reference manual, "Processes": links, monitors, exit signals.
"""

import asyncio
from collections import deque
from typing import Any, Protocol

from actors.kernel import crash_reports
from actors.kernel.block import Block
from actors.kernel.bound import Bound
from actors.kernel.message_queue import UNOPENED, MessageQueue
from actors.kernel.pid import Pid, Ref, living
from actors.kernel.signals import KILL, KILLED, NOPROC, NORMAL, SHUTDOWN, Down, Exit, orderly

IDLE, READY, RUNNING, WAITING, DEAD = range(5)
"""Phases. IDLE: a message wakes it. READY: in the run queue. RUNNING: on the loop now. WAITING: on its coroutine."""

SLICE = 64  # messages a process may take before the next one's turn
INSIST_S = 0.01  # a coroutine that swallows its cancellation is cancelled again this often after a kill


class Watcher(Protocol):
    """What is told of a process's end: a monitor, or a caller that waits for a reply."""

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None: ...


class Scheduler(Protocol):
    """The process system, as its processes see it: the loop, the run queue, and the way to other processes.

    slice: messages that a process may take before the next process's turn. root: the parent of processes that were
    started from outside.
    """

    loop: asyncio.AbstractEventLoop
    thread: int
    ready: "deque[Process]"
    awake: bool
    slice: int
    root: "Process"
    processes: "dict[int, Process]"

    def wake(self) -> None: ...

    def signal(self, target: "Process", sender: Pid, reason: Any) -> None: ...

    def bury(self, process: "Process") -> None: ...


class Process:
    """One process. label: what it runs, for reports. parent: who started it; the system's root has none."""

    __slots__ = (
        "allowance",
        "bound",
        "coroutine",
        "doomed",
        "label",
        "links",
        "mailbox",
        "monitors",
        "names",
        "parent",
        "phase",
        "pid",
        "reductions",
        "since_s",
        "system",
        "trap_exit",
        "watchers",
    )

    block: "Block[Process] | None" = None
    """The block that makes this process the calling one. Only a mailbox has a block."""

    def __init__(self, system: "Scheduler", label: str, parent: "Process | None" = None) -> None:
        self.system = system
        self.label = label
        self.pid = Pid(self)
        self.parent: Pid | None = parent.pid if parent is not None else None
        self.mailbox: MessageQueue = UNOPENED
        self.allowance = 1  # messages in one slice: it doubles up to SLICE, and is 1 again after one that took too long
        self.bound: Bound | None = None
        self.phase = IDLE
        self.trap_exit = False
        self.links: dict[Process, None] | None = None  # in order, so that signals are
        self.watchers: dict[Ref, Watcher] | None = None  # who watches me
        self.monitors: dict[Ref, Process] | None = None  # whom I watch
        self.names: tuple[str, ...] = ()
        self.doomed: tuple[Any] | None = None  # the reason of an end that waits for the running callback
        self.coroutine: asyncio.Task[Any] | None = None
        self.reductions = 0  # messages taken, counted by the slice
        self.since_s = system.loop.time()
        living[self.pid.number] = self.pid
        system.processes[self.pid.number] = self

    def guardian(self) -> "Process":
        """Who is to end it: its parent, while that lives and is of the same system; else the root."""
        parent = self.parent.process if self.parent is not None else None
        return parent if parent is not None and parent.system is self.system else self.system.root

    # Mailbox

    def deliver(self, message: Any, sender: Pid | None) -> None:
        """Put a message in the mailbox; the run queue does the rest. The hot path of everything."""
        if not self.phase:
            system = self.system
            if not system.awake:
                system.wake()  # first: it refuses another thread
            self.phase = READY
            system.ready.append(self)
        mailbox = self.mailbox
        if mailbox is UNOPENED:
            mailbox = self.mailbox = deque()
        mailbox.append((message, sender))

    def opened(self) -> MessageQueue:
        """The mailbox, to put something in past deliver."""
        if self.mailbox is UNOPENED:
            self.mailbox = deque()
        return self.mailbox

    def run(self) -> None:
        """Take one slice of messages; called by the run queue. Each kind has its own."""
        raise AssertionError(f"{type(self).__name__} has no run")

    def rest(self) -> None:
        """Leave RUNNING: back into the queue if messages are left, else IDLE."""
        if self.mailbox:
            if self.allowance < self.system.slice:
                self.allowance *= 2
            self.phase = READY
            self.system.ready.append(self)
            if not self.system.awake:
                self.system.wake()
        else:
            self.phase = IDLE

    # Links and monitors

    def link(self, other: "Process") -> None:
        if other is not self:
            self.links = self.links or {}
            other.links = other.links or {}
            self.links[other] = None
            other.links[self] = None

    def unlink(self, other: "Process") -> None:
        if self.links and other in self.links:
            del self.links[other]
            if other.links:
                other.links.pop(self, None)

    def monitor(self, pid: Pid) -> Ref:
        """Erlang: monitor/2. A dead process answers at once, with NOPROC."""
        ref = Ref()
        target = pid.process
        if target is None:
            self.deliver(Down(ref, pid, NOPROC), None)
            return ref
        target.watch(ref, self)
        self.monitors = self.monitors or {}
        self.monitors[ref] = target
        return ref

    def demonitor(self, ref: Ref) -> None:
        """Erlang: demonitor(Ref, [flush]): after this no Down of ref is in the mailbox, nor will be."""
        target = self.monitors.pop(ref, None) if self.monitors else None
        if target is not None and target.watchers:
            target.watchers.pop(ref, None)
        else:
            self.flush(ref, Down)

    def flush(self, ref: Ref, *kinds: type) -> None:
        """Take the news of ref out of the mailbox. In place: a process that runs holds its mailbox."""
        news = [at for at, (message, _) in enumerate(self.mailbox) if type(message) in kinds and message.ref is ref]
        for index in reversed(news):
            del self.mailbox[index]

    def watch(self, ref: Ref, watcher: Watcher) -> None:
        if self.watchers is None:
            self.watchers = {}
        self.watchers[ref] = watcher

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None:
        if self.monitors and self.monitors.pop(ref, None) is not None:
            self.deliver(Down(ref, pid, reason), pid)

    # Exit signals

    def exit_signal(self, sender: Pid, reason: Any, *, linked: bool) -> None:
        """Receive an exit signal. linked: it came over a link, where KILL is a reason as any other."""
        if self.phase == DEAD:
            return
        if reason is KILL and not linked:
            self.die(KILLED, killed=True)
        elif self.trap_exit:
            self.deliver(Exit(sender, reason), sender)
        elif reason is not NORMAL or sender is self.pid:
            self.die(reason)

    def shut_down(self) -> None:
        """End with the system. The system ends every process that has no living parent."""
        self.exit_signal(self.parent or self.system.root.pid, SHUTDOWN, linked=True)

    def die(self, reason: Any, *, killed: bool = False) -> None:
        """End with reason: now if idle, after the callback if that runs, when the coroutine has ended if one does.

        killed: by a KILL, which gives the coroutine no peace. KILLED as the reason of a linked process is any reason.
        """
        if self.phase == DEAD or (self.doomed is not None and not killed):
            return
        if self.phase == RUNNING:
            self.doomed = (reason,)
        elif self.coroutine is not None:
            self.doomed = (reason,)
            self._cancel(insist=killed)
        else:
            self.doomed = (reason,)
            self.end(reason)

    def _cancel(self, *, insist: bool) -> None:
        coroutine = self.coroutine
        if coroutine is not None and not coroutine.done():
            coroutine.cancel()
            if insist:
                self.system.loop.call_later(INSIST_S, lambda: self._cancel(insist=True))

    def end(self, reason: Any) -> None:
        """The death itself: names go back, watchers are told, then links. Exactly once.

        A process that failed by itself is reported, one that a signal ended is not: who sent it was, or meant it.
        """
        if self.phase == DEAD:
            return
        self.phase = DEAD
        self.pid.process = None
        del living[self.pid.number]
        del self.system.processes[self.pid.number]
        try:
            if self.doomed is None and not orderly(reason):
                crash_reports.process_crashed(self, reason)
        finally:  # a host's log handler may raise: nobody may wait for the dead for that
            self.depart(reason)

    def depart(self, reason: Any) -> None:
        """All that others learn of an end. Each kind may have more to tell."""
        self.system.bury(self)
        self._tell_watchers(reason)
        self._tell_links(reason)

    def last_words(self, reason: Any) -> dict[str, str]:
        """What a crash report says of the reason. Each kind may know more."""
        return crash_reports.reason_fields(reason)

    def _tell_watchers(self, reason: Any) -> None:
        watchers, self.watchers = self.watchers, None
        for ref, watcher in (watchers or {}).items():
            watcher.down(ref, self.pid, reason)
        monitors, self.monitors = self.monitors, None
        for ref, target in (monitors or {}).items():
            if target.watchers:
                target.watchers.pop(ref, None)

    def _tell_links(self, reason: Any) -> None:
        links, self.links = self.links, None
        if links:
            for other in links:
                if other.links:
                    other.links.pop(self, None)
                self.system.signal(other, self.pid, reason)
