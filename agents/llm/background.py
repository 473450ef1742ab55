"""Responses in background mode: an answer outlives its connection, can be resumed, and can be cancelled."""

import asyncio
import random
from typing import Final

from agents.core.errors import ConnectionClosed, Fault
from agents.core.retry import RetryPolicy, Tries, next_try
from agents.llm.answer import Answer, ModelCallDeadlines, Sink, read_answer
from agents.llm.client import ModelClient
from agents.llm.endpoint import ProviderFailed
from agents.llm.responses import ResponsesReader

CANCEL_S: Final = 1.0  # a courtesy: a provider that gets no cancel request ends the response anyway


async def read_resuming(
    client: ModelClient,
    answer: Answer,
    reader: ResponsesReader,
    sink: Sink,
    deadlines: ModelCallDeadlines,
    retry: RetryPolicy,
) -> None:
    """Read an answer to its end, and resume it on a new connection each time a connection breaks.

    retry: how many connections in a row may bring no event. Raises ProviderFailed with the fault that broke the answer.
    If this function exits before the answer's end, it cancels the response.
    """
    tries, number = Tries(), -1
    fault: Fault | None = None
    try:
        while not reader.ended:
            broken = await _read_until_broken(answer, reader, sink, deadlines)
            if fault is None or reader.sequence_number > number:  # else no event came since the earlier break
                fault, number = broken, reader.sequence_number
                tries = Tries(waited_s=tries.waited_s)
            if not reader.ended:
                tries = await _wait(tries, broken, reader, retry, fault)
                answer = client.resume(reader.resume(), number, connect_s=deadlines.connection_s)
    finally:
        if not reader.ended and reader.response_id is not None:
            await client.cancel(reader.response_id, timeout_s=CANCEL_S)


async def _read_until_broken(
    answer: Answer, reader: ResponsesReader, sink: Sink, deadlines: ModelCallDeadlines
) -> Fault:
    try:
        await read_answer(answer, reader, sink, deadlines)
    except ProviderFailed as failed:
        return failed.fault
    return ConnectionClosed()


async def _wait(tries: Tries, broken: Fault, reader: ResponsesReader, retry: RetryPolicy, fault: Fault) -> Tries:
    """Wait until the answer may be resumed. Raises ProviderFailed(fault) if it may not be resumed."""
    again = next_try(retry, tries, broken, routes=1, output=False) if reader.resumable else None
    if again is None:
        raise ProviderFailed(fault)
    await asyncio.sleep(random.uniform(again.at_least_s, again.at_most_s))  # noqa: S311 (no secret)
    return again.tries
