"""What is asked of every reader of model streams, and how its cost is taken: the same for all."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from statistics import median
from typing import Final, TypeAlias

from msgspec import Struct

QUESTION: Final = "Say something."
WARMING: Final = "tokens-20"
SETTLE_S: Final = 0.2  # what is done after a stream's last token is its cost, too; waiting costs no CPU time


Measured: TypeAlias = dict[str, float]
"""Figures of one run, by name."""


class Answer(Struct, frozen=True):
    """A stream that was read. first_token_s: when its first token was in the reader's hands, by perf_counter."""

    tokens: int
    first_token_s: float


Read: TypeAlias = Callable[[], Awaitable[Answer]]
"""Ask, and read one stream to its end."""

NewReader: TypeAlias = Callable[[str], Awaitable[Read]]
"""For a model: what is set up once and for many streams is set up here, and not measured."""

Subject: TypeAlias = Callable[[str], AbstractAsyncContextManager[NewReader]]
"""For a base URL: a way to read streams."""


class Load(Struct, frozen=True):
    """streams at once, of so many tokens each. every_ms: None, as fast as they are read; else the pace of a token."""

    streams: int
    tokens: int
    every_ms: int | None = None

    @property
    def model(self) -> str:
        return f"tokens-{self.tokens}" + (f"-every-{self.every_ms}ms" if self.every_ms else "")


async def cpu_us_a_token(subject: Subject, base_url: str, load: Load) -> float:
    """CPU time of this OS process a token, with kernel time and all threads: requests and ends of streams included."""
    async with subject(base_url) as new_reader:
        await _warm(new_reader)
        readers = [await new_reader(load.model) for _ in range(load.streams)]
        gc.collect()
        before_s = time.process_time()
        answers = await asyncio.gather(*(read() for read in readers))
        await asyncio.sleep(SETTLE_S)
        spent_s = time.process_time() - before_s
    assert {answer.tokens for answer in answers} == {load.tokens}, answers
    return spent_s / (load.streams * load.tokens) * 1e6


async def first_token_ms(subject: Subject, base_url: str, load: Load) -> float:
    """From the question to the first token: the median of load.streams, one after the other, on a warm connection."""
    waits_s = []
    async with subject(base_url) as new_reader:
        await _warm(new_reader)
        for _ in range(load.streams):
            read = await new_reader(load.model)
            asked_s = time.perf_counter()
            answer = await read()
            waits_s.append(answer.first_token_s - asked_s)
    return median(waits_s) * 1000


async def _warm(new_reader: NewReader) -> None:
    """What is imported, opened or cached by the first streams of a program is not the cost of the others."""
    for _ in range(3):
        await (await new_reader(WARMING))()
