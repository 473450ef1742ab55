"""Whether a session is empty, for many callers in one read.

The session of an agent that starts is often new. One read for all agents that start then saves three reads for each: of
the messages, of the session, and of the open streams.
"""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.sessions.store import Store


class EmptySessions:
    """The callers that wait for the next read. Reads follow each other, so a read serves all that came meanwhile."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._ids: set[str] = set()
        self._next: asyncio.Task[set[str]] | None = None
        self._one_read = asyncio.Lock()

    async def has(self, session_id: str) -> bool:
        """Return whether the session exists and is empty. The read begins after this call. Raises StoreUnavailable."""
        self._ids.add(session_id)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._read())
        return session_id in await asyncio.shield(self._next)

    async def _read(self) -> set[str]:
        async with self._one_read:
            ids, self._ids, self._next = self._ids, set(), None
            return await self._store.empty_sessions(ids)
