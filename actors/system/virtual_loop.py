"""An event loop for simulations: its time jumps to the next timer, and a seed decides the order of steps.

It is asyncio's selector loop with a selector that moves the clock instead of waiting. Steps of coroutines and turns of
run queues that are ready at the same time run in an order drawn from the seed. Callbacks and timers keep asyncio's
order. Sockets, pipes, threads, signals and OS processes are refused, since none of them can be replayed.
"""

import asyncio
import contextvars
import selectors
import threading
from collections import deque
from collections.abc import Callable
from math import inf, nextafter
from random import Random
from typing import Any, NamedTuple, NoReturn, TypeVarTuple

from actors.kernel.errors import NotSimulated, Stuck
from actors.kernel.process import READY, Process
from actors.system.current import process_here, running_loop
from actors.system.process_system import ProcessSystem

Ts = TypeVarTuple("Ts")

DECIMALS, RESOLUTION_S = 9, 1e-9  # of the clock; asyncio uses this resolution to decide that a timer is due


class Clock(selectors.SelectSelector):
    """A selector that does not wait: it moves its clock by the time that it should wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.complete = False  # True after the loop has registered its wake-up pipe

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if self.complete:
            raise NotSimulated("a wait for a socket or a pipe")
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck(self.now_s, sorted(_name(task) for task in asyncio.all_tasks(asyncio.get_running_loop())))
        self.now_s = _later(self.now_s, timeout)
        return []


class _Step(NamedTuple):
    """A ready step: the next one of a coroutine, or one turn of a run queue."""

    callback: Callable[..., Any]
    args: tuple[Any, ...]
    context: contextvars.Context


class Lottery(deque[Process]):
    """A run queue whose next process is drawn by chance. ran: called with each process."""

    def __init__(self, chance: Random, ran: Callable[[Process], None]) -> None:
        super().__init__()
        self._chance, self._ran = chance, ran

    def popleft(self) -> Process:
        drawn = self._chance.randrange(len(self))
        self[0], self[drawn] = self[drawn], self[0]
        process = super().popleft()
        if process.phase == READY:
            self._ran(process)
        return process


def _refused(what: str) -> Any:
    def refuse(self: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotSimulated(what)

    return refuse


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop of a simulation.

    seed: decides the order. ran: called with the process, or the coroutine's name, of each step that is drawn.
    """

    def __init__(self, clock: Clock, seed: int, ran: Callable[[Process | str], None]) -> None:
        self._clock = clock
        self._chance = Random(seed)  # noqa: S311 (an order, not a secret)
        self._steps: list[_Step] = []
        self._nobody = contextvars.Context()
        self._ran = ran
        super().__init__(clock)
        clock.complete = True

    def time(self) -> float:
        return self._clock.now_s

    def schedule(self, system: ProcessSystem) -> None:
        """Give a system that opens on this loop a drawn order, with one process per turn and one message per slice."""
        system.ready = Lottery(self._chance, self._ran)
        system.slice, system.slice_s = 1, 0.0

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Schedule a callback. Any ready step may run at the place of a step; other callbacks keep their places."""
        if not isinstance(getattr(callback, "__self__", None), asyncio.Task | ProcessSystem):
            return super().call_soon(callback, *args, context=context)
        self._steps.append(_Step(callback, args, context if context is not None else contextvars.copy_context()))
        return super().call_soon(self._run_a_step, context=self._nobody)

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        if self.is_running() and running_loop() is not self:
            raise NotSimulated(f"a call from the thread {threading.current_thread().name!r}")
        return super().call_soon(callback, *args, context=context)

    def _run_a_step(self) -> None:
        steps = self._steps
        drawn = self._chance.randrange(len(steps))
        steps[drawn], steps[-1] = steps[-1], steps[drawn]
        callback, args, context = steps.pop()
        task = getattr(callback, "__self__", None)
        if isinstance(task, asyncio.Task):
            process = context.get(process_here)
            self._ran(process if process is not None else _name(task))
        context.run(callback, *args)

    run_in_executor: Any = _refused("a thread")
    getaddrinfo: Any = _refused("a look-up of a host's name")
    create_connection: Any = _refused("a connection")
    create_unix_connection: Any = _refused("a connection")
    create_datagram_endpoint: Any = _refused("a socket")
    create_server: Any = _refused("a server")
    create_unix_server: Any = _refused("a server")
    sock_connect: Any = _refused("a connection")
    sock_accept: Any = _refused("a connection")
    connect_read_pipe: Any = _refused("a pipe")
    connect_write_pipe: Any = _refused("a pipe")
    subprocess_exec: Any = _refused("an OS process")
    subprocess_shell: Any = _refused("an OS process")
    add_signal_handler: Any = _refused("a signal handler")


def _later(now_s: float, wait_s: float) -> float:
    """Return the time after a wait, rounded, so that 0.1 s and 0.2 s are 0.3 s.

    After a hundred days a float can't hold the resolution. Then even a wait of zero takes the smallest step, since a
    timer is due only when the time has passed it.
    """
    if wait_s > 0 or now_s + RESOLUTION_S == now_s:
        return max(round(now_s + wait_s, DECIMALS), nextafter(now_s, inf))
    return now_s


def _name(task: "asyncio.Task[Any]") -> str:
    """Return the name of the task's coroutine. The task's own name differs between simulations."""
    return getattr(task.get_coro(), "__qualname__", "coroutine")
