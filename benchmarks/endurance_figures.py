"""The measurements of what is left behind, which take long."""

from typing import Final

from benchmarks.subject import Endurance, Turns
from benchmarks.suite import Suite, Target

REMARK: Final = """\
By `python -m benchmarks --only endurance`. The restarts begin to count after 100,000 others, the turns after 2,000; an
agent lives for ten turns, every other agent's with two tool calls in a worker process each. Memory that does not grow
with their number moves by some hundred KiB all the same, as the allocator cuts its arenas."""


def _left(name: str, who: str) -> dict[str, str]:
    return {
        f"{name}_kib": f"KiB of memory that {who} leave behind",
        f"{name}_files": f"open files that {who} leave behind",
        f"{name}_entries": f"entries in the system's tables that {who} leave behind",
        f"{name}_processes": f"OS processes that {who} leave behind",
    }


def _nothing_left(name: str) -> dict[str, list[Target]]:
    return {f"{name}_kib": [Target(1024)]} | {
        f"{name}_{what}": [Target(0)] for what in ("files", "entries", "processes")
    }


LEFT_BEHIND: Final = Suite(
    "endurance",
    "What is left behind",
    "",
    [Endurance(), Turns()],
    {
        "restart_cycle": "us of CPU time a crash and restart, of 1,000,000 one after the other",
        **_left("growth", "they"),
        "idle_cpu_ms": "ms of CPU time that 100,000 idle processes take in 10 s",
        "turn_cycle": "us of CPU time a turn, of 10,000 one after the other",
        **_left("turns", "they"),
    },
    targets={**_nothing_left("growth"), "idle_cpu_ms": [Target(10)], **_nothing_left("turns")},
    beside={},
    remark=REMARK,
    long=True,
)
