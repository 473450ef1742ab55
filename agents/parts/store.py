"""The port to the bytes of an agent's parts, and the store in memory of an agent whose session is not kept."""

from collections.abc import Collection
from typing import Final, Protocol

from agents.parts.given import Blobs


class NotKept(Exception):
    """The parts of a tool's result can't be kept. The text is for the model."""


class UnknownPart(LookupError):
    """A message names bytes that its session does not have."""


class PartStore(Protocol):
    """The bytes of one session's parts, by their hash. Both methods may raise SessionError."""

    async def put(self, blobs: Blobs) -> None:
        """Keep the bytes as long as the session. Bytes that it has already are not kept twice."""

    async def get(self, hashes: Collection[str]) -> Blobs:
        """Return the bytes of these hashes. Raises UnknownPart."""

    async def put_result(self, key: str, data: bytes) -> None:
        """Keep the whole text of a large result by its hash."""


MOST_RESULT_BYTES: Final = 64 * 1024 * 1024


class MemoryParts:
    """Bytes in memory, as long as the agent. Large results have a limit: beyond it the oldest ones are dropped."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._results: dict[str, bytes] = {}

    async def put(self, blobs: Blobs) -> None:
        self._blobs.update(blobs)

    async def get(self, hashes: Collection[str]) -> Blobs:
        kept = {key: data for key in hashes if (data := self._blobs.get(key, self._results.get(key))) is not None}
        if missing := next((key for key in hashes if key not in kept), None):
            raise UnknownPart(f"this session has no part {missing}")
        return kept

    async def put_result(self, key: str, data: bytes) -> None:
        self._results.pop(key, None)
        self._results[key] = data
        while sum(map(len, self._results.values())) > MOST_RESULT_BYTES:
            del self._results[next(iter(self._results))]
