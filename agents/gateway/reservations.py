"""Message ids that are reserved before their streams begin: each for one user, and for a limited time.

A reservation also stays while its stream runs: so no one else gets the id before the stream is known by it.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from agents.gateway.errors import Refusal

RESERVED_S: Final = 600.0
MOST: Final = 1000  # that a user may hold at a time


class Reservations:
    """In memory: a daemon that restarts has none. user: None for the install's token. now_s: the clock."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._held: dict[str, tuple[str | None, float]] = {}  # by id, the oldest first: the user, and the end
        self._counts: Counter[str | None] = Counter()

    def reserve(self, id_: str, user: str | None) -> None:
        """Raises Refusal for an id that is reserved, also by the same user, and for one too many."""
        now_s = self._now_s()
        self._end(now_s)
        if id_ in self._held:
            raise Refusal(409, "expected an id of no message, got one that is reserved", "conflict")
        if self._counts[user] >= MOST:
            raise Refusal(429, f"expected at most {MOST} reserved messages at a time: stream some, or wait")
        self._held[id_] = user, now_s + RESERVED_S
        self._counts[user] += 1

    def check(self, id_: str, user: str | None) -> None:
        """Raises Refusal if the id is reserved for another user."""
        self._end(self._now_s())
        if id_ in self._held and self._held[id_][0] != user:
            raise Refusal(409, "expected a stream_id that is free, got one that is reserved", "conflict")

    def _end(self, now_s: float) -> None:
        """Forget the reservations whose time is over."""
        while self._held:
            id_, (user, end_s) = next(iter(self._held.items()))
            if end_s > now_s:
                return
            del self._held[id_]
            self._counts[user] -= 1
            if not self._counts[user]:
                del self._counts[user]
