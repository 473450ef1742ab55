"""The events that a subscriber missed. Neighbouring pieces of one text become one event."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from msgspec.structs import replace

from agents.core.events import Event, StreamFunctionArgumentsDelta, StreamReasoning, StreamToken

TEXT: Final[dict[type[Any], str]] = {
    StreamToken: "token",
    StreamReasoning: "text",
    StreamFunctionArgumentsDelta: "delta",
}
"""The events that carry a piece of a text, with the name of the field that has the piece."""

SAME_TEXT: Final[dict[type[Any], Callable[[Any], Any]]] = {
    StreamToken: attrgetter("attempt"),
    StreamReasoning: attrgetter("attempt"),
    StreamFunctionArgumentsDelta: attrgetter("attempt", "index"),
}
"""The fields in which two pieces of one text are equal."""


def backlog(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events in order, with neighbouring pieces of a text joined.

    A joined event has the seq of its last piece, and the sum of the pieces' `joined`.
    """
    for run in runs(events):
        yield run[0] if len(run) == 1 else _joined(run)


def runs(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Yield the events in order, with neighbouring pieces of a text in one list."""
    for kind, alike in groupby(events, type):
        if kind in TEXT:
            for _, run in groupby(alike, SAME_TEXT[kind]):
                yield list(run)
        else:
            for event in alike:
                yield [event]


def _joined(run: list[Event]) -> Event:
    """Return the pieces of one text as one event."""
    field = TEXT[type(run[0])]
    text = "".join(map(attrgetter(field), run))
    return replace(run[-1], **{field: text, "joined": sum(map(attrgetter("joined"), run))})


def pieces_in(event: Event) -> int:
    """Return the number of published events in this event."""
    return getattr(event, "joined", 1)
