"""The changes of a stream's waits for people, until a flush takes them."""

from agents.core.events import Event, StreamApprovalDecided, StreamApprovalRequired, StreamToolResult
from agents.core.waiting import Ruling, Waiting
from agents.sessions.side_records import WaitBegun, WaitChange, WaitDecided, WaitOver


class WaitChanges:
    """The changes of one stream. open: the numbers of what waits, as the store has them after these changes."""

    __slots__ = ("_changes", "_stream_id", "open")

    def __init__(self, stream_id: str) -> None:
        self._stream_id = stream_id
        self._changes: list[WaitChange] = []
        self.open = set[int]()

    def happened(self, event: Event) -> None:
        """Take an event that begins or ends a wait."""
        match event:
            case StreamApprovalRequired(call, deadline=deadline) if deadline is not None:
                rest = event.on_timeout, event.question, event.why
                waiting = Waiting(event.kind, call, event.at or 0.0, deadline, *rest)
                self.open.add(call.index)
                self._changes.append(WaitBegun(self._stream_id, waiting))
            case StreamApprovalDecided(call) | StreamToolResult(call) if call.index in self.open:
                self._over(call.index)

    def decided(self, number: int, ruling: Ruling) -> bool:
        """Take a decision. Return whether anything with this number waits."""
        if number in self.open:
            self._changes.append(WaitDecided(self._stream_id, number, ruling))
        return number in self.open

    def end(self) -> None:
        """Take the end of the turn."""
        for number in sorted(self.open):
            self._over(number)

    def take(self) -> list[WaitChange]:
        taken, self._changes = self._changes, []
        return taken

    def take_back(self, changes: list[WaitChange]) -> None:
        """Put back changes that were not written."""
        self._changes = changes + self._changes

    def _over(self, number: int) -> None:
        self.open.discard(number)
        self._changes.append(WaitOver(self._stream_id, number))
