"""The texts for faults of a request. pydantic's own texts name regular expressions and its inner types.

A text does not repeat the faulty value: the value may be long, or a secret in the wrong place.
"""

from collections.abc import Mapping
from typing import Any, Final

from agents.settings.values import NO_TEXT, in_words

LINE: Final = 300  # characters
BUILTIN_TOOL: Final = r"^[a-z_]+$"
OBJECT: Final = "expected a JSON object"


def line_of(fault: Mapping[str, Any]) -> str:
    """Return one line for a fault of pydantic: the place, and the expected value."""
    where = ".".join(map(str, fault["loc"])) or "message"
    if fault["type"] == NO_TEXT:
        return f"{where}.{fault['msg']}"[:LINE]
    return f"{where}: {_words(fault)}"[:LINE]


def _words(fault: Mapping[str, Any]) -> str:
    context = fault.get("ctx", {})
    match fault["type"]:
        case "string_pattern_mismatch" if context["pattern"] == BUILTIN_TOOL:
            return "code is not accepted over HTTP: expected the name of a built-in tool, as calculator"
        case "value_error":
            return str(context["error"])
        case "model_type" | "model_attributes_type" | "dict_type":
            return OBJECT
        case "json_invalid":
            return f"expected JSON, got something else ({context['error']})"
        case "string_unicode":
            return "expected text in UTF-8"
        case "union_tag_not_found":
            return f"expected the key {context['discriminator']}"
        case "union_tag_invalid":
            key, tags, tag = (context[each] for each in ("discriminator", "expected_tags", "tag"))
            return f"expected {key} to be one of {tags}, got {tag[:40]!r}"
    return in_words(fault)
