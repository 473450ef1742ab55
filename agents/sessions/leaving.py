"""The records that a flush is writing, and that are not known to be on disk."""

from typing import TYPE_CHECKING

from agents.sessions.pending import Pending, Records
from agents.sessions.waiting import WaitingRecords

if TYPE_CHECKING:
    from agents.sessions.recorder import Recorder


class LeavingRecords:
    """The records of the flush that runs, or of the unsure write.

    unsure: a failed write whose outcome is unknown, also while it is in flight. since_s: the arrival of the oldest
    record.
    """

    __slots__ = ("in_flight", "since_s", "unsure")

    def __init__(self) -> None:
        self.in_flight: Pending | None = None
        self.unsure: Pending | None = None
        self.since_s: float | None = None

    @property
    def pending(self) -> Pending | None:
        return self.unsure if self.in_flight is None else self.in_flight

    @property
    def events(self) -> int:
        return 0 if self.pending is None else sum(len(records.events) for records in self.pending.streams)

    def of(self, recorder: "Recorder") -> Records | None:
        """Return the records of one recorder."""
        streams = [] if self.pending is None else self.pending.streams
        return next((each for each in streams if each.recorder is recorder), None)

    def begin(self, waiting: WaitingRecords) -> Pending:
        """Return the records of the next flush: the unsure write if there is one, else all records that wait."""
        if self.unsure is not None:
            self.in_flight = self.unsure
            return self.unsure
        self.since_s = waiting.since_s
        self.in_flight = waiting.take()
        return self.in_flight

    def clear(self) -> Pending | None:
        """Forget the records, and return them."""
        pending = self.pending
        self.in_flight = self.unsure = None
        return pending
