"""The counts of all links of this OS process, for its metrics."""

from typing import Final

from msgspec import Struct


class LinkCounts(Struct):
    """The numbers since the start, in each direction. stalls: how often an event had to wait for its follower."""

    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    events_in: int = 0
    events_out: int = 0
    stalls: int = 0


COUNTS: Final = LinkCounts()
"""Only the code of links changes it, once per frame, not per event."""
