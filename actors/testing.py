"""Deterministic simulation: a whole system without real time, in an order that a seed decides and repeats.

with Simulation(seed=7) as simulation:
    simulation.run(main())                   # a call's timeout of 5 s passes in no time
    assert simulation.time() == 5.0

@simulated(seeds=100)                        # a test: 100 orders of events, and the seed of one that fails
async def test_a_transfer_keeps_the_sum() -> None: ...

Time stands still while anything is ready, and jumps to the next timer when nothing is. One message of one process, or
one step of one coroutine, runs at a time; which of those that are ready is drawn from the seed. What one process sends
another arrives in the order in which it was sent, as always.
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
from actors.system.virtual_loop import Clock, VirtualLoop

__all__ = ["NotSimulated", "Simulation", "Step", "Stuck", "simulated"]

TRACE: Final = 10_000  # steps that a simulation keeps, the last ones
SHOWN: Final = 20  # of them a failed test shows

P = ParamSpec("P")
T = TypeVar("T")


class Step(NamedTuple):
    """What ran, and when. who: a process as "Counter#2", the second one to run, or a coroutine's name."""

    time_s: float
    who: str


class Simulation:
    """One loop, one seed. Systems that open on it (`async with AsyncioSystemBase()`) are simulated.

    random: a source of chance from the same seed, for the code under test and for faults at chosen moments.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.random = Random(f"code {seed}")  # noqa: S311 (an order, not a secret)
        self._trace: deque[Step] = deque(maxlen=TRACE)
        self._seen: dict[int, str] = {}
        self._clock = Clock()
        self._runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(self._clock, seed, self._ran))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, and return or raise what it does. Raises Stuck if there is no end."""
        return self._runner.run(work)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._clock.now_s

    @property
    def trace(self) -> list[Step]:
        """The last TRACE steps: the same for the same seed and code."""
        return list(self._trace)

    def _ran(self, who: Process | str) -> None:
        self._trace.append(Step(self._clock.now_s, who if isinstance(who, str) else self._name(who)))

    def _name(self, process: Process) -> str:
        """A pid's number counts on from simulation to simulation, so it can't stand in a trace."""
        number = process.pid.number
        if number not in self._seen:
            self._seen[number] = f"{process.label}#{len(self._seen) + 1}"
        return self._seen[number]

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
    """Makes a test of a coroutine function: it runs it once a seed, each time in a Simulation of its own.

    seeds: how many, from 0, or which: `@simulated(seeds=[17])` replays one. A failure is raised as it is, with a note
    that names the seed and the last steps.
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
            error.add_note(_report(simulation))
            raise


def _report(simulation: Simulation) -> str:
    steps = simulation.trace[-SHOWN:]
    lines = [f"seed={simulation.seed} failed after {simulation.time():g} s; replay it with seeds=[{simulation.seed}]"]
    return "\n".join(lines + [f"  {step.time_s:>10.3f} s  {step.who}" for step in steps])
