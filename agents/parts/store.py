"""The port to the bytes of an agent's parts, and the store in memory of an agent whose session is not kept."""

from collections.abc import Collection
from typing import Protocol

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


class MemoryParts:
    """Bytes in memory, as long as the agent."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    async def put(self, blobs: Blobs) -> None:
        self._blobs.update(blobs)

    async def get(self, hashes: Collection[str]) -> Blobs:
        if missing := next((key for key in hashes if key not in self._blobs), None):
            raise UnknownPart(f"this session has no part {missing}")
        return {key: self._blobs[key] for key in hashes}
