"""Structs made from a table of names, so that only the table has the names."""

from functools import reduce
from operator import or_
from typing import Any

from msgspec import Struct, defstruct


def tagged(name: str, suffix: str, tag_field: str, *fields: tuple[str, Any]) -> type[Struct]:
    """Return a struct: tagged("tool_result", "Event", "event", ...) is ToolResultEvent, with the tag "tool_result"."""
    title = "".join(part.capitalize() for part in name.split("_"))
    return defstruct(title + suffix, fields, frozen=True, tag_field=tag_field, tag=name)


def union(*members: Any) -> Any:
    return reduce(or_, members)
