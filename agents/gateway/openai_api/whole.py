"""A turn that is read to its end, for an answer in one piece."""

from collections.abc import Iterable
from contextlib import aclosing, suppress
from typing import Final

from msgspec import Struct
from starlette.requests import Request

from agents.core.events import (
    TERMINAL,
    Event,
    StreamComplete,
    StreamError,
    StreamFunctionExecutionStart,
    StreamReasoning,
    StreamReset,
)
from agents.core.response import Response
from agents.gateway.errors import Refusal
from agents.gateway.openai_api.one_turn import OneTurn
from agents.gateway.openai_api.refusals import failure_of
from agents.gateway.presence import when_gone
from agents.gateway.reader import ReaderClosed

READ: Final = frozenset({StreamReasoning, StreamFunctionExecutionStart, StreamReset, *TERMINAL})
"""The events of which the end and the reasoning are made."""


class Whole(Struct, frozen=True):
    """The end of a turn. reasoning: the model's visible reasoning, without that of void model calls."""

    response: Response
    reasoning: str


async def whole(request: Request, turn: OneTurn, pause_s: float) -> Whole:
    """Return the end of the turn. Raises Refusal if the turn failed, or if the client has disconnected."""
    events: list[Event] = []
    try:
        async with when_gone(request.receive, turn.reader.close):
            with suppress(ReaderClosed):
                async with aclosing(turn.reader.batches(pause_s)) as batches:
                    async for batch in batches:
                        events += [event for event in batch if type(event) in READ]
    finally:
        await turn.leave()
    match events[-1] if events else None:
        case StreamComplete(response):
            return Whole(response, _reasoning(events))
        case StreamError(reason):
            raise failure_of(reason)
    raise Refusal(503, "the client has disconnected")


def _reasoning(events: Iterable[Event]) -> str:
    thoughts: list[str] = []
    valid = 0
    for event in events:
        match event:
            case StreamReasoning(text):
                thoughts.append(text)
            case StreamFunctionExecutionStart():
                valid = len(thoughts)
            case StreamReset():
                del thoughts[valid:]
    return "".join(thoughts)
