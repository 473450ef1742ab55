"""A stream that logs the kind of each of its events, and never what was said: for streaming.debug_streaming.

It is a class of its own so that a stream of an agent without it has not even a question to answer on its token path.
"""

from actors.log import get_logger
from agents.core.events import Event
from agents.stream import Stream

log = get_logger("understudy.streams")


class DebugStream(Stream):
    __slots__ = ()

    def publish(self, event: Event) -> None:
        kind = event.__struct_config__.tag
        log.debug("event_published", stream_id=self.id, seq=event.seq, attempt=event.attempt, kind=kind)
        super().publish(event)
