"""What the journal gives to those who record."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agents.core.conversation import Conversation
from agents.sessions.group_commit import Behind, GroupCommit
from agents.sessions.recorder import OnDurable, OnFailure, Recorder
from agents.sessions.records import OpenStream, SessionBegun
from agents.settings import Durability

if TYPE_CHECKING:
    from agents.sessions.store import Store


class JournalHandle:
    """Of one journal process: when that has ended, its recorders are closed, and a new one has to be opened."""

    def __init__(self, store: "Store", durability: Durability, group: GroupCommit) -> None:
        self.store, self.durability = store, durability
        self._group = group

    @property
    def behind(self) -> Behind:
        """How far the disk is behind what was recorded."""
        return self._group.behind

    def begin_session(
        self,
        id_: str,
        name: str,
        config: dict[str, Any] | None = None,
        opening: Conversation = (),
        *,
        owner: str | None = None,
    ) -> None:
        """The session is there from now on, also if it was before; see SessionBegun. Before its first recorder."""
        self._group.begin_session(SessionBegun(id_, name, config, opening, datetime.now(UTC), owner))

    def recorder(
        self, session_id: str, stream_id: str, message: str, *, on_durable: OnDurable, on_failure: OnFailure
    ) -> Recorder:
        """Of a new stream, which answers the message."""
        recorder = Recorder(self._group, session_id, stream_id, 0, on_durable, on_failure)
        self._group.add(recorder)
        recorder.begun(message)
        return recorder

    def resumed(self, cut: OpenStream, *, on_durable: OnDurable, on_failure: OnFailure) -> Recorder:
        """Of a stream that was cut: its next event has the seq after cut.last_seq."""
        recorder = Recorder(self._group, cut.session_id, cut.stream_id, cut.last_seq, on_durable, on_failure)
        self._group.add(recorder)
        return recorder

    async def durable(self, session_id: str | None = None) -> None:
        """Everything that was recorded so far, of all sessions or of one, is on disk. Raises StoreFailed."""
        await self._group.written(session_id)

    async def check_writable(self) -> None:
        """Raises StoreFailed while turns would fail."""
        if (failure := self._group.patience.failure) is not None:
            raise failure
        await self.store.check_writable()

    def wait_no_longer(self) -> None:
        """The program ends: from now on the store has no grace."""
        self._group.patience.end()
        self.store.hurry()
