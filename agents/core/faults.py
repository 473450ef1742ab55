"""A fault of a given value: in settings, in an agent's configuration, in a tool, or in a client's request.

The code that finds a fault makes a Fault. The code that shows it to a person makes the text, by str(). The faults of
turns are in errors.py.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from agents.core.escapes import escaped

KeyPath = tuple[str | int, ...]
"""The path of a value: ("agents", 0, "name")."""

FLAG: Final = "--set "
"""The begin of the name of a flag, before its key."""


class Where(Struct, frozen=True):
    """The place of a text. name: of a file, a variable or a flag. line, column: from 1 in a file, else 0."""

    name: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}" if self.line else self.name


class Fault(Struct, frozen=True):
    """A value that is not as expected.

    path: of the value; () for the whole. expected, got: in words, without a secret; got is "" if it is not shown.
    inside: the place within the value, if no key leads there: a function of a tool, or a pointer into a JSON schema.
    where: the place of the value's text, if known.
    """

    path: KeyPath
    expected: str
    got: str = ""
    inside: str = ""
    where: Where | None = None

    def below(self, *above: str | int) -> "Fault":
        """Return the fault of the value that has this one at the path `above`."""
        return replace(self, path=(*above, *self.path))

    def within(self, place: str) -> "Fault":
        """Return the fault with a place around its own `inside`."""
        return replace(self, inside=": ".join(filter(None, (place, self.inside))))

    def __str__(self) -> str:
        where, key = str(self.where or ""), dotted(self.path)
        if where == f"{FLAG}{key}":  # the flag's name has the key
            key = ""
        got = f", got {self.got}" if self.got else ""
        return escaped(": ".join(filter(None, (where, key, self.inside, f"expected {self.expected}{got}"))))


class InvalidValue(ValueError):
    """Raised for one invalid value. The text is that of the fault, on one line."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def dotted(path: KeyPath) -> str:
    """agents[0].streaming_config.chunk_timeout"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def expectation(error: Mapping[str, Any]) -> str:
    """Return what pydantic expected, in words. error: one of ValidationError.errors()."""
    context: Mapping[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return "a known key"
        case "greater_than":
            return f"more than {context['gt']}"
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "less_than":
            return f"less than {context['lt']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case "string_too_short" | "too_short" if context["min_length"] == 1:
            return "a value that is not empty"
        case "string_too_long":
            return f"at most {context['max_length']} characters"
    message: str = error["msg"]
    return message.removeprefix("Input should be ")
