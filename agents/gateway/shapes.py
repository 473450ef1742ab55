"""Shapes of answers that are structs, for OpenAPI: by itself FastAPI knows those of pydantic's models alone."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from agents.gateway.errors import TYPES

PLACE: Final = "#/components/schemas/{name}"


class Described(FastAPI):
    """An app whose document has the shapes of these types, too."""

    shapes: Sequence[type[msgspec.Struct]] = ()

    def openapi(self) -> dict[str, Any]:
        document: dict[str, Any] = super().openapi()
        _, named = msgspec.json.schema_components(self.shapes, ref_template=PLACE)
        document["components"]["schemas"].update(named)
        return document


def answered(shape: Any, under: str | None = None, *, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """For a route's documentation: what it answers. under: the key that it stands under."""
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=PLACE)
    if under is not None:
        schema = {"type": "object", "properties": {under: schema}, "required": [under]}
    return {status: {"description": "Done.", "content": {"application/json": {"schema": schema}}}}


def refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer instead."""
    return {
        status: {"description": f'{{"error": {{"type": "{TYPES[status]}", "message": ...}}}}'} for status in statuses
    }
