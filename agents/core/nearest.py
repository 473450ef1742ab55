"""The known name that a misspelled name most likely means."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: object, known: Iterable[str]) -> str | None:
    """Return the most similar of the known names, or None if none is similar."""
    return next(iter(get_close_matches(str(name), list(known), n=1)), None)


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return the end of an error's line: "; did you mean 'model'?", or nothing if no known name is similar."""
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"
