"""What a subscriber has missed: events, with the pieces of one text that stand side by side as one event."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from msgspec.structs import replace

from agents.core.events import Event, StreamFunctionArgumentsDelta, StreamReasoning, StreamToken

TEXT: Final[dict[type[Any], str]] = {
    StreamToken: "token",
    StreamReasoning: "text",
    StreamFunctionArgumentsDelta: "delta",
}
"""The events that are pieces of a text, and where they have it."""


def backlog(events: Iterable[Event]) -> Iterator[Event]:
    """The events in order, neighbouring pieces of a text as one: it has the seq of the last, and `joined` added up."""
    for _, group in groupby(events, _whole):
        neighbours = list(group)
        yield neighbours[0] if len(neighbours) == 1 else _joined(neighbours)


def _whole(event: Event) -> object:
    """Which text it is a piece of: the kind, the call, the attempt. If of none: its seq, which no two share."""
    kind = type(event)
    return (kind, getattr(event, "index", 0), event.attempt) if kind in TEXT else event.seq


def _joined(pieces: Sequence[Event]) -> Event:
    last = pieces[-1]
    field = TEXT[type(last)]
    text = "".join([getattr(piece, field) for piece in pieces])
    return replace(last, **{field: text, "joined": sum([pieces_in(piece) for piece in pieces])})


def pieces_in(event: Event) -> int:
    """How many events as they were published it stands for."""
    return getattr(event, "joined", 1)
