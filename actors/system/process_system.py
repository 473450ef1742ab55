"""The process system of one event loop: run queue, names, timers, dead letters, life and end.

Only the thread of its loop touches a ProcessSystem. ThreadedSystem.run lets other threads in.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from time import monotonic
from types import TracebackType
from typing import Any, ClassVar, Self

from thespian.actors import Actor, ActorAddress

from actors.kernel.address import Address, Via
from actors.kernel.block import Block
from actors.kernel.ending import finish
from actors.kernel.errors import NoSystem
from actors.kernel.pid import Pid
from actors.kernel.process import READY, RUNNING, Process
from actors.kernel.scheduler import SLICE
from actors.kernel.signals import SHUTDOWN, Crash, Down, Exit
from actors.system.current import (
    entered_system,
    of_another_thread,
    open_systems,
    system_here,
    system_of,
    turning,
)
from actors.system.dead_letters import DeadLetters
from actors.system.deadlines import Deadlines
from actors.system.exit_signals import ExitSignals
from actors.system.groups import Groups
from actors.system.names import Names
from actors.system.shutdown import end_processes
from actors.system.watchdog import Watchdog

SLICE_S = 0.002  # the longest time that the run queue holds the loop before I/O
CALL_TIMEOUT_S = 5.0
SYSTEM_ADDRESS = "/ActorSys"  # the text of Thespian's ActorSystem.systemAddress


class Root(Process):
    """The parent of processes that code outside any process started. A message to it is a dead letter."""

    __slots__ = ()

    system: "ProcessSystem"

    def deliver(self, message: Any, sender: Pid | None) -> None:
        if not isinstance(message, Down | Exit):
            self.system.dead_letters.add(self.pid, message, sender)


class ProcessSystem:
    """Processes on one event loop.

    `async with ProcessSystem() as system:` runs on the caller's loop. The end of the block ends all processes.

    watchdog_s: log a handler that holds the loop longer than this, with its stack; None starts no watchdog.
    """

    root_kind: ClassVar[type[Root]] = Root

    def __init__(self, *, watchdog_s: float | None = None) -> None:
        self.ready: deque[Process] = deque()
        self.slice, self.slice_s = SLICE, SLICE_S
        self.awake = False
        self.current: Process | None = None  # the process whose callback runs
        self.processes: dict[int, Process] = {}
        self.names = Names()
        self.groups = Groups()
        self.dead_letters = DeadLetters()
        self.loop: asyncio.AbstractEventLoop
        self.thread: int  # of the loop: no other thread may touch a process
        self.deadlines: Deadlines  # of the calls that wait CALL_TIMEOUT_S
        self.root: Process
        self.capabilities: dict[str, Any] = {}  # Thespian's: what createActor requirements are checked against
        self._watchdog_s = watchdog_s
        self._watchdog: Watchdog | None = None
        self._signals = ExitSignals()
        self.block: Block[ProcessSystem] = Block(system_here, self)
        self._context = contextvars.Context()
        self._context.run(system_here.set, self)
        self._context.run(turning.set, self)

    # Life

    async def __aenter__(self) -> Self:
        self.open()
        self.block.enter(entered_system())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await finish(self.close())
        finally:
            self.block.leave()

    def open(self) -> None:
        """Begin on the running loop."""
        self.loop, self.thread = asyncio.get_running_loop(), get_ident()
        schedule = getattr(self.loop, "schedule", None)  # only the loop of a simulation has it: actors/testing.py
        if schedule is not None:
            schedule(self)
        self.deadlines = Deadlines(self.loop, CALL_TIMEOUT_S)
        self.root = self.root_kind(self, "system")
        self.root.trap_exit = True
        for each in (each for each in tuple(open_systems) if each.loop.is_closed()):
            each.forget()  # its own end can't run any more
        open_systems.append(self)
        if self._watchdog_s is not None and schedule is None:  # the watchdog needs a thread and real time
            self._watchdog = Watchdog(self, self._watchdog_s)

    async def close(self) -> None:
        """End all processes, then the system."""
        try:
            await end_processes(self)
        finally:
            if self._watchdog is not None:
                self._watchdog.stop()
            self.root.end(SHUTDOWN)
            self.forget()

    def forget(self) -> None:
        """Leave the list of open systems, if this system is in it. Another thread may do the same."""
        with suppress(ValueError):
            open_systems.remove(self)

    # Run queue

    def wake(self) -> None:
        """Schedule the run queue. Raises NoSystem in another thread, where this would not wake the loop."""
        if self.thread != get_ident():
            raise of_another_thread()
        self.awake = True
        self.loop.call_soon(self._run_queue, context=self._context)

    def _run_queue(self) -> None:
        """Give each ready process a slice, round after round, until none is ready or slice_s has passed.

        An exception from process.run() is the program's end (KeyboardInterrupt) or a bug of this module.
        """
        ready = self.ready
        now = monotonic()
        until = now + self.slice_s
        try:
            while ready:
                process = ready.popleft()
                if process.phase == READY:
                    process.phase = RUNNING
                    process.run()
                    began, now = now, monotonic()
                    if now >= until:
                        if now - began > SLICE_S:
                            process.allowance = 1
                        break
        except BaseException as error:
            process.end(Crash(error))
            raise
        finally:
            self.current = None
            if ready:
                self.loop.call_soon(self._run_queue, context=self._context)
            else:
                self.awake = False

    def signal(self, target: Process, sender: Pid, reason: Any) -> None:
        """Send an exit signal over a link."""
        self._signals.send(target, sender, reason)

    # Messages

    def find(self, to: Address | ActorAddress) -> Process | None:
        """Return the living process at an address, or None."""
        if isinstance(to, Pid):
            return to.process
        return self.names.get(to) if isinstance(to, str) else self._at_other_address(to)

    def send(self, to: Address | ActorAddress, message: Any, sender: Pid | None) -> None:
        """Deliver on the thread of the receiver's loop. A message without a receiver is a dead letter."""
        if self.thread != get_ident():
            self.hand_in(self.send, to, message, sender)
            return
        target = self.find(to)
        if target is None:
            self.dead_letters.add(to, message, sender)
        elif target.system.thread == self.thread:
            target.deliver(message, sender)
        else:
            system_of(target).send(target.pid, message, sender)

    def _at_other_address(self, to: object) -> Process | None:
        """Return the process of an address that is neither a Pid nor a name: a Via, or the root's SYSTEM_ADDRESS."""
        if isinstance(to, Via):
            pid = to.whereis_name()
            return pid.process if pid is not None else None
        if not isinstance(to, ActorAddress):
            raise TypeError(f"expected a Pid, a name or a Via, got {to!r}")
        return self.root if to.addressDetails == SYSTEM_ADDRESS else None

    def hand_in(self, function: Callable[..., None], *args: Any) -> None:
        """Call function soon on the loop's thread. A system whose loop is closed ignores the call."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(function, *args, context=self._context)

    def send_after(self, delay_s: float, to: Address, message: Any) -> asyncio.TimerHandle:
        """Send after delay_s. `cancel()` of the result stops it. Erlang: erlang:send_after/3, cancel_timer/1."""
        return self.loop.call_later(delay_s, self.send, to, message, None, context=self._context)

    @property
    def dead_letter_count(self) -> int:
        """The number of dead letters so far. The last of them are in dead_letters."""
        return self.dead_letters.total

    def bury(self, process: Process) -> None:
        """Remove an ended process's name, and turn its unread messages into dead letters."""
        if process.name is not None:
            del self.names[process.name]
        self.dead_letters.inherit(process)

    # Thespian

    def create_actor(
        self,
        parent: Process,
        actor: type[Actor] | str,
        requirements: dict[str, Any] | None = None,
        name: str | None = None,
        source: str | None = None,
    ) -> Pid:
        """Create an actor, as Thespian's createActor does. A system base overrides this."""
        raise NoSystem(f"expected an AsyncioSystemBase to run {actor!r}, got {type(self).__name__}")

    def updateCapability(self, name: str, value: Any = None) -> None:  # noqa: N802 (Thespian's name)
        """Set a capability, or take it away if value is None."""
        if value is None:
            self.capabilities.pop(name, None)
        else:
            self.capabilities[name] = value

    def actorSystemShutdown(self) -> None:  # noqa: N802 (Thespian's name)
        """Refuse to end a system on the host's loop: the host ends it. Thespian: Actor.actorSystemShutdown."""
        raise NoSystem("expected a system on its own thread, got one on the host's loop, which ends it")
