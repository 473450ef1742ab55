"""The content of a Responses item. Source: API reference, "Create a model response", input content.

A result of a tool takes the same parts as a message. The API takes no sounds.
"""

from typing import Any

from agents.core.parts import Content, Part, TextPart
from agents.llm.embedded import as_text, data_url


def content(given: Content) -> str | list[dict[str, Any]]:
    return given if isinstance(given, str) else [_part(part) for part in given]


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "input_text", "text": part.text}
    if (text := as_text(part)) is not None:
        return {"type": "input_text", "text": text}
    if part.kind == "image":
        return {"type": "input_image", "detail": "auto", "image_url": data_url(part)}
    return {"type": "input_file", "filename": part.name or "document.pdf", "file_data": data_url(part)}
