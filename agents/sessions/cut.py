"""A turn that was cut, because its program ended."""

from msgspec import Struct

from agents.core.checkpoint import TurnCheckpoint
from agents.core.events import Event
from agents.core.parts import Content
from agents.core.published import PublishedPart
from agents.core.waiting import KeptWait
from agents.sessions.recorder import Recorder


class Cut(Struct, frozen=True):
    """A turn that a crash cut while it ran or waited.

    events: the stream's events that are on disk. log: the stream's position that subscribers may have seen.
    recorder: the stream's recorder, which continues.
    recoveries: how often the turn was resumed since it last got further, including this time.
    takeovers: as in OpenStream. abandoned: it is the turn of a sub-agent, whose caller does not wait for it any more.
    parked: as in OpenStream. waits: what waits for people in the turn, with rulings on which it has not acted.
    """

    stream_id: str
    message: Content
    saved: TurnCheckpoint
    events: tuple[Event, ...]
    log: PublishedPart
    recorder: Recorder
    recoveries: int = 0
    takeovers: int = 0
    abandoned: bool = False
    parked: bool = False
    waits: tuple[KeptWait, ...] = ()

    @property
    def begun(self) -> bool:
        """Return True if a subscriber may have seen an event of the turn."""
        return self.log.seq > 0
