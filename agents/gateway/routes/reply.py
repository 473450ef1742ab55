"""Answers as JSON. msgspec encodes structs directly, without a pydantic model."""

from typing import Any

from starlette.responses import Response

from agents.core.text import to_json


class Json(Response):
    """A response with a JSON body."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return to_json(content)
