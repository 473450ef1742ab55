"""JSON schemas that come from clients: a pattern is a program that may run for ever, on the loop."""

from collections.abc import Iterator
from typing import Any, Final

PATTERNS: Final = frozenset({"pattern", "patternProperties"})
NAMED: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose keys are names, and no keywords."""
DATA: Final = frozenset({"const", "default", "enum", "examples"})


def without_patterns(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema. Raises ValueError if it has a regular expression.

    Python's own take exponential time on some texts and can't be interrupted: a client would hold all agents up.
    """
    left: list[Any] = [schema]
    while left:
        match left.pop():
            case dict() as each:
                if found := PATTERNS & each.keys():
                    raise ValueError(f"expected a schema without regular expressions, got {min(found)}")
                left += _schemas_in(each)
            case list() as items:
                left += items
    return schema


def _schemas_in(schema: dict[str, Any]) -> Iterator[Any]:
    for keyword, value in schema.items():
        if keyword in NAMED and isinstance(value, dict):
            yield from value.values()
        elif keyword not in DATA:
            yield value
