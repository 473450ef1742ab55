"""JSON schemas of clients: a subset of JSON Schema, checked in a bounded number of steps.

    schema = bounded_schema({"type": "object", "properties": {"age": {"type": "integer"}}})
    schema.faults({"age": "old"})      # ("$.age: expected integer, got 'old'",)

The check runs on the event loop, beside all streams, so no schema and no value may block it for long:

- bounded_schema refuses a keyword without a bound (regular expressions, dynamic references) and a reference to data.
- Every step of a check is counted, and the check stops after MAX_STEPS.
"""

from agents.agent_config.bounded.reading import InvalidSchema
from agents.agent_config.bounded.schema import BoundedSchema, bounded_schema

__all__ = ["BoundedSchema", "InvalidSchema", "bounded_schema"]
