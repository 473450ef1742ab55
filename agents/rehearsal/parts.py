"""The images, sounds and files of a request. Parts that OpenAI refuses are refused.

chat         {"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}}, input_audio, file
responses    {"type": "input_image", "image_url": "data:..."}, input_file
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from agents.rehearsal.errors import ErrorResponse

RESULTS: Final = "The content of tool results:"
"""The begin of a user's message that continues the results of tools, since a Chat result has only text."""


@dataclass(frozen=True)
class SeenPart:
    """A part that the model sees. `str()` is one line: "image/png 68 bytes 0a1b2c3d"."""

    media_type: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.media_type} {len(self.data)} bytes {sha256(self.data).hexdigest()[:8]}"


def parts_in(content: object, param: str) -> Iterator[SeenPart]:
    """Yield the parts of a message's content. Raises ErrorResponse."""
    for part in content if isinstance(content, list) else ():
        match part:
            case {"type": "text" | "input_text" | "output_text", "text": str()}:
                pass
            case {"type": "image_url", "image_url": {"url": str(url)}} | {"type": "input_image", "image_url": str(url)}:
                yield _of_url(url, "image/", param)
            case {"type": "input_audio", "input_audio": {"data": str(data), "format": "wav" | "mp3" as form}}:
                yield SeenPart({"wav": "audio/wav", "mp3": "audio/mpeg"}[form], _decoded(data, param))
            case {"type": "file", "file": {"filename": str(), "file_data": str(url)}} | {
                "type": "input_file",
                "filename": str(),
                "file_data": str(url),
            }:
                yield _of_url(url, "application/pdf", param)
            case _:
                kind = part.get("type") if isinstance(part, dict) else part
                raise ErrorResponse(400, f"Invalid '{param}': unknown or incomplete content part {kind!r}", param=param)


def continues_results(content: object) -> bool:
    """Return whether the user's message has the parts of results."""
    match content:
        case [{"text": str(text)}, *_]:
            return text == RESULTS
    return False


def _of_url(url: str, begin: str, param: str) -> SeenPart:
    head, comma, data = url.partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    if not comma or head != f"data:{media_type};base64" or not media_type.startswith(begin):
        expected = f"data:{begin};base64,..."
        raise ErrorResponse(400, f"Invalid '{param}': expected {expected}, got {head[:60]!r}", param=param)
    return SeenPart(media_type, _decoded(data, param))


def _decoded(data: str, param: str) -> bytes:
    try:
        return b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ErrorResponse(400, f"Invalid '{param}': expected base64 in a content part", param=param) from None


def lines_of(parts: tuple[Any, ...]) -> str:
    """Return one line for each part; "nothing" without parts."""
    return "\n".join(map(str, parts)) or "nothing"
