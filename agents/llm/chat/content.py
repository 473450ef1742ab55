"""The content of a Chat Completions message. Source: API reference, "Create chat completion", content parts.

The API takes only text as the result of a tool. So the images, sounds and files of results follow all results of their
model call, as one message of the user that names the calls.
"""

from collections.abc import Sequence
from typing import Any, Final

from agents.core.conversation import ToolMessage
from agents.core.parts import Content, MediaPart, Part, TextPart, media_of
from agents.llm.embedded import Embedded, as_text, data_url

RESULTS: Final = "The content of tool results:"
"""The begin of the message with the parts of results."""

_FORMATS: Final = {"audio/wav": "wav", "audio/mpeg": "mp3"}


def content(given: Content) -> str | list[dict[str, Any]]:
    return given if isinstance(given, str) else [_part(part) for part in given]


def result_text(result: ToolMessage) -> str:
    """Return the texts of a result. The tool's own text has the places of its other parts."""
    if isinstance(result.content, str):
        return result.content
    return "\n".join(part.text for part in result.content if isinstance(part, TextPart))


def parts_of_results(results: Sequence[ToolMessage]) -> dict[str, Any] | None:
    """Return the message with the parts of these results that are not text; None if they have none."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": RESULTS}]
    for result in results:
        if media := media_of(result.content):
            parts.append({"type": "text", "text": f"{result.name} ({result.tool_call_id}):"})
            parts += map(_part, media)
    return {"role": "user", "content": parts} if len(parts) > 1 else None


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if (text := as_text(part)) is not None:
        return {"type": "text", "text": text}
    return _media(part)


def _media(part: MediaPart) -> dict[str, Any]:
    match part.kind:
        case "image":
            return {"type": "image_url", "image_url": {"url": data_url(part)}}
        case "audio":
            sound = {"data": Embedded(part.sha256), "format": _FORMATS[part.media_type]}
            return {"type": "input_audio", "input_audio": sound}
        case _:
            return {"type": "file", "file": {"filename": part.name or "document.pdf", "file_data": data_url(part)}}
