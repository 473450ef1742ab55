"""The measurements of streams of text: the cost of a token, its delay, and the time to the first one."""

from collections.abc import Iterator
from typing import Final

from benchmarks.others import FLOOR, SDK
from benchmarks.reading import STREAM_READERS, Cpu, Delay, FirstToken
from benchmarks.subject import Job
from benchmarks.suite import Suite, Target
from benchmarks.workload import Load

READER_TITLES: Final = {
    "floor": "bare socket, split and decoded",
    "sdk": "AsyncOpenAI, iterated",
    "process": "an agent, to a subscriber process",
    "iteration": "an agent, async for over agent.stream",
}

DELAY_TITLES: Final = {
    "median": "delay of a token, median, ms",
    "p90": "delay of a token, p90, ms",
    "p99": "delay of a token, p99, ms",
    "max": "delay of a token, the longest, ms",
    "cpu": "CPU us a token",
    "core": "% of a core",
    "kept": "% of the time in which it could run and others had the cores",
}

UNSLICED: Final = {"unsliced": "garbage collection unchanged"}

DELAYS: Final = """\
Every token holds the time at which the provider wrote it; the delay is what passes until it is in the reader's hands,
the subscriber process's in ours. The streams start one after the other; what comes in the first fifth of a stream does
not count. CPU time and percents are of the reader's OS process, from the last stream's start to the first one's end.
Where others had the cores for more than a few percent of the time, the delays are the machine's, not the reader's. The
last columns: the same agents with `garbage_collection` at `unchanged`."""

FEWEST: Final = 300

DELAY_TARGETS: Final[dict[int, dict[str, list[Target]]]] = {
    FEWEST: {"median": [Target(2)], "p99": [Target(10), Target(2, "floor_p99")], "core": [Target(80)]},
    600: {"p99": [Target(20), Target(2, "floor_p99")]},
    1000: {"p99": [Target(2, "floor_p99")]},
}
"""The limits of each number of streams."""


def _streams(load: Load) -> list[Job]:
    return [Cpu(reader, load) for reader in STREAM_READERS]


def _delays() -> Iterator[Suite]:
    for streams, targets in DELAY_TARGETS.items():
        load, sdk = Load(streams, 250, every_ms=20), SDK if streams == FEWEST else {}
        beside = FLOOR | sdk | UNSLICED
        yield Suite(
            f"delay_{streams}",
            f"{streams:,} streams at once of 250 tokens, 50 tokens a second each",
            "",
            [Delay("process", load), *(Delay(reader, load, f"{reader}_") for reader in beside)],
            DELAY_TITLES,
            targets=targets,
            beside=beside,
            remark=DELAYS if streams == FEWEST else "As before; AsyncOpenAI has no core left for so many.",
        )


STREAMS: Final = (
    Suite(
        "one_stream",
        "One stream of 20,000 tokens",
        "CPU us a token",
        _streams(Load(1, 20_000)),
        READER_TITLES,
        {"floor": 2.6, "sdk": 103.0, "process": 3.3},
        targets={"process": [Target(2, "floor"), Target(1 / 20, "sdk")]},
    ),
    Suite(
        "many_streams",
        "100 streams at once of 200 tokens, requests included",
        "CPU us a token",
        _streams(Load(100, 200)),
        READER_TITLES,
        {"process": 11.0},
        targets={"process": [Target(1 / 8, "sdk")]},
    ),
    Suite(
        "very_many_streams",
        "500 streams at once of 200 tokens, requests included",
        "CPU us a token",
        _streams(Load(500, 200)),
        READER_TITLES,
        {"process": 12.0},
        targets={"process": [Target(1 / 8, "sdk")]},
    ),
    Suite(
        "paced",
        "20 streams at once of 200 tokens, each token on its own, every 10 ms",
        "CPU us a token",
        _streams(Load(20, 200, every_ms=10)),
        READER_TITLES,
    ),
    *_delays(),
    Suite(
        "first_token",
        "Time to first token, median of 100 streams of 20 tokens one after the other",
        "ms",
        [FirstToken(reader, Load(100, 20)) for reader in STREAM_READERS],
        READER_TITLES,
        targets={"process": [Target(2, "floor", above=True)], "iteration": [Target(2, "floor", above=True)]},
    ),
)
