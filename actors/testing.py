"""For tests: simulations that a seed repeats, and a wait until a system has nothing to do.

In a simulation a whole system runs without real time, in an order that the seed decides.

with Simulation(seed=7) as simulation:
    simulation.run(main())                   # a call's timeout of 5 s passes in no time
    assert simulation.time() == 5.0

@simulated(seeds=100)                        # a test: 100 orders of events, and the seed of one that fails
async def test_a_transfer_keeps_the_sum() -> None: ...

Time stands still while any code is ready, and jumps to the next timer when none is. One message of one process, or one
step of one coroutine, runs at a time. The seed decides which of the ready ones runs next. The messages of one process
to another arrive in the order in which they were sent, as always.

await settled()                              # on any loop: until every process and coroutine waits
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from functools import wraps
from random import Random
from types import TracebackType
from typing import Any, Final, NamedTuple, ParamSpec, Self, TypeVar

from actors.kernel.errors import NotSimulated, Stuck
from actors.kernel.process import Process
from actors.system.current import open_systems
from actors.system.virtual_loop import Clock, VirtualLoop

__all__ = ["NotSimulated", "Simulation", "Step", "Stuck", "settled", "simulated"]

TRACE: Final = 10_000  # the last steps, which a simulation keeps
SHOWN: Final = 20  # the last steps, which a failed test shows
LOOKS: Final = 2  # looks in a row that must find nothing ready: callbacks of ended tasks run between them

P = ParamSpec("P")
T = TypeVar("T")


async def settled() -> None:
    """Wait until no process of this loop is ready to run and every other coroutine waits for something.

    Timers, sockets and threads may still wake them later. Call it from one coroutine at a time.
    """
    quiet = 0
    while quiet < LOOKS:
        await asyncio.sleep(0)
        quiet = quiet + 1 if _quiet() else 0


def _quiet() -> bool:
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    if any(system.awake for system in open_systems if system.loop is loop):
        return False
    return all(_waits(task) for task in asyncio.all_tasks(loop) if task is not me)


def _waits(task: "asyncio.Task[Any]") -> bool:
    """Return True if the task waits for a future that has no result yet. asyncio has no public name for this."""
    future: asyncio.Future[Any] | None = getattr(task, "_fut_waiter", None)
    return future is not None and not future.done()


class Step(NamedTuple):
    """One step of a simulation.

    who: a process as "Counter#2", where 2 is its place in the order of first steps, or a coroutine's name.
    """

    time_s: float
    who: str


class Simulation:
    """One loop and one seed. Each system that opens on the loop (`async with AsyncioSystemBase()`) is simulated.

    random: a generator with the same seed, for the code under test and for faults at chosen moments.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.random = Random(f"code {seed}")  # noqa: S311 (an order, not a secret)
        self._trace: deque[Step] = deque(maxlen=TRACE)
        self._names: dict[int, str] = {}
        self._clock = Clock()
        self._runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(self._clock, seed, self._ran))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine to its end, and return its result or raise its exception.

        Raises Stuck if the coroutine waits and nothing can wake it.
        """
        return self._runner.run(work)

    def time(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._clock.now_s

    @property
    def trace(self) -> list[Step]:
        """The last TRACE steps: the same for the same seed and code."""
        return list(self._trace)

    def report(self, replay: str) -> str:
        """Return the note for a failure: the seed, the time and the last steps. replay: what repeats the order."""
        lines = [f"seed={self.seed} failed after {self.time():g} s; replay it with {replay}"]
        return "\n".join(lines + [f"  {step.time_s:>10.3f} s  {step.who}" for step in self.trace[-SHOWN:]])

    def _ran(self, who: Process | str) -> None:
        self._trace.append(Step(self._clock.now_s, who if isinstance(who, str) else self._name(who)))

    def _name(self, process: Process) -> str:
        """Return a name that is the same in each run. A pid's number is not: it counts on between simulations."""
        number = process.pid.number
        if number not in self._names:
            self._names[number] = f"{process.label}#{len(self._names) + 1}"
        return self._names[number]

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()


def simulated(
    seeds: int | Iterable[int] = 100,
) -> Callable[[Callable[P, Coroutine[Any, Any, Any]]], Callable[P, None]]:
    """Turn a coroutine function into a test that runs once per seed, each time in its own Simulation.

    seeds: their number, counted from 0, or the seeds themselves: `@simulated(seeds=[17])` replays one. A failure is
    raised unchanged, with a note that names the seed and the last steps.
    """

    def decorate(test: Callable[P, Coroutine[Any, Any, Any]]) -> Callable[P, None]:
        @wraps(test)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            for seed in range(seeds) if isinstance(seeds, int) else seeds:
                _run_one(seed, test(*args, **kwargs))

        return run

    return decorate


def _run_one(seed: int, test: Coroutine[Any, Any, Any]) -> None:
    with Simulation(seed) as simulation:
        try:
            simulation.run(test)
        except BaseException as error:
            error.add_note(simulation.report(f"seeds=[{seed}]"))
            raise
