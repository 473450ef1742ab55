"""A process: its mailbox, links, monitors and end. The subclasses (server, task, actor) decide how it receives.

All code here runs on the thread of the system's loop. Signals act at once and not through the mailbox, so a full
mailbox loses none. Erlang reference manual, "Processes": links, monitors, exit signals.
"""

import asyncio
from collections import deque
from typing import Any

from actors.kernel import crash_reports
from actors.kernel.block import Block
from actors.kernel.bound import Bound
from actors.kernel.message_queue import UNOPENED, MessageQueue
from actors.kernel.pid import Pid, Ref, living
from actors.kernel.scheduler import Scheduler, Watcher
from actors.kernel.signals import KILL, KILLED, NOPROC, NORMAL, SHUTDOWN, Down, Exit, orderly

IDLE, READY, RUNNING, WAITING, DEAD = range(5)
"""The phases of a process.

IDLE: a message wakes it. READY: it is in the run queue. RUNNING: its code runs. WAITING: it waits for its coroutine.
"""

INSIST_S = 0.01  # after a kill: the interval at which a coroutine that ignores its cancellation is cancelled again


class Process:
    """One process.

    label: the name of its code, for reports. parent: the process that started it; the system's root has none.
    """

    __slots__ = (
        "allowance",
        "bound",
        "coroutine",
        "doomed",
        "label",
        "links",
        "mailbox",
        "monitors",
        "name",
        "parent",
        "phase",
        "pid",
        "reductions",
        "since_s",
        "system",
        "trap_exit",
        "watchers",
    )

    block: "Block[Process] | None" = None  # in which this process is the calling one; only a mailbox has a block

    def __init__(self, system: Scheduler, label: str, parent: "Process | None" = None) -> None:
        self.system = system
        self.label = label
        self.pid = Pid(self)
        self.parent: Pid | None = parent.pid if parent is not None else None
        self.mailbox: MessageQueue = UNOPENED
        self.allowance = 1  # messages in one slice: doubled up to SLICE, and 1 again after a slice that took too long
        self.bound: Bound | None = None
        self.phase = IDLE
        self.trap_exit = False
        self.links: dict[Process, None] | None = None  # ordered, so that signals go out in a fixed order
        self.watchers: dict[Ref, Watcher] | None = None  # of this process
        self.monitors: dict[Ref, Process] | None = None  # the processes that this one watches
        self.name: str | None = None  # registered
        self.doomed: tuple[Any] | None = None  # the exit reason, while the end waits for the callback that runs
        self.coroutine: asyncio.Task[Any] | None = None
        self.reductions = 0  # messages taken so far, updated after each slice
        self.since_s = system.loop.time()
        living[self.pid.number] = self.pid
        system.processes[self.pid.number] = self

    def guardian(self) -> "Process":
        """Return the process that ends this one: its parent if that lives in the same system, else the root."""
        parent = self.parent.process if self.parent is not None else None
        return parent if parent is not None and parent.system is self.system else self.system.root

    # Mailbox

    def deliver(self, message: Any, sender: Pid | None) -> None:
        """Put a message into the mailbox and make the process ready. All messages take this path."""
        if not self.phase:
            system = self.system
            if not system.awake:
                system.wake()  # first, since it raises in another thread
            self.phase = READY
            system.ready.append(self)
        mailbox = self.mailbox
        if mailbox is UNOPENED:
            mailbox = self.mailbox = deque()
        mailbox.append((message, sender))

    def opened(self) -> MessageQueue:
        """Return a mailbox that accepts messages without `deliver`."""
        if self.mailbox is UNOPENED:
            self.mailbox = deque()
        return self.mailbox

    def run(self) -> None:
        """Take one slice of messages. The run queue calls it, and each kind of process defines it."""
        raise AssertionError(f"{type(self).__name__} has no run")

    def rest(self) -> None:
        """Leave RUNNING: join the run queue again if messages are left, else become IDLE."""
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
        """Get one Down when pid ends. If pid is dead, it arrives at once, with NOPROC. Erlang: monitor/2."""
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
        """End a monitor, and remove its Down from the mailbox. Erlang: demonitor(Ref, [flush])."""
        target = self.monitors.pop(ref, None) if self.monitors else None
        if target is not None and target.watchers:
            target.watchers.pop(ref, None)
        else:
            self.flush(ref, Down)

    def flush(self, ref: Ref, *kinds: type) -> None:
        """Remove the messages of ref from the mailbox in place: a process that runs holds a reference to the queue."""
        news = [at for at, (message, _) in enumerate(self.mailbox) if type(message) in kinds and message.ref is ref]
        for index in reversed(news):
            del self.mailbox[index]

    def watch(self, ref: Ref, watcher: Watcher) -> None:
        self.watchers = self.watchers or {}
        self.watchers[ref] = watcher

    def down(self, ref: Ref, pid: Pid, reason: Any) -> None:
        if self.monitors and self.monitors.pop(ref, None) is not None:
            self.deliver(Down(ref, pid, reason), pid)

    # Exit signals

    def exit_signal(self, sender: Pid, reason: Any, *, linked: bool) -> None:
        """Receive an exit signal. linked: it came over a link, where KILL is like any other reason."""
        if self.phase == DEAD:
            return
        if reason is KILL and not linked:
            self.die(KILLED, killed=True)
        elif self.trap_exit:
            self.deliver(Exit(sender, reason), sender)
        elif reason is not NORMAL or sender is self.pid:
            self.die(reason)

    def shut_down(self) -> None:
        """End with the system. The system calls this for every process without a living parent."""
        self.exit_signal(self.parent or self.system.root.pid, SHUTDOWN, linked=True)

    def die(self, reason: Any, *, killed: bool = False) -> None:
        """End with reason: at once if idle, else after the callback that runs or the end of the coroutine.

        killed: by KILL, after which a coroutine that ignores its cancellation is cancelled again and again. The reason
        KILLED of a linked process does not count as a kill.
        """
        if self.phase == DEAD or (self.doomed is not None and not killed):
            return
        self.doomed = (reason,)
        if self.phase == RUNNING:
            return
        if self.coroutine is not None:
            self._cancel(insist=killed)
        else:
            self.end(reason)

    def _cancel(self, *, insist: bool) -> None:
        if (coroutine := self.coroutine) is not None and not coroutine.done():
            coroutine.cancel()
            if insist:
                self.system.loop.call_later(INSIST_S, lambda: self._cancel(insist=True))

    def end(self, reason: Any) -> None:
        """End the process, once: it loses its name, then watchers and linked processes are notified.

        The failure of a process is logged. An end by an exit signal is not: either its sender was logged, or the exit
        was intended.
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
        finally:  # a host's log handler may raise, and the watchers must still learn of the end
            self.depart(reason)

    def depart(self, reason: Any) -> None:
        """Notify others of the end. A kind of process may add to it."""
        self.system.bury(self)
        self._tell_watchers(reason)
        self._tell_links(reason)

    def last_words(self, reason: Any) -> dict[str, str]:
        """Return the fields of a crash report about the reason. A kind of process may add fields."""
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
        for other in links or ():
            if other.links:
                other.links.pop(self, None)
            self.system.signal(other, self.pid, reason)
