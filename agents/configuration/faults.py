"""The faults of a configuration, with their place in its sources."""

from collections.abc import Iterable

from agents.core.faults import Fault
from agents.core.nearest import nearest


class InvalidConfiguration(ValueError):
    """Raised with every fault of a configuration, in the order of the file. The text has one line per fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def unknown_key(name: str, known: Iterable[str]) -> str:
    """Return the unknown key in words, with a suggestion if a known key is similar."""
    names = list(known)
    if not names:
        return f"{name}, where no key is"
    near = nearest(name, names)
    return f"{name}; did you mean {near}?" if near else f"{name}; known are {', '.join(names)}"
