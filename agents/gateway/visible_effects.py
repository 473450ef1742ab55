"""The ledger of effects, as a caller can see it and settle it."""

from datetime import datetime
from typing import Final

from agents import agent
from agents.contract.effects import EffectInfo, EffectSettled
from agents.contract.stored import effect_info
from agents.core.ledger import EffectState
from agents.core.outcome import Outcome
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.visible_sessions import VisibleSessions
from agents.sessions import JournalHandle, StreamStatus, UnknownEffect, open_journal
from agents.settings import Scope

NOT_KEPT: Final = "expected sessions in a store, got sessions in memory: set sessions.durability"


class VisibleEffects:
    """The effects of the caller's user, or all effects for a caller with the scope admin."""

    def __init__(self, sessions: VisibleSessions, caller: Caller) -> None:
        self._sessions, self._caller = sessions, caller

    async def page(
        self,
        state: str | None,
        session_id: str | None,
        since: datetime | None,
        after: str | None,
        limit: int,
    ) -> list[EffectInfo]:
        """Return a page of effects, the newest first. Without a store there are none."""
        from agents.sessions.effects import Chosen, effects  # loads a library that a program without a store lacks

        if (journal := await open_journal()) is None:
            return []
        owner = None if self._caller.may(Scope.ADMIN) else self._caller.user
        chosen = Chosen(
            state=None if state is None else EffectState(state), session_id=session_id, owner=owner, since=since
        )
        return [effect_info(each) for each in await effects(journal.store, chosen, after, limit)]

    async def settle(self, key: str, outcome: Outcome, note: str | None) -> EffectSettled:
        """Record the outcome of a call whose outcome is not known. A turn that waits for that goes on.

        The record comes first: a turn that is continued later reads it. Raises UnknownEffect, OutcomeKnown, Refusal.
        """
        from agents.sessions.effects import effect, settle

        if (journal := await open_journal()) is None:
            raise Refusal(409, NOT_KEPT, "not_kept")
        found = await effect(journal.store, key)
        if found is None or not (self._caller.may(Scope.ADMIN) or found.owner == self._caller.user):
            raise UnknownEffect(key)
        settled = await settle(journal.store, key, outcome, by=self._caller.user or self._caller.name, note=note)
        continued = await self._continue(journal, settled.session_id, settled.stream_id, key, outcome)
        return EffectSettled(effect_info(settled), continued)

    async def _continue(
        self, journal: JournalHandle, session_id: str, stream_id: str, key: str, outcome: Outcome
    ) -> bool:
        stream = await journal.store.stream(stream_id)
        if stream is None or stream.status is not StreamStatus.OPEN:
            return False
        parked = bool(await journal.store.parked([session_id]))
        pid = await self._sessions.wake(session_id, counted=False)  # a parked turn reads the record when it goes on
        return pid is not None and (await agent.settle(pid, key, outcome) or parked)
