"""The process system of one event loop: run queue, names, timers, dead letters, life and end.

One ProcessSystem runs every process of its loop. Only its loop's thread touches it; `run` is the door for others.
"""

import asyncio
import contextvars
from collections import deque
from time import monotonic
from types import TracebackType
from typing import Any, Self

from thespian.actors import ActorAddress, DeadEnvelope

from actors.errors import NameTaken, NoSystem, NotRegistered
from actors.pid import Pid
from actors.process import DEAD, READY, RUNNING, Process
from actors.signals import KILL, SHUTDOWN, DeadLetter, Down, Exit

SLICE_S = 0.002  # how long the run queue may hold the loop before I/O gets its turn
DEAD_LETTERS = 1000  # how many dead letters are kept to be read; all are counted
STOP_S = 5.0  # how long a stopping system waits for its processes before it kills them

_system: contextvars.ContextVar["ProcessSystem"] = contextvars.ContextVar("system")
_process: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)
_systems: list["ProcessSystem"] = []


class Root(Process):
    """The parent of what is started from outside. It takes no messages: exit signals end here."""

    __slots__ = ()

    def deliver(self, message: Any, sender: Pid | None) -> None:
        if not isinstance(message, Down | Exit):
            self.system.dead_letter(self.pid, message, sender)


class ProcessSystem:
    """Processes on one event loop.

    `async with ProcessSystem() as system:` runs on the caller's loop until the block ends. Then every process that was
    started from outside gets an exit signal SHUTDOWN, the last one first, and what is left after STOP_S is killed.
    """

    def __init__(self) -> None:
        self.ready: deque[Process] = deque()
        self.awake = False
        self.current: Process | None = None  # the process whose callback runs right now
        self.processes: dict[int, Process] = {}
        self.names: dict[str, Process] = {}
        self.dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS)
        self.dead_letter_count = 0
        self.loop: asyncio.AbstractEventLoop
        self.root: Process
        self.capabilities: dict[str, Any] = {}  # Thespian's: what createActor requirements are checked against
        self._dead_letter_handlers: set[Process] = set()
        self._signals: deque[tuple[Process, Pid, Any]] = deque()
        self._signalling = False
        self._emptied: asyncio.Future[None] | None = None
        self._context = contextvars.Context()
        self._context.run(_system.set, self)

    # Life

    async def __aenter__(self) -> Self:
        self.open()
        self._token = _system.set(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _system.reset(self._token)
        await self.close()

    def open(self) -> None:
        """Begin on the running loop. root is the parent of all that is started from outside."""
        self.loop = asyncio.get_running_loop()
        self.root = Root(self, "system")
        self.root.trap_exit = True
        _systems.append(self)

    async def close(self) -> None:
        """End every process, orderly if it lets itself be ended within STOP_S, and return when all are gone."""
        for process in [p for p in reversed(self.processes.values()) if p.parent is self.root.pid]:
            process.exit_signal(self.root.pid, SHUTDOWN, linked=True)
            await self._empty({process})
        if not await self._empty():
            for process in list(self.processes.values()):
                if process is not self.root:
                    process.exit_signal(self.root.pid, KILL, linked=False)
            await self._empty()
        self.root.end(SHUTDOWN)
        _systems.remove(self)

    async def _empty(self, awaited: set[Process] | None = None) -> bool:
        """Wait, at most STOP_S, until awaited (by default all but root) are dead; True if they are."""
        deadline = monotonic() + STOP_S
        while any(p.phase != DEAD for p in awaited or self.processes.values() if p is not self.root):
            self._emptied = self.loop.create_future()
            await asyncio.wait({self._emptied}, timeout=max(0.0, deadline - monotonic()))
            if monotonic() >= deadline:
                return False
        return True

    # Run queue

    def wake(self) -> None:
        self.awake = True
        self.loop.call_soon(self._run_queue, context=self._context)

    def _run_queue(self) -> None:
        """Give each ready process a slice, round after round, until none is ready or SLICE_S has passed."""
        ready = self.ready
        until = monotonic() + SLICE_S
        try:
            while ready:
                process = ready.popleft()
                if process.phase == READY:
                    process.phase = RUNNING
                    process.run()
                    if monotonic() >= until:
                        break
        finally:
            self.current = None
            if ready:
                self.loop.call_soon(self._run_queue, context=self._context)
            else:
                self.awake = False

    def signal(self, target: Process, sender: Pid, reason: Any) -> None:
        """Send an exit signal over a link. A queue, not recursion: a chain of links may be long."""
        self._signals.append((target, sender, reason))
        if not self._signalling:
            self._signalling = True
            try:
                while self._signals:
                    target, sender, reason = self._signals.popleft()
                    target.exit_signal(sender, reason, linked=True)
            finally:
                self._signalling = False

    # Names

    def register(self, name: str, process: Process) -> None:
        owner = self.names.get(name)
        if owner is not None:
            raise NameTaken(name, owner.pid)
        self.names[name] = process
        process.names = (*process.names, name)

    def unregister(self, name: str) -> None:
        process = self.names.pop(name, None)
        if process is None:
            raise NotRegistered(name)
        process.names = tuple(n for n in process.names if n != name)

    def find(self, to: Pid | str) -> Process | None:
        """The living process that a Pid or a name stands for."""
        return to.process if isinstance(to, Pid) else self.names.get(to)

    # Messages

    def send(self, to: ActorAddress | str, message: Any, sender: Pid | None) -> None:
        """Deliver to a process or a name; to nobody, it is a dead letter."""
        if isinstance(to, Pid):
            target = to.process
        elif isinstance(to, str):
            target = self.names.get(to)
        else:
            raise TypeError(f"expected a Pid or a name, got {to!r}")
        if target is not None:
            target.deliver(message, sender)
        else:
            self.dead_letter(to, message, sender)

    def send_after(self, delay_s: float, to: Pid | str, message: Any) -> asyncio.TimerHandle:
        """Send after delay_s. Erlang: erlang:send_after/3; `cancel()` the result for cancel_timer/1."""
        return self.loop.call_later(delay_s, self.send, to, message, None, context=self._context)

    def dead_letter(self, to: Pid | str, message: Any, sender: Pid | None) -> None:
        """Count it, keep it among the last DEAD_LETTERS, and show it to the actors that handle dead letters."""
        self.dead_letter_count += 1
        self.dead_letters.append(DeadLetter(to, message, sender))
        for handler in self._dead_letter_handlers:
            if handler.phase != DEAD:
                handler.deliver(DeadEnvelope(to if isinstance(to, Pid) else Pid(None), message), self.root.pid)

    def handle_dead_letters(self, process: Process, *, enable: bool) -> None:
        """Thespian: Actor.handleDeadLetters."""
        self._dead_letter_handlers.discard(process)
        if enable:
            self._dead_letter_handlers.add(process)

    def bury(self, process: Process) -> None:
        """Take back a dead process's names and count what its mailbox still held. Signals are no letters."""
        for name in process.names:
            del self.names[name]
        self._dead_letter_handlers.discard(process)
        for message, sender in process.mailbox:
            if not isinstance(message, Down | Exit):
                self.dead_letter(process.pid, message, sender)
        process.mailbox.clear()
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)


def current_system() -> ProcessSystem:
    """The system of the calling process or block; else the only one that runs in this OS process."""
    system = _system.get(None)
    if system is not None:
        return system
    if len(_systems) == 1:
        return _systems[0]
    raise NoSystem(f"expected one running actor system, got {len(_systems)}: use `async with AsyncioSystemBase():`")


def current_process() -> Process | None:
    """The process whose code is running, if any."""
    system = _system.get(None)
    if system is not None and system.current is not None:
        return system.current
    return _process.get()


def process_context(process: Process) -> contextvars.Context:
    """A copy of the calling context in which process is the current one: for its coroutine."""
    context = contextvars.copy_context()
    context.run(_system.set, process.system)
    context.run(_process.set, process)
    return context
