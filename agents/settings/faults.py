"""The faults that pydantic finds, as Fault values."""

from collections.abc import Mapping
from typing import Any

from agents.core.faults import Fault, InvalidValue, expectation
from agents.settings.values import SPELLINGS


def of_pydantic(error: Mapping[str, Any]) -> Fault:
    """Return the fault. error: one of ValidationError.errors(). Most faults do not show the value."""
    path, context = tuple(error["loc"]), error.get("ctx", {})
    match error["type"], context.get("error"):
        case "value_error", InvalidValue(fault=fault):
            return fault.below(*path)
        case "value_error", other:
            return Fault(path, f"another value ({other})")
        case "string_pattern_mismatch", _ if (words := SPELLINGS.get(context["pattern"])) is not None:
            return Fault(path, words)
        case "missing", _:
            return Fault(path, "a value", "none")
    return Fault(path, expectation(error))
