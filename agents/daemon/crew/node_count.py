"""How many nodes `serve --nodes` starts."""

import os
import re
from typing import Final

from agents.daemon.errors import CannotStart
from agents.settings import Durability, Settings
from agents.settings.cluster import UNIX

AUTO: Final = "auto"
MOST: Final = 256
MOST_ON_SQLITE: Final = 4
"""SQLite has one writer at a time: with four busy nodes, a write already waits for up to half a second."""


def node_count(given: str, settings: Settings) -> int:
    """Return the number of nodes. given: a number, or `auto` for one node per core. Raises CannotStart."""
    if settings.sessions.durability is Durability.OFF:
        raise CannotStart(
            "sessions.durability: expected batched or sync with --nodes, got off: nodes share kept sessions"
        )
    sqlite = _on_sqlite(settings)
    if given == AUTO:
        cores = len(os.sched_getaffinity(0))
        count = min(cores, MOST_ON_SQLITE if sqlite else MOST)
    else:
        count = _number(given)
    if sqlite and count > MOST_ON_SQLITE:
        expected = f"--nodes: expected at most {MOST_ON_SQLITE} with a store in SQLite"
        raise CannotStart(f"{expected}, got {count}: set sessions.url to a PostgreSQL database")
    if count > 1 and settings.cluster.listen != UNIX:
        raise CannotStart(f"cluster.listen: expected {UNIX} with --nodes {count}, got {settings.cluster.listen!r}")
    return count


def _number(given: str) -> int:
    if re.fullmatch("[0-9]{1,9}", given) is None or not 1 <= int(given) <= MOST:
        raise CannotStart(f"--nodes: expected a number from 1 to {MOST}, or {AUTO}, got {given!r}")
    return int(given)


def _on_sqlite(settings: Settings) -> bool:
    url = settings.sessions.url
    return url is None or url.startswith("sqlite")
