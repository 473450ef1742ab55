"""Structs made from a table of names, so that the table stays the only place of the names."""

from functools import reduce
from operator import or_
from typing import Any

from msgspec import Struct, defstruct


def tagged(name: str, suffix: str, tag_field: str, *fields: tuple[str, Any]) -> type[Struct]:
    """tagged("tool_result", "Event", "event", ...) is ToolResultEvent, with "tool_result" as its `event`."""
    title = "".join(part.capitalize() for part in name.split("_"))
    return defstruct(title + suffix, fields, frozen=True, tag_field=tag_field, tag=name)


def union(*members: Any) -> Any:
    return reduce(or_, members)
