"""One measurement in a separate OS process: print its figures as one line of JSON.

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
from benchmarks import daemon, delay, endurance, gateway, otp, processes, sessions, supervision, tools, turns
from benchmarks.workload import Load, Measured, Subject, cpu_us_a_token, first_token_ms

READERS: Final = {
    "floor": "benchmarks.floor:bare_socket",
    "sdk": "benchmarks.sdk:iterated",
    "process": "benchmarks.ours:to_process",
    "iteration": "benchmarks.ours:by_iteration",
    "tools": "benchmarks.ours:with_tools",
}
"""The module of each reader, by name: an OS process imports only the reader that it runs."""
STREAM_READERS: Final = ("floor", "sdk", "process", "iteration")
"""The readers that are only asked for text."""


class Cpu(Struct, frozen=True, tag_field="job", tag="cpu"):
    """CPU microseconds per token of one reader."""

    reader: str
    load: Load


class FirstToken(Struct, frozen=True, tag_field="job", tag="first_token"):
    """Milliseconds to the first token of one reader."""

    reader: str
    load: Load


class Delay(Struct, frozen=True, tag_field="job", tag="delay"):
    """The delay of tokens of many paced streams for one reader. prefix: of the names of its figures."""

    reader: str
    load: Load
    prefix: str = ""


class FanOut(Struct, frozen=True, tag_field="job", tag="fan_out"):
    """Milliseconds of turns with parallel calls, beyond the wait of one call."""

    reader: str
    calls: int
    prefix: str = ""
    turns: int = 10


class Beside(Struct, frozen=True, tag_field="job", tag="beside"):
    """The effect of another turn's calls on a paced stream. model: of the calls. name: of the figures."""

    reader: str
    model: str
    name: str
    prefix: str = ""
    turns: int = 3
    neighbour_tokens: int = 120


class Processes(Struct, frozen=True, tag_field="job", tag="processes"):
    """The cost of messages and spawns."""

    sizes: processes.Sizes = field(default_factory=processes.Sizes)


class Supervision(Struct, frozen=True, tag_field="job", tag="supervision"):
    """The cost of supervised children."""

    sizes: supervision.Sizes = field(default_factory=supervision.Sizes)


class Endurance(Struct, frozen=True, tag_field="job", tag="endurance"):
    """The traces of very many restarts and processes."""

    sizes: endurance.Sizes = field(default_factory=endurance.Sizes)


class Turns(Struct, frozen=True, tag_field="job", tag="turns"):
    """The traces of very many turns."""

    sizes: turns.Sizes = field(default_factory=turns.Sizes)


class Gateway(Struct, frozen=True, tag_field="job", tag="gateway"):
    """The cost of an event on its way to a client."""

    sizes: gateway.Sizes = field(default_factory=gateway.Sizes)


class Journal(Struct, frozen=True, tag_field="job", tag="journal"):
    """The journal's share of a token. name: of the figures."""

    load: Load
    name: str


class Resume(Struct, frozen=True, tag_field="job", tag="resume"):
    """The time to read a stream again."""

    sizes: sessions.Sizes = field(default_factory=sessions.Sizes)


class Daemon(Struct, frozen=True, tag_field="job", tag="daemon"):
    """The cost of an idle daemon."""

    idle: daemon.Idle = field(default_factory=daemon.Idle)


class Otp(Struct, frozen=True, tag_field="job", tag="otp"):
    """The cost in OTP. kind: "otp" with defaults, "core" on one core."""

    kind: str


Work: TypeAlias = (
    Cpu
    | FirstToken
    | Delay
    | FanOut
    | Beside
    | Processes
    | Supervision
    | Endurance
    | Turns
    | Gateway
    | Journal
    | Resume
    | Daemon
)
"""The jobs that run on a loop of ours."""
Job: TypeAlias = Work | Otp


def measure(job: Job, base_url: str) -> Measured:
    """Run the job on a new event loop, of the same kind for all jobs."""
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
        case Delay(reader, load, prefix):
            return _prefixed(prefix, delay.measured(_subject(reader), base_url, load))
        case FanOut(reader, calls, prefix, count):
            return _named(f"{prefix}beyond", tools.fan_out_ms(_subject(reader), base_url, calls, count))
        case Beside(reader, model, name, prefix, count, tokens):
            found = tools.beside_stream(_subject(reader), base_url, model, count, tokens)
            return _prefixed(f"{prefix}{name}_", found)
        case Processes(sizes):
            return processes.measured(sizes)
        case Supervision(sizes):
            return supervision.measured(sizes)
        case Endurance(sizes):
            return endurance.measured(sizes)
        case Turns(sizes):
            return turns.measured(base_url, sizes)
        case Gateway(sizes):
            return gateway.measured(base_url, sizes)
        case Journal(load, name):
            return sessions.journal_us(base_url, load, name)
        case Resume(sizes):
            return sessions.resume_ms(sizes)
        case Daemon(idle):
            return daemon.idle_daemon(idle)
    assert_never(job)


async def _named(name: str, figure: Coroutine[Any, Any, float]) -> Measured:
    return {name: await figure}


async def _prefixed(prefix: str, figures: Coroutine[Any, Any, Measured]) -> Measured:
    return {prefix + name: value for name, value in (await figures).items()}


def _subject(reader: str) -> Subject:
    subject: Subject = resolve_name(READERS[reader])
    return subject


if __name__ == "__main__":
    job: Job = msgspec.json.decode(sys.argv[1], type=Job)
    print(msgspec.json.encode(measure(job, sys.argv[2])).decode())
