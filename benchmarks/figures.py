"""What is measured, in the order of the table, and the reference that each figure is held against."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from benchmarks.subject import READERS, Cpu, FirstToken, Job, Processes
from benchmarks.workload import Load, Measured

TARGET: Final = 2.0
"""Of its reference, a figure may be this much."""

READER_TITLES: Final = {
    "floor": "bare socket, split and decoded",
    "sdk": "AsyncOpenAI, iterated",
    "process": "an agent, to a subscriber process",
    "iteration": "an agent, async for over agent.stream",
}


class Suite(Struct, frozen=True):
    """Figures that are compared with each other. references: of a spike of this design, by figure."""

    name: str
    title: str
    unit: str
    jobs: Sequence[Job]
    titles: Mapping[str, str]
    references: Mapping[str, float] = {}


def _streams(load: Load) -> list[Job]:
    return [Cpu(reader, load) for reader in READERS]


SUITES: Final = (
    Suite(
        "one_stream",
        "One stream of 20,000 tokens",
        "CPU us a token",
        _streams(Load(1, 20_000)),
        READER_TITLES,
        {"floor": 2.6, "sdk": 103.0, "process": 3.3},
    ),
    Suite(
        "many_streams",
        "100 streams at once of 200 tokens, requests included",
        "CPU us a token",
        _streams(Load(100, 200)),
        READER_TITLES,
        {"process": 11.0},
    ),
    Suite(
        "paced",
        "20 streams at once of 200 tokens, each token on its own, every 10 ms",
        "CPU us a token",
        _streams(Load(20, 200, every_ms=10)),
        READER_TITLES,
    ),
    Suite(
        "first_token",
        "Time to first token, median of 100 streams of 20 tokens one after the other",
        "ms",
        [FirstToken(reader, Load(100, 20)) for reader in READERS],
        READER_TITLES,
    ),
    Suite(
        "processes",
        "The process system",
        "CPU us",
        [Processes()],
        {
            "ping_pong": "a hop, to and fro between two GenServers",
            "one_way": "a message, one way from a Task to a GenServer",
            "call": "a call of a GenServer and its reply",
            "spawn_server": "a spawn of a GenServer",
            "spawn_child": "a spawn of a supervised GenServer",
            "spawn_task": "a spawn of a Task",
        },
        {"ping_pong": 0.4, "spawn_server": 3.5},
    ),
)


class Figure(Struct, frozen=True):
    """A figure over all rounds of a run."""

    title: str
    unit: str
    median: float
    low: float
    high: float
    reference: float | None

    @property
    def of_reference(self) -> float | None:
        return None if self.reference is None else self.median / self.reference


def figures(suite: Suite, rounds: Sequence[Measured]) -> dict[str, Figure]:
    """By name, in the order of the table."""
    return {name: _figure(suite, name, [each[name] for each in rounds]) for name in suite.titles}


def _figure(suite: Suite, name: str, values: Sequence[float]) -> Figure:
    return Figure(suite.titles[name], suite.unit, median(values), min(values), max(values), suite.references.get(name))
