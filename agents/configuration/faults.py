"""The faults of a configuration, with their place in its sources."""

from collections.abc import Iterable
from difflib import get_close_matches

from agents.core.faults import Fault


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
    near = get_close_matches(name, names, n=1)
    return f"{name}; did you mean {near[0]}?" if near else f"{name}; known are {', '.join(names)}"
