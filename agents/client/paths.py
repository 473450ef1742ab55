"""The paths of requests."""

from typing import Final
from urllib.parse import quote

from agents.client.errors import InvalidId

SEGMENTS: Final = frozenset({"", ".", ".."})
"""Ids that would lead to another path. Source: RFC 3986, 5.2.4 removes the dots."""


def path(*parts: str) -> str:
    """Return a path with these parts, words and ids, each quoted. Raises InvalidId."""
    for part in parts:
        if part in SEGMENTS:
            raise InvalidId(part)
    return "".join(f"/{quote(part, safe='')}" for part in parts)
