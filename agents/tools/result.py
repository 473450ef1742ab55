"""The result of a tool: as plain JSON data, and as the text that the model reads.

An image, a sound or a file in a result is not JSON data. Its place in the data is a text, and it comes beside the data.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from agents.tools.errors import InvalidData
from agents.tools.plain import beginning
from agents.tools.text import cut

MAX_RESULT_BYTES: Final = 1024 * 1024
MOST_KEPT_BYTES: Final = 16 * 1024 * 1024
"""The most that a result may have which an agent puts aside. A worker process sends it in one piece."""

MAX_PARTS_BYTES: Final = 16 * 1024 * 1024
MAX_PARTS: Final = 100
"""The most that a result may have. The settings may allow less."""


class WithMedia(Struct, frozen=True):
    """A result with images, sounds or files. value: the JSON data. media: of the kind agents.parts.given.Media."""

    value: Any
    media: tuple[Any, ...]


def returned(value: Any, limit_bytes: int) -> Any:
    """Return the value as `bounded` does; a value with images, sounds or files as WithMedia. Raises InvalidData."""
    media: list[Any] = []
    data = bounded(value, limit_bytes, media)
    size = sum(len(each.data) for each in media)
    if len(media) > MAX_PARTS or size > MAX_PARTS_BYTES:
        most = f"at most {MAX_PARTS} images, sounds and files of {MAX_PARTS_BYTES} bytes in all"
        raise InvalidData(f"expected {most} in a result, got {len(media)} of {size} bytes")
    return WithMedia(data, tuple(media)) if media else data


def bounded(value: Any, limit_bytes: int = MAX_RESULT_BYTES, media: list[Any] | None = None) -> Any:
    """Return the value as JSON data within the limit, else its text, cut. Raises InvalidData as `plain` does.

    media: gets the images, sounds and files in the value.
    """
    built, whole = beginning(value, max(MAX_RESULT_BYTES, limit_bytes), media)
    text = result_text(built)
    fits = whole and (len(text) * 4 <= limit_bytes or len(text.encode()) <= limit_bytes)
    return built if fits else cut(text, limit_bytes, whole=whole)


def result_text(value: Any) -> str:
    """Return the text that the model reads: a string unchanged, any other data as compact JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
