"""The faults of a request. pydantic's own texts name regular expressions and its inner types.

A fault does not repeat the value: the value may be long, or a secret in the wrong place.
"""

from collections.abc import Mapping
from typing import Any, Final

from agents.core.faults import Fault
from agents.settings.faults import of_pydantic

BUILTIN_TOOL: Final = r"^[a-z_]+$"
OBJECT: Final = "a JSON object"


def fault_of(error: Mapping[str, Any]) -> Fault:
    """Return the fault. error: one of pydantic's or FastAPI's."""
    context = error.get("ctx", {})
    path = _path(tuple(error["loc"])) or ("message",)
    match error["type"]:
        case "string_pattern_mismatch" if context["pattern"] == BUILTIN_TOOL:
            return Fault(path, "the name of a built-in tool, as calculator: code is not accepted over HTTP")
        case "model_type" | "model_attributes_type" | "dict_type":
            return Fault(path, OBJECT)
        case "json_invalid":
            return Fault(path, "JSON", f"something else ({context['error']})")
        case "string_unicode":
            return Fault(path, "text in UTF-8")
        case "union_tag_not_found":
            return Fault(path, f"the key {context['discriminator']}")
        case "union_tag_invalid":
            key, tags, tag = (context[each] for each in ("discriminator", "expected_tags", "tag"))
            return Fault(path, f"{key} to be one of {tags}", repr(tag[:40]))
    return of_pydantic({**error, "loc": path})


def _path(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return the path without the type of a part, which pydantic adds after the part's place."""
    return tuple(each for at, each in enumerate(loc) if at < 2 or loc[at - 2] != "parts" or isinstance(each, int))
