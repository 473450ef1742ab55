"""The queue of group commit: the records that no flush has taken."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from agents.core.charge import Charge, Payer
from agents.sessions.errors import WriteFailed
from agents.sessions.pending import Pending, Waiter, settle
from agents.sessions.records import SessionBegun
from agents.sessions.side_records import Allowance, Charged

if TYPE_CHECKING:
    from agents.sessions.recorder import Recorder


MOST_WAITING: Final = 2000
"""Events of one stream that may wait for the store. Above this number the stream's turn ends, even during the grace."""


class Behind(Struct, frozen=True):
    """The distance between the disk and what was recorded.

    events: the number not on disk. oldest_s: how long the oldest record has waited.
    """

    events: int
    oldest_s: float


class WaitingRecords:
    """The new sessions, the charges, the recorders with records, and the callers that wait for records.

    events: the number of waiting events. charged: the number of charges and allowances so far. since_s: the arrival of
    the oldest record; None: no record waits.
    """

    __slots__ = ("callers", "charged", "charges", "events", "recorders", "sessions", "since_s")

    def __init__(self) -> None:
        self.recorders: dict[Recorder, None] = {}
        self.sessions: list[SessionBegun] = []
        self.charges: list[Charged | Allowance] = []
        self.charged = 0
        self.callers: list[tuple[str | None, Waiter]] = []
        self.events = 0
        self.since_s: float | None = None

    def __bool__(self) -> bool:
        return bool(self.recorders or self.sessions or self.charges)

    def charge(self, charge: Charge, payer: Payer) -> None:
        self.charged += 1
        self.charges.append(Charged(self.charged, payer, charge, datetime.now(UTC)))

    def allow(self, session_id: str, count: str, unit: str, amount: float) -> None:
        self.charged += 1
        self.charges.append(Allowance(self.charged, session_id, count, unit, amount, datetime.now(UTC)))

    def take(self) -> Pending:
        """Return everything that waits."""
        streams = [recorder.take() for recorder in self.recorders]
        pending = Pending(self.sessions, streams, self.callers, charges=self.charges)
        self.events, self.since_s = 0, None
        self.clear()
        return pending

    def take_back(self, pending: Pending, since_s: float | None) -> None:
        """Return the records to their recorders, since the store did not get them. since_s: as they had it."""
        self.sessions = pending.sessions + self.sessions
        self.charges = pending.charges + self.charges
        for records in pending.streams:
            records.recorder.take_back(records)
            self.events += len(records.events)
        self.recorders = dict.fromkeys(records.recorder for records in pending.streams) | self.recorders
        self.since_s = since_s

    def fail(self, failure: WriteFailed) -> None:
        """Report the failure of an earlier write for the records that wait for it."""
        settle([waiter for _, waiter in self.callers], failure)
        self.callers = []
        for recorder in list(self.recorders):
            settle(recorder.waiters, failure)
            recorder.waiters = []
            recorder.on_failure(failure)

    def fail_the_longest(self, failure: WriteFailed) -> None:
        """Fail the streams with too many waiting events, since memory is limited even during the grace."""
        for recorder in list(self.recorders):
            if recorder.waiting > MOST_WAITING:
                recorder.on_failure(failure)

    def clear(self) -> None:
        self.recorders, self.sessions, self.callers, self.charges = {}, [], [], []
