"""The largest body of each request. A message may have images, sounds and files besides its text."""

import re
from typing import Final, Self

from msgspec import Struct

from agents.settings import Settings

MESSAGES: Final = re.compile(
    r"/agents/[^/]+/(chat|stream)|/streams/[^/]+/steer|/stream|/api/agent/chat/stream"
).fullmatch
"""The routes whose bodies have a message with parts."""
PART_BYTES: Final = 512  # of a part besides its data: its type and its name


class BodyLimits(Struct, frozen=True):
    """The limits in bytes. most: of any body. parts: the further room for the parts of a message, in base64."""

    most: int
    parts: int

    @classmethod
    def by(cls, settings: Settings) -> Self:
        parts = settings.parts
        return cls(settings.gateway.max_body_bytes, parts.max_message_bytes * 4 // 3 + parts.max_count * PART_BYTES)

    def of(self, method: str, route: str) -> int:
        """Return the limit for a request."""
        return self.most + self.parts if method == "POST" and MESSAGES(route) else self.most
