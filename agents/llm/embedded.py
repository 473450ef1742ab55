"""The place of bytes in the entry of a request. The bytes take the place when the entry is encoded.

So an entry stays small, however large an image is, and the encoder of a turn can compare entries quickly.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from agents.core.parts import PLAIN_TEXT, MediaPart


class Embedded(Struct, frozen=True):
    """A text of a request that holds the bytes with this hash. prefix: the text before them. decoded: as UTF-8."""

    sha256: str
    prefix: str = ""
    decoded: bool = False

    def text(self, blobs: Mapping[str, bytes]) -> str:
        """Return the text. blobs: bytes by their hash."""
        data = blobs[self.sha256]
        return self.prefix + (data.decode() if self.decoded else b64encode(data).decode())


def data_url(part: MediaPart) -> Embedded:
    """Return the bytes of the part as a data URL. Source: RFC 2397."""
    return Embedded(part.sha256, f"data:{part.media_type};base64,")


def as_text(part: MediaPart) -> Embedded | None:
    """Return a file of text with its name, as a text that any model takes; None for another part."""
    if part.media_type != PLAIN_TEXT:
        return None
    return Embedded(part.sha256, f"{part.name or 'A file'}:\n\n", decoded=True)


def hashes_of(entry: Any) -> Iterator[str]:
    """Yield the hash of each Embedded in JSON data."""
    match entry:
        case Embedded():
            yield entry.sha256
        case dict():
            for value in entry.values():
                yield from hashes_of(value)
        case list():
            for value in entry:
                yield from hashes_of(value)


def filled(entry: Any, blobs: Mapping[str, bytes]) -> Any:
    """Return JSON data with the text of each Embedded in its place. blobs: bytes by their hash."""
    match entry:
        case Embedded():
            return entry.text(blobs)
        case dict():
            return {key: filled(value, blobs) for key, value in entry.items()}
        case list():
            return [filled(value, blobs) for value in entry]
    return entry
