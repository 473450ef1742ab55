"""The fields that all events of a stream have."""

from msgspec import Struct


class StreamEvent(Struct, frozen=True, kw_only=True, tag_field="type"):
    """The fields of all events.

    stream_id: the turn's stream. seq: 1, 2, 3 ... attempt: rises with each StreamReset. at: Unix seconds, with
    microseconds; None in events that an older version stored. Within one attempt, `at` never decreases, with one
    exception: a StreamToolStart of an eager call has the earlier time at which the call began.
    """

    stream_id: str = ""
    seq: int = 0
    attempt: int = 1
    at: float | None = None
