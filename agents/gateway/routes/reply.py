"""Answers as JSON: structs are encoded as they are, without a model in between."""

from typing import Any, Final

from starlette.responses import Response

from agents.core.text import to_json
from agents.gateway.shapes import refused

REFUSALS: Final = refused(401, 403, 404, 422)
"""What every route may answer instead, for its documentation."""


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return to_json(content)
