"""A client's schema as a value: its size is bounded, and it checks values."""

import json
from typing import Any, Final

from msgspec import Struct

from agents.agent_config.bounded.check import MAX_STEPS, CheckState, SchemaNode, TooMuch
from agents.agent_config.bounded.reading import InvalidSchema, SchemaReader
from agents.core.faults import Fault

MAX_BYTES: Final = 64 * 1024
MAX_NESTING: Final = 64  # nested arrays and objects
MAX_HEIGHT: Final = 30  # schemas that apply to one value, each because of the previous one


class BoundedSchema(Struct, frozen=True):
    root: SchemaNode

    def faults(self, value: Any) -> tuple[str, ...]:
        """Return one line per fault, at most MAX_FAULTS; empty if the value matches the schema. value: JSON data."""
        run = CheckState()
        try:
            self.root.check(value, None, run)
        except TooMuch as stopped:
            return (f"answer: {stopped}",)
        return tuple(run.faults)


def bounded_schema(schema: Any) -> BoundedSchema:
    """Return the schema. Raises InvalidSchema if it is invalid or has no bounded check."""
    _check_size(schema)
    reading = SchemaReader()
    root = reading.node(schema, "")
    reading.resolve()
    _check_width(root)
    return BoundedSchema(root)


def _check_size(schema: Any) -> None:
    try:
        size = len(json.dumps(schema, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSchema(Fault((), "JSON data", f"a {type(error).__name__}")) from None
    if size > MAX_BYTES:
        raise InvalidSchema(Fault((), f"a schema of at most {MAX_BYTES} bytes", str(size)))
    level, depth = [schema], 0
    while level:
        depth += 1
        inside = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [item for items in inside for item in items]
    if depth > MAX_NESTING:
        raise InvalidSchema(Fault((), f"a schema that nests at most {MAX_NESTING} deep", str(depth)))


def _check_width(root: SchemaNode) -> None:
    """Check the steps for one value without its content. Raises InvalidSchema if they exceed the steps of a check."""
    known: dict[SchemaNode, tuple[int, int]] = {}

    def measured(node: SchemaNode, above: int) -> tuple[int, int]:
        """Return the steps, and the height of the nested schemas."""
        width, height = known.get(node, (node.cost, 0))
        if above + height > MAX_HEIGHT:
            expected = f"schemas that lead to each other at most {MAX_HEIGHT} times"
            raise InvalidSchema(Fault((), expected, "more, or a circle"))
        if node not in known:
            for other in node.here:
                more, below = measured(other, above + 1)
                width, height = width + more, max(height, below + 1)
            known[node] = width, height
        return width, height

    width = measured(root, 0)[0]
    if width > MAX_STEPS:
        raise InvalidSchema(Fault((), f"a schema that takes at most {MAX_STEPS} steps for one value", str(width)))
