"""Answers as JSON: structs are encoded as they are, without a model in between."""

from typing import Any

import msgspec
from starlette.responses import Response


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)
