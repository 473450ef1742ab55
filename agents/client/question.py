"""The body of a request with a message."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from agents.core.text import to_json
from agents.parts.given import Media, Text


def question(message: str, stream_id: str, parts: Sequence[Text | Media] = ()) -> dict[str, Any]:
    """Return the arguments of a request with a message. Each try of the request sends its body from the begin."""
    given = {"parts": list(map(_item, parts))} if parts else {}
    body = to_json({"message": message, "stream_id": stream_id, **given})
    return {"body": body, "headers": {"content-type": "application/json"}}


def _item(part: Text | Media) -> dict[str, str]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": part.kind, "data": b64encode(part.data).decode(), "name": part.name}
