"""The process that deletes old sessions, within the limits of `sessions.retention`.

A session is deleted as a whole, the one first that changed before all others. A session whose agent runs, and one with
a turn that is not over, are kept whatever their age.
"""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Final

from actors import CallFailed, NameTaken, Task
from actors.clock import unix_s
from actors.log import get_logger
from agents.agent_registry import reserved
from agents.sessions import JournalHandle, SessionError, open_journal
from agents.settings import RetentionSettings

LOOK_S: Final = 300.0
"""The pause between two looks at the store."""

GROUP: Final = 20
"""The sessions of one transaction. The journal's writes wait for it."""

log = get_logger("understudy.sessions")


class Retention(Task):
    """A look at the store at the start of the application, and then after each pause."""

    def __init__(self, limits: RetentionSettings) -> None:
        self._limits = limits

    async def run(self) -> None:
        while True:
            try:
                if (journal := await open_journal()) is not None and (count := await prune(journal, self._limits)):
                    log.info("sessions_deleted", count=count)
            except (CallFailed, SessionError) as failed:
                log.warning("sessions_not_deleted", reason=str(failed))
            await asyncio.sleep(LOOK_S)


async def prune(journal: JournalHandle, limits: RetentionSettings) -> int:
    """Delete the sessions beyond the limits, and return their number. Raises SessionError."""
    from agents.sessions.disused import disused, total_size

    oldest = _oldest(limits)
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


def _oldest(limits: RetentionSettings) -> datetime:
    """Return the time of the last change that a session must have at least."""
    if limits.max_age is None:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromtimestamp(unix_s(), UTC) - timedelta(milliseconds=limits.max_age)


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
