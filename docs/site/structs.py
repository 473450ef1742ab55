"""Structs as Markdown: a section with the docstring and a table of the fields."""

import re
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin

import msgspec

from docs.site.markdown import code, prose, table

MODULE = re.compile(r"\b(?:\w+\.)+(?=\w)")


def section(struct: type[msgspec.Struct], depth: int = 2, without: frozenset[str] = frozenset()) -> str:
    """Return the section of a struct. without: inherited fields that another section has."""
    fields = [field for field in msgspec.structs.fields(struct) if field.name not in without]
    rows = [(code(field.name), code(shown_type(field.type)), default_of(field)) for field in fields]
    parts = [f"{'#' * depth} {struct.__name__}", prose(struct)]
    if rows:
        parts.append(table(("field", "type", "default"), rows))
    return "\n\n".join(parts)


def tag_of(struct: type[msgspec.Struct]) -> str:
    """Return the value of `type` in a struct's JSON."""
    return str(struct.__struct_config__.tag)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """Return the default of a field as code; nothing for a field that is always given."""
    if field.default is not msgspec.NODEFAULT:
        return code("..." if isinstance(field.default, msgspec.Struct) else repr(field.default))
    return "" if field.default_factory is msgspec.NODEFAULT else code(f"{field.default_factory.__name__}()")


def shown_type(annotation: Any) -> str:
    """Return a type as a program writes it, without the names of modules."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__name__
    return MODULE.sub("", str(annotation)) if annotation is not Any else "Any"


def structs_in(annotation: Any) -> list[type[Any]]:
    """Return the structs and enums in a type, in order: those of `tuple[ToolCall, ...]` are [ToolCall]."""
    if get_origin(annotation) is not None or isinstance(annotation, UnionType):
        return [each for part in get_args(annotation) for each in structs_in(part)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct | Enum) else []
