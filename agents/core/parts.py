"""The parts of a message: text, and images, audio and files, which a part names by the hash of their bytes.

A message is a str, or a tuple of parts. The bytes are not in the message: a store has them once, by their hash. So a
message, an event and a record stay small.
"""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final, TypeAlias

from msgspec import Struct


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    """A text within a message of parts."""

    text: str


class StoredPart(Struct, frozen=True, tag_field="type"):
    """Bytes in the store of parts.

    sha256: the hash of the bytes, in lower-case hexadecimal. media_type: as the first bytes show it. name: that of the
    file, or "".
    """

    kind: ClassVar[str]
    sha256: str
    media_type: str
    size_bytes: int
    name: str = ""

    def __str__(self) -> str:
        """Return the place of this part in a text: "[image: cat.png]"."""
        return f"[{self.kind}: {self.name or self.media_type}]"


class ImagePart(StoredPart, frozen=True, tag_field="type", tag="image"):
    """An image."""

    kind = "image"


class AudioPart(StoredPart, frozen=True, tag_field="type", tag="audio"):
    """A sound."""

    kind = "audio"


class FilePart(StoredPart, frozen=True, tag_field="type", tag="file"):
    """A document, or a file of text."""

    kind = "file"


MediaPart: TypeAlias = ImagePart | AudioPart | FilePart
Part: TypeAlias = TextPart | ImagePart | AudioPart | FilePart
Content: TypeAlias = str | tuple[Part, ...]

PLAIN_TEXT: Final = "text/plain"
EVERY_KIND: Final = frozenset({"image", "audio", "file"})


def text_of(content: Content) -> str:
    """Return the content as text. Another part than text becomes its place: "[image: cat.png]"."""
    if isinstance(content, str):
        return content
    return "\n".join(part.text if isinstance(part, TextPart) else str(part) for part in content)


def media_of(content: Content) -> tuple[MediaPart, ...]:
    """Return the parts of the content that are not text."""
    if isinstance(content, str):
        return ()
    return tuple(part for part in content if not isinstance(part, TextPart))


def size_of(content: Content) -> int:
    """Return the number of bytes of the parts that are not text."""
    return sum(part.size_bytes for part in media_of(content))


def hashes_in(messages: Iterable[Any]) -> Iterator[str]:
    """Yield the hash of each part of these messages that is not text, in order and with repeats."""
    for message in messages:
        if type(content := getattr(message, "content", "")) is tuple:
            yield from (part.sha256 for part in media_of(content))


def accepted(content: Content, kinds: frozenset[str]) -> Content:
    """Return the content for a model that takes only these kinds. Other parts become texts with their places.

    kinds: of image, audio and file. A file of text is sent as text, so each model takes it.
    """
    if isinstance(content, str) or kinds == EVERY_KIND:
        return content
    return tuple(part if _is_taken(part, kinds) else TextPart(f"{part} (this model can't read it)") for part in content)


def first_unaccepted(content: Content, kinds: frozenset[str]) -> MediaPart | None:
    """Return the first part that a model of these kinds can't take, or None. kinds: as in `accepted`."""
    return next((part for part in media_of(content) if not _is_taken(part, kinds)), None)


def _is_taken(part: Part, kinds: frozenset[str]) -> bool:
    return isinstance(part, TextPart) or part.media_type == PLAIN_TEXT or part.kind in kinds
