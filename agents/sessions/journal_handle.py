"""The journal's interface for code that records."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agents.core.charge import Charge, Payer
from agents.core.conversation import Conversation
from agents.core.parts import Content
from agents.sessions.empty_sessions import EmptySessions
from agents.sessions.group_commit import GroupCommit
from agents.sessions.recorder import OnDurable, OnFailure, Recorder
from agents.sessions.records import OpenStream, SessionBegun
from agents.sessions.waiting import Behind

if TYPE_CHECKING:
    from agents.sessions.store import Store


class JournalHandle:
    """The handle of one journal process.

    When that process ends, its recorders are closed, and the caller opens a new journal.
    """

    def __init__(self, store: "Store", group: GroupCommit) -> None:
        self.store = store
        self._group = group
        self._empty = EmptySessions(store)

    @property
    def behind(self) -> Behind:
        """Return the distance between the disk and what was recorded."""
        return self._group.behind

    def begin_session(
        self,
        id_: str,
        name: str,
        config: dict[str, Any] | None = None,
        opening: Conversation = (),
        *,
        owner: str | None = None,
        parent: tuple[str, str] | None = None,
    ) -> None:
        """Create the session, or update it if it exists (see SessionBegun). Call this before its first recorder.

        parent: of a sub-agent, the session of its caller and the id of the call that it answers.
        """
        parent_id, parent_call = parent or (None, None)
        now = datetime.now(UTC)
        begun = SessionBegun(id_, name, config, opening, now, owner, parent_id, parent_call)
        self._group.record(lambda waiting: waiting.sessions.append(begun))

    def recorder(
        self, session_id: str, stream_id: str, message: Content, *, on_durable: OnDurable, on_failure: OnFailure
    ) -> Recorder:
        """Return the recorder of a new stream, which answers the message."""
        recorder = Recorder(self._group, session_id, stream_id, 0, on_durable, on_failure)
        self._group.add(recorder)
        recorder.begun(message)
        return recorder

    def resumed(self, cut: OpenStream, *, on_durable: OnDurable, on_failure: OnFailure) -> Recorder:
        """Return the recorder of a stream that was cut. Its next event has the seq after cut.last_seq."""
        recorder = Recorder(self._group, cut.session_id, cut.stream_id, cut.last_seq, on_durable, on_failure)
        self._group.add(recorder)
        return recorder

    @property
    def charged(self) -> int:
        """The number of the last charge or allowance."""
        return self._group.waiting.charged

    def charge(self, charge: Charge, payer: Payer) -> None:
        """Record a charge. The other records of the same step go to disk with it."""
        self._group.record(lambda waiting: waiting.charge(charge, payer))

    def allow(self, session_id: str, count: str, unit: str, amount: float) -> None:
        """Record an allowance, as in Allowance."""
        self._group.record(lambda waiting: waiting.allow(session_id, count, unit, amount))

    async def durable(self, session_id: str | None = None) -> None:
        """Wait until everything recorded so far, of all sessions or of one, is on disk. Raises WriteFailed."""
        await self._group.written(session_id)

    async def is_empty(self, session_id: str) -> bool:
        """Return whether the session exists without a message and an open stream. Raises StoreUnavailable.

        Callers that ask at the same time share one read, as when many agents start.
        """
        return await self._empty.has(session_id)

    async def check_writable(self) -> None:
        """Raise WriteFailed if a turn would fail now."""
        if (failure := self._group.patience.failure) is not None:
            raise failure
        await self.store.check_writable()

    def wait_no_longer(self) -> None:
        """End the store's grace, because the program ends."""
        self._group.patience.end()
        self.store.hurry()
