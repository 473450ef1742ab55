"""The bytes of one session's images, sounds and files, in the store of sessions."""

from collections.abc import Collection

from agents.parts.given import NO_BLOBS, Blobs
from agents.sessions.errors import JournalEnded
from agents.sessions.journal import open_journal
from agents.sessions.journal_handle import JournalHandle


class SessionParts:
    """A PartStore for a kept session. The journal may be restarted between two uses."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id

    async def put(self, blobs: Blobs) -> None:
        if blobs:
            await (await _journal()).store.put_parts(self._session_id, blobs)

    async def get(self, hashes: Collection[str]) -> Blobs:
        return await (await _journal()).store.parts(hashes) if hashes else NO_BLOBS


async def _journal() -> JournalHandle:
    journal = await open_journal()
    if journal is None:
        raise JournalEnded("the journal has ended")
    return journal
