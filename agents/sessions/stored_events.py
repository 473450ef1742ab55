"""The rows of a stream's events, which are in two tables: the packed events, and the tail."""

from typing import Any

from sqlalchemy import CompoundSelect, select, union_all

from agents.core.events import Event, StreamError
from agents.sessions.tables import EVENTS, STREAMS, TAIL


def rows_of_stream(stream_id: str, after: int, limit: int | None) -> CompoundSelect[Any]:
    """Return the query of a stream's rows with seqs from after + 1 to after + limit, in one snapshot of both tables."""
    numbers = select(STREAMS.c.number).where(STREAMS.c.id == stream_id)
    of_stream = ((EVENTS, EVENTS.c.stream_id == stream_id), (TAIL, TAIL.c.number == numbers.scalar_subquery()))
    halves = []
    for table, chosen in of_stream:
        half = select(table.c.first_seq, table.c.last_seq, table.c.payload).where(chosen, table.c.last_seq > after)
        halves.append(half if limit is None else half.where(table.c.first_seq <= after + limit))
    return union_all(*halves).order_by("first_seq")


def has_gap(event: Event, later: Event) -> bool:
    """Return whether events are missing between two events that a store may not lack."""
    missing = later.seq != event.seq + 1 and later.attempt == event.attempt
    return missing and not isinstance(later, StreamError)
