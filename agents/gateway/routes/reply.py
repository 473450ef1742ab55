"""Answers as JSON: structs are encoded as they are, without a model in between."""

from typing import Any

from starlette.responses import Response

from agents.core.text import to_json


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return to_json(content)
