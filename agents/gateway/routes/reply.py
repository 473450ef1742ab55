"""Answers as JSON: structs are encoded as they are, without a model in between."""

from typing import Any

import msgspec
from starlette.responses import Response

from agents.gateway.errors import TYPES

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": f'{{"error": {{"type": "{TYPES[status]}", "message": ...}}}}'}
    for status in (401, 403, 404, 422)
}
"""What every route may answer instead, for its documentation."""


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)
