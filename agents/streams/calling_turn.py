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

    def seen(self) -> dict[str, int] | None:
        """Return the last seq of each sub-agent's stream that the cut turn has; None for a turn that was not cut."""
        if self.cut is None:
            return None
        return {each.event.stream_id: each.event.seq for each in self.cut.events if isinstance(each, StreamSubAgent)}
