"""Answers as JSON: structs are encoded as they are, without a model in between."""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from agents.gateway.shapes import refused

REFUSALS: Final = refused(401, 403, 404, 422)
"""What every route may answer instead, for its documentation."""


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)
