"""An event of a stream on a link: JSON, as in the store. So a follower gets the same value from a link and from disk.

An event above MAX_EVENT is not sent. The follower gets Stored in its place, and reads the event from the store.
"""

import json
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from agents.core.events import Event
from agents.sessions.payload import encoded

MAX_EVENT: Final = 512 * 2**10


class Stored(Struct, frozen=True, tag_field="type", tag="stored"):
    """An event that only the store has."""

    stream_id: str
    seq: int


Carried: TypeAlias = Event | Stored

_CARRIED: Final[msgspec.json.Decoder[Carried]] = msgspec.json.Decoder(Carried)


def packed(event: Event) -> bytes:
    """Return the event's bytes, or those of Stored. Raises what msgspec raises for a value that is not data."""
    made = encoded(event)
    return made if len(made) <= MAX_EVENT else encoded(Stored(event.stream_id, event.seq))


def unpacked(received: bytes) -> Carried | None:
    """Return the event, or None for a kind that this version does not know."""
    try:
        return _CARRIED.decode(received)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _with_lone_surrogates(received)


def _with_lone_surrogates(received: bytes) -> Carried | None:
    """Decode text that UTF-8 lacks: msgspec does not read it."""
    try:
        value: Any = msgspec.convert(json.loads(received), Carried)
    except (ValueError, RecursionError):
        return None
    carried: Carried = value
    return carried
