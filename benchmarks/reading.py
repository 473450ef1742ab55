"""The measurements of one reader of streams. They need nothing that a peer's environment does not have."""

from collections.abc import Coroutine
from pkgutil import resolve_name
from typing import Any, Final, TypeAlias, assert_never

from msgspec import Struct

from benchmarks import delay, tools
from benchmarks.workload import Load, Measured, Subject, cpu_us_a_token, first_token_ms

READERS: Final = {
    "floor": "benchmarks.floor:bare_socket",
    "sdk": "benchmarks.sdk:iterated",
    "process": "benchmarks.ours:to_process",
    "unsliced": "benchmarks.ours:to_process_unsliced",
    "iteration": "benchmarks.ours:by_iteration",
    "tools": "benchmarks.ours:with_tools",
    "agents_sdk": "benchmarks.peers.agents_sdk:streamed",
    "pydantic_ai": "benchmarks.peers.pydantic_ai:streamed",
    "langgraph": "benchmarks.peers.langgraph:streamed",
}
"""The module of each reader, by name: an OS process imports only the reader that it runs."""
STREAM_READERS: Final = ("floor", "sdk", "process", "iteration")
"""The readers that are only asked for text."""


class OneFigure(Struct, frozen=True, tag_field="job"):
    """One figure of one reader. name: of the figure; the reader's if empty."""

    reader: str
    load: Load
    name: str = ""


class Cpu(OneFigure, frozen=True, tag="cpu"):
    """CPU microseconds per token."""


class FirstToken(OneFigure, frozen=True, tag="first_token"):
    """Milliseconds to the first token."""


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


Reading: TypeAlias = Cpu | FirstToken | Delay | FanOut | Beside


def measured(job: Reading, base_url: str) -> Coroutine[Any, Any, Measured]:
    subject: Subject = resolve_name(READERS[job.reader])
    match job:
        case Cpu(reader, load, name):
            return _named(name or reader, cpu_us_a_token(subject, base_url, load))
        case FirstToken(reader, load, name):
            return _named(name or reader, first_token_ms(subject, base_url, load))
        case Delay(_, load, prefix):
            return _prefixed(prefix, delay.measured(subject, base_url, load))
        case FanOut(_, calls, prefix, turns):
            return _named(f"{prefix}beyond", tools.fan_out_ms(subject, base_url, calls, turns))
        case Beside(_, model, name, prefix, turns, tokens):
            found = tools.beside_stream(subject, base_url, model, turns, tokens)
            return _prefixed(f"{prefix}{name}_", found)
    assert_never(job)


async def _named(name: str, figure: Coroutine[Any, Any, float]) -> Measured:
    return {name: await figure}


async def _prefixed(prefix: str, figures: Coroutine[Any, Any, Measured]) -> Measured:
    return {prefix + name: value for name, value in (await figures).items()}
