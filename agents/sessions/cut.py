"""A turn that the end of its program cut."""

from msgspec import Struct

from agents.core.checkpoint import Checkpoint, Log
from agents.core.events import Event
from agents.sessions.recorder import Recorder


class Cut(Struct, frozen=True):
    """A turn that a crash cut, or that waited for its turn.

    events: of its stream that are on disk. log: what may have been seen of it. recorder: of the stream, which goes on.
    recoveries: how often it was taken up again since it last got further, this time included.
    """

    stream_id: str
    message: str
    saved: Checkpoint
    events: tuple[Event, ...]
    log: Log
    recorder: Recorder
    recoveries: int = 0

    @property
    def begun(self) -> bool:
        """Somebody may have seen an event of it."""
        return self.log.seq > 0
