"""The openai client as its README shows it: `async for chunk in stream`."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openai import AsyncOpenAI

from benchmarks.workload import QUESTION, Answer, NewReader, Read


@asynccontextmanager
async def iterated(base_url: str) -> AsyncIterator[NewReader]:
    async with AsyncOpenAI(api_key="none", base_url=base_url) as client:

        async def new_reader(model: str) -> Read:
            return lambda: _read(client, model)

        yield new_reader


async def _read(client: AsyncOpenAI, model: str) -> Answer:
    tokens, first_token_s = 0, 0.0
    stream = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            tokens += 1
            if tokens == 1:
                first_token_s = time.perf_counter()
    return Answer(tokens, first_token_s)
