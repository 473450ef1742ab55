"""The process that deletes old sessions and records, within the limits of `sessions.retention`.

A session is deleted as a whole, the one that changed least recently first. A session whose agent runs, and one with
a turn that is not over, are kept whatever their age. Charges are folded and not deleted, since budgets count them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from actors import CallFailed, NameTaken, Task
from actors.clock import unix_s
from actors.log import get_logger
from agents.agent_registry import reserved
from agents.sessions import JournalHandle, SessionError, open_journal
from agents.settings import RetentionSettings

LOOK_S: Final = 300.0
"""The pause between two looks at the store."""

LEDGER_S: Final = 3600.0
"""The pause between two looks at the ledger of effects, which read all of it."""

GROUP: Final = 20
"""The sessions of one transaction. The journal's writes wait for it."""

Look: TypeAlias = Callable[[JournalHandle, RetentionSettings], Awaitable[int]]
"""A look at the store, which returns the number of what it deleted or folded."""

log = get_logger("understudy.sessions")


class Retention(Task):
    """A look at the store at the start of the application, and then after each pause."""

    def __init__(self, limits: RetentionSettings) -> None:
        self._limits = limits

    async def run(self) -> None:
        looks: list[tuple[Look, float, str, str]] = [
            (prune, LOOK_S, "sessions_deleted", "sessions_not_deleted"),
            (fold_charges, LOOK_S, "charges_folded", "charges_not_folded"),
            (forget_effects, LEDGER_S, "effects_deleted", "effects_not_deleted"),
        ]
        due_s = dict.fromkeys((look for look, *_ in looks), 0.0)
        while True:
            now_s = asyncio.get_running_loop().time()
            for look, pause_s, *events in looks:
                if due_s[look] <= now_s:
                    due_s[look] = now_s + pause_s
                    await self._look(look, *events)
            await asyncio.sleep(LOOK_S)

    async def _look(self, look: Look, done: str, not_done: str) -> None:
        try:
            if (journal := await open_journal()) is not None and (count := await look(journal, self._limits)):
                log.info(done, count=count)
        except (CallFailed, SessionError) as failed:
            log.warning(not_done, reason=str(failed))


async def fold_charges(journal: JournalHandle, limits: RetentionSettings) -> int:
    """Fold the charges that are older than their limit, and return their number. Raises SessionError."""
    if limits.charges_max_age is None:
        return 0
    from agents.sessions.folding import fold

    before, count = _ago(limits.charges_max_age), 0
    while some := await fold(journal.store, before):
        count += some
    return count


async def forget_effects(journal: JournalHandle, limits: RetentionSettings) -> int:
    """Delete the effects whose outcome is known for longer than the limit, and return their number."""
    if limits.effects_max_age is None:
        return 0
    from agents.sessions.effects import forget

    return await forget(journal.store, _ago(limits.effects_max_age))


async def prune(journal: JournalHandle, limits: RetentionSettings) -> int:
    """Delete the sessions beyond the limits, and return their number. Raises SessionError."""
    if limits.max_age is None and limits.max_bytes is None:
        return 0
    from agents.sessions.disused import disused, total_size

    oldest = datetime.min.replace(tzinfo=UTC) if limits.max_age is None else _ago(limits.max_age)
    excess = 0 if limits.max_bytes is None else await total_size(journal.store) - limits.max_bytes
    count, last, over = 0, None, False
    while not over and (page := await disused(journal.store, last, GROUP)):
        last, chosen = page[-1], list[str]()
        with ExitStack() as reservations:
            for session in page:
                if over := excess <= 0 and session.updated_at >= oldest:
                    break
                if _reserve(session.id, reservations):
                    chosen.append(session.id)
                    excess -= session.size
            count += await _deleted(journal, chosen)
    return count


def _ago(age_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_s(), UTC) - timedelta(milliseconds=age_ms)


def _reserve(id_: str, reservations: ExitStack) -> bool:
    """Reserve the id, so that no agent starts with it, and return True. Return False if its agent runs."""
    try:
        reservations.enter_context(reserved(id_))
    except NameTaken:
        return False
    return True


async def _deleted(journal: JournalHandle, ids: list[str]) -> int:
    """Delete the sessions, whose ids are reserved, and return their number."""
    from agents.sessions import history

    if not ids:
        return 0
    await journal.durable()  # otherwise a waiting write would follow the deletion
    return await history.delete_all(journal.store, ids)
