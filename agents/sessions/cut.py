"""A turn that was cut, because its program ended."""

from msgspec import Struct

from agents.core.checkpoint import TurnCheckpoint
from agents.core.events import Event
from agents.core.ledger import EffectState, call_key
from agents.core.outcome import Outcome
from agents.core.parts import Content
from agents.core.published import PublishedPart
from agents.core.waiting import KeptWait
from agents.sessions.recorder import Recorder
from agents.sessions.side_records import EffectRecord


class Cut(Struct, frozen=True):
    """A turn that a crash cut while it ran or waited.

    events: the stream's events that are on disk. log: the stream's position that subscribers may have seen.
    recorder: the stream's recorder, which continues.
    recoveries: how often the turn was resumed since it last got further, including this time.
    takeovers: as in OpenStream. abandoned: it is the turn of a sub-agent, whose caller does not wait for it any more.
    parked: as in OpenStream. waits: what waits for people in the turn, with rulings on which it has not acted.
    effects: its calls in the ledger of effects.
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
    effects: tuple[EffectRecord, ...] = ()

    def settled(self, index: int) -> Outcome | None:
        """Return what a person has said of the last run of the call with this index; None if nobody has.

        A call that has begun again since is begun, or unknown.
        """
        said = (each for each in self.effects if each.state in (EffectState.DONE, EffectState.FAILED))
        return next((each.outcome for each in said if each.key == self._key(index)), None)

    def attempts(self, index: int) -> int:
        """Return how often the running call with this index was begun, by the ledger of effects."""
        return next((each.attempt for each in self.effects if each.key == self._key(index)), 0)

    def _key(self, index: int) -> str:
        return call_key(self.recorder.session_id, self.stream_id, self.saved.spent.model_calls, index)

    @property
    def begun(self) -> bool:
        """Return True if a subscriber may have seen an event of the turn."""
        return self.log.seq > 0
