"""The part of a cut turn that its subscribers may have seen."""

from collections.abc import Iterable

from msgspec import Struct

from agents.core.events import Event, StreamReset, StreamToken


class PublishedPart(Struct, frozen=True):
    """The part of a cut turn that subscribers may have seen: seq and attempt of its last event, and its valid text."""

    stream_id: str
    seq: int = 0
    attempt: int = 1
    content: str = ""


def log_of(stream_id: str, events: Iterable[Event]) -> PublishedPart:
    pieces: list[str] = []
    seq, attempt = 0, 1
    for event in events:
        seq, attempt = event.seq, event.attempt
        if isinstance(event, StreamToken):
            pieces.append(event.token)
        elif isinstance(event, StreamReset):
            pieces = [event.content]
    return PublishedPart(stream_id, seq, attempt, "".join(pieces))
