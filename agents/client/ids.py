"""Ids in the paths of requests."""

from typing import Final

from agents.client.errors import InvalidId

SEGMENTS: Final = frozenset({"", ".", ".."})
"""Texts that lead to another path than that of an id. Source: RFC 3986, 5.2.4 removes the dots."""


def valid_id(given: str) -> str:
    """Return the id. Raises InvalidId for a text with which the path would name something else."""
    if given in SEGMENTS:
        raise InvalidId(given)
    return given
