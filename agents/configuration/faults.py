"""The faults of a configuration, one line per fault."""

from collections.abc import Iterable

from msgspec import Struct

from agents.configuration.erlang.printer import escaped
from agents.core.nearest import nearest

KeyPath = tuple[str | int, ...]
"""The path of a value in Settings: ("agents", 0, "name")."""


class Fault(Struct, frozen=True):
    """One fault of a configuration.

    where: file:line:column, or the variable or flag. path: of the key, "" for a whole file.
    """

    where: str
    path: KeyPath
    expected: str
    got: str

    def __str__(self) -> str:
        text = f"expected {self.expected}, got {self.got}"
        return escaped(": ".join(filter(None, (self.where, dotted(self.path), text))))


class InvalidConfiguration(ValueError):
    """Raised with every fault of a configuration. The text has one line per fault, in the order of the file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def dotted(path: KeyPath) -> str:
    """agents[0].streaming_config.chunk_timeout"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def unknown_key(name: str, known: Iterable[str]) -> str:
    """Return the unknown key in words, with a suggestion if a known key is similar."""
    names = list(known)
    if not names:
        return f"{name}, where no key is"
    near = nearest(name, names)
    return f"{name}; did you mean {near}?" if near else f"{name}; known are {', '.join(names)}"
