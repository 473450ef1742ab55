"""An event of a stream on a link: JSON, as in the store. So a follower gets the same value from a link and from disk.

An event above MAX_EVENT is not sent. The follower gets Stored in its place, and reads the event from the store.
"""

from typing import Final, TypeAlias

from msgspec import Struct

from agents.cluster.packing import Packing
from agents.core.events import Event

MAX_EVENT: Final = 512 * 2**10


class Stored(Struct, frozen=True, tag_field="type", tag="stored"):
    """An event that only the store has."""

    stream_id: str
    seq: int


Carried: TypeAlias = Event | Stored

EVENTS: Final[Packing[Carried]] = Packing(Carried)


def packed(event: Event) -> bytes:
    """Return the event's bytes, or those of Stored. Raises what msgspec raises for a value that is not data."""
    made = EVENTS.packed(event)
    return made if len(made) <= MAX_EVENT else EVENTS.packed(Stored(event.stream_id, event.seq))
