"""The faults of a configuration, with their place in its sources."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agents.core.faults import Fault
from agents.core.nearest import nearest

if TYPE_CHECKING:
    from agents.configuration.loading import Loaded


class InvalidConfiguration(ValueError):
    """Raised with every fault of a configuration, in the order of the file. The text has one line per fault.

    rest: the configuration without its invalid values, for checks of the rest; None if it is unknown.
    """

    def __init__(self, faults: Iterable[Fault], rest: "Loaded | None" = None) -> None:
        self.faults, self.rest = tuple(faults), rest
        super().__init__("\n".join(map(str, self.faults)))


def unknown_key(name: str, known: Iterable[str]) -> str:
    """Return the unknown key in words, with a suggestion if a known key is similar."""
    names = list(known)
    if not names:
        return f"{name}, where no key is"
    near = nearest(name, names)
    return f"{name}; did you mean {near}?" if near else f"{name}; known are {', '.join(names)}"
