"""One measurement in an OS process of its own: prints its figures as one line of JSON.

python -m benchmarks.subject '{"job": "processes", "sizes": {}}'
python -m benchmarks.subject '{"job": "cpu", "reader": "floor", "load": {...}}'  http://127.0.0.1:8080/v1
"""

import asyncio
import sys
from collections.abc import Coroutine
from pkgutil import resolve_name
from typing import Any, Final, TypeAlias, assert_never

import msgspec
from msgspec import Struct, field

from actors import new_event_loop
from benchmarks import endurance, otp, processes, supervision
from benchmarks.workload import Load, Measured, Subject, cpu_us_a_token, first_token_ms

READERS: Final = {
    "floor": "benchmarks.floor:bare_socket",
    "sdk": "benchmarks.sdk:iterated",
    "process": "benchmarks.ours:to_process",
    "iteration": "benchmarks.ours:by_iteration",
}
"""By name, where each stands: an OS process imports only the one that it runs."""


class Cpu(Struct, frozen=True, tag_field="job", tag="cpu"):
    """CPU microseconds a token of one reader."""

    reader: str
    load: Load


class FirstToken(Struct, frozen=True, tag_field="job", tag="first_token"):
    """Milliseconds to the first token of one reader."""

    reader: str
    load: Load


class Processes(Struct, frozen=True, tag_field="job", tag="processes"):
    """What messages and spawns take."""

    sizes: processes.Sizes = field(default_factory=processes.Sizes)


class Supervision(Struct, frozen=True, tag_field="job", tag="supervision"):
    """What supervised children take."""

    sizes: supervision.Sizes = field(default_factory=supervision.Sizes)


class Endurance(Struct, frozen=True, tag_field="job", tag="endurance"):
    """What very many restarts and processes leave behind."""

    sizes: endurance.Sizes = field(default_factory=endurance.Sizes)


class Otp(Struct, frozen=True, tag_field="job", tag="otp"):
    """What OTP takes; kind: "otp" as it comes, "core" on one core."""

    kind: str


Work: TypeAlias = Cpu | FirstToken | Processes | Supervision | Endurance
"""What runs on a loop of ours."""
Job: TypeAlias = Work | Otp


def measure(job: Job, base_url: str) -> Measured:
    """Run the job on an event loop of its own, the same kind for all."""
    if isinstance(job, Otp):
        return otp.measured(job.kind)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_work(job, base_url))


def _work(job: Work, base_url: str) -> Coroutine[Any, Any, Measured]:
    match job:
        case Cpu(reader, load):
            return _named(reader, cpu_us_a_token(_subject(reader), base_url, load))
        case FirstToken(reader, load):
            return _named(reader, first_token_ms(_subject(reader), base_url, load))
        case Processes(sizes):
            return processes.measured(sizes)
        case Supervision(sizes):
            return supervision.measured(sizes)
        case Endurance(sizes):
            return endurance.measured(sizes)
    assert_never(job)


async def _named(name: str, figure: Coroutine[Any, Any, float]) -> Measured:
    return {name: await figure}


def _subject(reader: str) -> Subject:
    subject: Subject = resolve_name(READERS[reader])
    return subject


if __name__ == "__main__":
    job: Job = msgspec.json.decode(sys.argv[1], type=Job)
    print(msgspec.json.encode(measure(job, sys.argv[2])).decode())
