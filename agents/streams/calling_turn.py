"""The turn that makes calls, as its sub-agents see it."""

from msgspec import Struct

from agents.core.events import StreamSubAgent
from agents.core.turn import Past
from agents.sessions.cut import Cut
from agents.streams.stream import Stream


class CallingTurn(Struct, frozen=True):
    """The turn of a stream. cut: the known part of the turn, if a crash has cut it."""

    stream: Stream
    cut: Cut | None = None

    @property
    def stream_id(self) -> str:
        return self.stream.id

    @property
    def past(self) -> Past:
        """The present past of the turn, which has begun."""
        assert self.stream.turn is not None
        return self.stream.turn.past

    def seen(self, stream_id: str) -> int | None:
        """Return the last seq of a sub-agent's stream that the cut turn has, or 0; None for a turn that was not cut."""
        if self.cut is None:
            return None
        below = [each.event for each in self.cut.events if isinstance(each, StreamSubAgent) and len(each.path) == 1]
        return max((event.seq for event in below if event.stream_id == stream_id), default=0)
