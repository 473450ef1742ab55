"""A request to the gateway as the meters see it."""

from typing import Final

from msgspec import Struct

METERS: Final = "meters"
"""The group of the processes that get TurnEnded and RequestAnswered."""


class RequestAnswered(Struct, frozen=True):
    """A request that has ended. route: a path with names in place of ids, or "other". head_s: the time to the head."""

    method: str
    route: str
    status: int
    head_s: float
