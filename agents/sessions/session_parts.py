"""The bytes of one session's images, sounds and files, in the store of sessions."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from agents.parts.given import NO_BLOBS, Blobs
from agents.parts.store import UnknownPart
from agents.sessions.errors import JournalEnded
from agents.sessions.journal import open_journal

if TYPE_CHECKING:
    from agents.sessions.store import Store


class SessionParts:
    """A PartStore for a kept session. The journal may be restarted between two uses."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id

    async def put(self, blobs: Blobs) -> None:
        if blobs:
            await (await _store()).put_parts(self._session_id, blobs)

    async def put_result(self, key: str, data: bytes) -> None:
        await self.put({key: data})

    async def get(self, hashes: Collection[str]) -> Blobs:
        """Return the bytes of these hashes. Raises UnknownPart for one that another session has."""
        if not hashes:
            return NO_BLOBS
        store = await _store()
        used = await store.parts_used(self._session_id)
        if missing := next((key for key in hashes if key not in used), None):
            raise UnknownPart(f"this session has no part {missing[:80]}")
        return await store.parts(hashes)


async def _store() -> "Store":
    journal = await open_journal()
    if journal is None:
        raise JournalEnded("the journal has ended")
    return journal.store
