"""The task for every reader of model streams, and the measure of its cost: the same for all readers."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from statistics import median
from typing import Final, TypeAlias

from msgspec import Struct

from benchmarks.answers import Asked, sent_ns

QUESTION: Final = "Say something."
WARMING: Final = "tokens-20"
SETTLE_S: Final = 0.2  # work after a stream's last token is part of its cost; waiting costs no CPU time


Measured: TypeAlias = dict[str, float]
"""Figures of one run, by name."""


class Listener:
    """A listener to the text of one stream, as soon as a reader has it. size: characters so far."""

    def __init__(self) -> None:
        self.size = 0
        self.first_token_s = 0.0

    def token(self, text: str) -> None:
        if not self.size:
            self.first_token_s = time.perf_counter()
        self.size += len(text)


class Stopwatch(Listener):
    """The arrival of each token of a paced stream, and its delay since it was written, in nanoseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals_ns: list[int] = []
        self.delays_ns: list[int] = []

    def token(self, text: str) -> None:
        now_ns = time.monotonic_ns()
        self.size += len(text)
        for moment_ns in sent_ns(text):
            self.arrivals_ns.append(now_ns)
            self.delays_ns.append(now_ns - moment_ns)


Read: TypeAlias = Callable[[Listener], Awaitable[None]]
"""Ask, and read one answer to its end: where the model calls tools, the turn to its end."""

NewReader: TypeAlias = Callable[[str], Awaitable[Read]]
"""For a model: what is set up once and for many streams is set up here, and not measured."""

Subject: TypeAlias = Callable[[str], AbstractAsyncContextManager[NewReader]]
"""For a base URL: a way to read streams."""


class Load(Struct, frozen=True):
    """A number of streams at once, with a number of tokens each. every_ms: the pace of a token, or None for no pace."""

    streams: int
    tokens: int
    every_ms: int | None = None

    @property
    def model(self) -> str:
        return f"tokens-{self.tokens}" + (f"-every-{self.every_ms}ms" if self.every_ms else "")


async def cpu_us_a_token(subject: Subject, base_url: str, load: Load) -> float:
    """Return the CPU time of this OS process per token: all threads, kernel time, requests and ends of streams."""
    listeners = [Listener() for _ in range(load.streams)]
    async with subject(base_url) as new_reader:
        await warm(new_reader)
        readers = [await new_reader(load.model) for _ in listeners]
        gc.collect()
        before_s = time.process_time()
        await asyncio.gather(*(read(listener) for read, listener in zip(readers, listeners, strict=True)))
        await asyncio.sleep(SETTLE_S)
        spent_s = time.process_time() - before_s
    for listener in listeners:
        check_whole(listener, load.model)
    return spent_s / (load.streams * load.tokens) * 1e6


async def first_token_ms(subject: Subject, base_url: str, load: Load) -> float:
    """Return the median time from the question to the first token of load.streams in sequence, on a warm connection."""
    waits_s = []
    async with subject(base_url) as new_reader:
        await warm(new_reader)
        for _ in range(load.streams):
            read, listener = await new_reader(load.model), Listener()
            asked_s = time.perf_counter()
            await read(listener)
            waits_s.append(listener.first_token_s - asked_s)
    return median(waits_s) * 1000


async def warm(new_reader: NewReader) -> None:
    """Run the first streams, whose imports, connections and caches are not a cost of later streams."""
    for _ in range(3):
        await (await new_reader(WARMING))(Listener())


def check_whole(listener: Listener, model: str) -> None:
    """Check that the reader left nothing out."""
    expected = Asked.of(model).size
    assert listener.size == expected, f"{model}: expected {expected} characters, got {listener.size}"
