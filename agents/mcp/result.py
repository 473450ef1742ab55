"""A server's answer as the result of a tool: text, data, and images, sounds and files as parts."""

import binascii
from base64 import b64decode
from posixpath import basename
from typing import Any
from urllib.parse import urlsplit

from agents.extras import extra

with extra("mcp", "an MCP server"):
    from mcp_types import (
        AudioContent,
        BlobResourceContents,
        CallToolResult,
        EmbeddedResource,
        ImageContent,
        ResourceLink,
        TextContent,
        TextResourceContents,
    )

from agents.parts.given import BY_KIND, MAX_NAME_CHARS, Media
from agents.parts.media_type import KINDS, media_type_of
from agents.tools.errors import ServerRaised
from agents.tools.text import sendable


def result_of(answer: CallToolResult) -> Any:
    """Return the text of an answer; its data if it has no content; its blocks in a list if one is not text.

    Raises ServerRaised for an error.
    """
    if answer.is_error:
        raise ServerRaised("\n".join(map(_text, answer.content)) or "an error without words")
    if not answer.content and answer.structured_content is not None:
        return answer.structured_content
    blocks = [_text(block) if (media := _media(block)) is None else media for block in answer.content]
    if not any(isinstance(block, Media) for block in blocks):
        return "\n".join(map(str, blocks))
    return blocks if len(blocks) > 1 else blocks[0]


def _media(block: Any) -> Media | None:
    """Return the part of a block; None for another block, and for bytes of a format that no part has."""
    match block:
        case ImageContent(data=data) | AudioContent(data=data):
            name = ""
        case EmbeddedResource(resource=BlobResourceContents(blob=data, uri=uri)):
            name = basename(urlsplit(str(uri)).path)
        case _:
            return None
    try:
        found = media_type_of(raw := b64decode(data, validate=True))
    except binascii.Error:
        return None
    return None if found is None else BY_KIND[KINDS[found]](raw, sendable(name[:MAX_NAME_CHARS]))


def _text(block: Any) -> str:
    """Return the text of a block, or a note in place of what is not shown."""
    match block:
        case TextContent(text=text):
            return str(text)
        case EmbeddedResource(resource=TextResourceContents(text=text)):
            return str(text)
        case ImageContent() | AudioContent():
            return f"[{block.mime_type}, {len(block.data)} characters of base64, not shown]"
        case EmbeddedResource(resource=resource):
            return f"[{resource.mime_type or 'bytes'} of {resource.uri}, not shown]"
        case ResourceLink():
            return f"{block.name}: {block.uri}"
        case _:
            return f"[{type(block).__name__}, not shown]"
