"""What is measured, in the order of the table, and the reference that each figure is held against."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from benchmarks.subject import READERS, Cpu, Endurance, FirstToken, Job, Otp, Processes, Supervision
from benchmarks.workload import Load, Measured

TARGET: Final = 2.0
"""Of its reference, a figure may be this much."""

READER_TITLES: Final = {
    "floor": "bare socket, split and decoded",
    "sdk": "AsyncOpenAI, iterated",
    "process": "an agent, to a subscriber process",
    "iteration": "an agent, async for over agent.stream",
}


BESIDE_OTP: Final = """\
CPU time, but for the restart and the call from another thread, which are taken by the clock. OTP runs in the same
rounds: as it comes, with a scheduler for each core, and with one scheduler, as we have one loop. Reports are off in
both. Bytes: of OTP what its memory holds more, of ours what the OS process holds more."""


class Target(Struct, frozen=True):
    """What a figure may be: a number, or so many times what OTP takes for the figure of that name."""

    most: float
    of: str | None = None


class Suite(Struct, frozen=True):
    """Figures that are compared with each other. references: of a spike of this design, by figure.

    targets: if there are some, the suite is compared with OTP. remark: what stands below the table. long: measured only
    by its name.
    """

    name: str
    title: str
    unit: str
    jobs: Sequence[Job]
    titles: Mapping[str, str]
    references: Mapping[str, float] = {}
    targets: Mapping[str, Target] = {}
    remark: str = ""
    long: bool = False


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
        "us",
        [Processes(), Supervision(), Otp("otp"), Otp("core")],
        {
            "one_way": "a message, one way from a Task to a GenServer",
            "ping_pong": "a hop, to and fro between two GenServers",
            "call": "a call of a GenServer and its reply",
            "call_from_thread": "the same from another thread",
            "spawn_server": "a spawn of a GenServer; OTP: of a bare process",
            "spawn_task": "a spawn of a Task",
            "spawn_child": "a spawn of a GenServer, supervised and monitored",
            "start_100k_s": "seconds to spawn 100,000 of them",
            "child_bytes": "bytes that one of them holds",
            "restart": "from a crash to the new process, supervised",
        },
        targets={
            "one_way": Target(1 / 0.7, "one_way"),
            "ping_pong": Target(1.5, "ping_pong"),
            "call": Target(4, "call"),
            "call_from_thread": Target(60),
            "spawn_child": Target(8, "spawn_server"),
            "start_100k_s": Target(2),
            "child_bytes": Target(2600),
            "restart": Target(60),
        },
        remark=BESIDE_OTP,
    ),
    Suite(
        "endurance",
        "What is left behind",
        "",
        [Endurance()],
        {
            "restart_cycle": "us of CPU time a crash and restart, of 1,000,000 one after the other",
            "growth_kib": "KiB of memory that they leave behind",
            "growth_files": "open files that they leave behind",
            "growth_entries": "entries in the system's tables that they leave behind",
            "idle_cpu_ms": "ms of CPU time that 100,000 idle processes take in 10 s",
        },
        remark="By `python -m benchmarks --only endurance`. The restarts begin to count after 100,000 others.",
        targets={"growth_files": Target(0), "growth_entries": Target(0), "idle_cpu_ms": Target(10)},
        long=True,
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
    """By name, in the order of the table; then what is only compared with."""
    names = dict.fromkeys([*suite.titles, *rounds[0]])
    return {name: _figure(suite, name, [each[name] for each in rounds]) for name in names}


def _figure(suite: Suite, name: str, values: Sequence[float]) -> Figure:
    title = suite.titles.get(name, name)
    return Figure(title, suite.unit, median(values), min(values), max(values), suite.references.get(name))
