"""The limits of a message's parts, and the check of a message against them."""

from msgspec import Struct

from agents.core.parts import Content, first_unaccepted, media_of


class PartLimits(Struct, frozen=True):
    """The limits of the parts of one message, or of one tool's result. Texts do not count.

    part_bytes: of one part. message_bytes: of all parts. count: number of parts. types: the accepted media types.
    """

    part_bytes: int
    message_bytes: int
    count: int
    types: frozenset[str]

    def fault(self, content: Content) -> str | None:
        """Return the first broken limit in words, or None."""
        media = media_of(content)
        if len(media) > self.count:
            return f"expected at most {self.count} parts that are not text, got {len(media)}"
        for part in media:
            if part.media_type not in self.types:
                return f"expected one of {', '.join(sorted(self.types))}, got {part.media_type}"
            if part.size_bytes > self.part_bytes:
                return f"expected a part of at most {self.part_bytes} bytes, got {part.size_bytes}"
        total = sum(part.size_bytes for part in media)
        over = total > self.message_bytes
        return f"expected parts of at most {self.message_bytes} bytes in all, got {total}" if over else None


def unreadable(content: Content, model: str, kinds: frozenset[str]) -> str | None:
    """Return why this model can't take the content, or None. kinds: those that it takes."""
    part = first_unaccepted(content, kinds)
    if part is None:
        return None
    takes = ", ".join(["text", *sorted(kinds)])
    return f"{model} takes {takes}, got {part.kind} ({part.media_type})"
