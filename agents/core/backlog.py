"""What a subscriber has missed: events, with the pieces of one text that stand side by side as one event."""

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
"""The events that are pieces of a text, and where they have it."""

WHOSE: Final[dict[type[Any], Callable[[Any], Any]]] = {
    StreamToken: attrgetter("attempt"),
    StreamReasoning: attrgetter("attempt"),
    StreamFunctionArgumentsDelta: attrgetter("attempt", "index"),
}
"""What two pieces of one text have in common."""


def backlog(events: Iterable[Event]) -> Iterator[Event]:
    """The events in order, neighbouring pieces of a text as one: it has the seq of the last, and `joined` added up."""
    for kind, alike in groupby(events, type):
        if kind in TEXT:
            for _, run in groupby(alike, WHOSE[kind]):
                yield _joined(list(run), TEXT[kind])
        else:
            yield from alike


def pieces_in(event: Event) -> int:
    """How many events as they were published it stands for."""
    return getattr(event, "joined", 1)


def _joined(run: list[Event], field: str) -> Event:
    if len(run) == 1:
        return run[0]
    text = "".join(map(attrgetter(field), run))
    return replace(run[-1], **{field: text, "joined": sum(map(attrgetter("joined"), run))})
