"""The media type of bytes, as their first bytes show it. A claimed type is never read.

    image   PNG, JPEG, GIF, WebP           audio   WAV, MP3
    file    PDF, and UTF-8 text without control characters, also the text of SVG and HTML, as text/plain

Source: WHATWG MIME Sniffing, sections 6.1 and 6.2; RFC 3550 and ISO 11172-3 for the header of an MP3 frame.
"""

import re
from collections.abc import Mapping
from typing import Final

from agents.core.parts import PLAIN_TEXT

KINDS: Final[Mapping[str, str]] = {
    "image/png": "image",
    "image/jpeg": "image",
    "image/gif": "image",
    "image/webp": "image",
    "audio/wav": "audio",
    "audio/mpeg": "audio",
    "application/pdf": "file",
    PLAIN_TEXT: "file",
}
"""The kind of a part by its media type."""

WORDS: Final[Mapping[str, str]] = {
    "image": "a PNG, JPEG, GIF or WebP image",
    "audio": "a WAV or MP3 sound",
    "file": "a PDF document or UTF-8 text",
}
"""The expected bytes of each kind, for errors."""

_BEGINS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def media_type_of(data: bytes) -> str | None:
    """Return the media type of the bytes; None for bytes of another format, and for no bytes."""
    for begin, media_type in _BEGINS:
        if data.startswith(begin):
            return media_type
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if _is_mp3_frame(data):
        return "audio/mpeg"
    return PLAIN_TEXT if _is_plain_text(data) else None


def _is_mp3_frame(data: bytes) -> bool:
    """Return whether the bytes begin with the header of an MP3 frame: 11 set bits, then the version, then layer III."""
    return len(data) > 2 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[1] & 0x18 != 0x08


def _is_plain_text(data: bytes) -> bool:
    if not data or _CONTROLS.search(data) is not None:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
