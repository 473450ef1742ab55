"""Streams that log the kind of each event, and never its text. The setting: streaming.debug_streaming.

These are separate classes, so that the token path of other streams needs no check.
"""

from actors.log import get_logger
from agents.core.events import Event
from agents.streams.kept import KeptStream
from agents.streams.stream import Stream

log = get_logger("understudy.streams")


class DebugStream(Stream):
    __slots__ = ()

    def publish(self, event: Event) -> None:
        _log(self, event)
        super().publish(event)


class DebugKeptStream(KeptStream):
    __slots__ = ()

    def publish(self, event: Event) -> None:
        _log(self, event)
        super().publish(event)


def _log(stream: Stream, event: Event) -> None:
    kind = event.__struct_config__.tag
    log.info("event_published", stream_id=stream.id, seq=event.seq, attempt=event.attempt, kind=kind)
